"""The package is uploaded only to a bucket of this account and region."""

import base64
import json
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cfn.errors import CommandError
from cfn.package.build import Package
from cfn.stack.aws import Aws
from cfn.stack.bucket import find_bucket, mark_replaced, object_key, upload
from cfn.stack.default_bucket import default_name


class _Account:
    """An account in which HeadBucket responds with a given status and region."""

    account = "123456789012"
    region = "eu-west-1"
    partition = "aws"

    def __init__(self, status: int = 200, region: str = "eu-west-1") -> None:
        self._status, self._region = status, region
        self.owners: set[str] = set()
        self.checksum = ""

    def client(self, _service: str) -> "_Account":
        return self

    def head_bucket(self, **request: str) -> dict[str, Any]:
        self.owners.add(request["ExpectedBucketOwner"])
        if self._status != 200:
            raise ClientError({"Error": {}, "ResponseMetadata": {"HTTPStatusCode": self._status}}, "HeadBucket")  # type: ignore[typeddict-item] # only the status is read
        return {"BucketRegion": self._region}

    def head_object(self, **request: str) -> dict[str, str]:
        self.owners.add(request["ExpectedBucketOwner"])
        return {"ChecksumSHA256": self.checksum}

    def put_object(self, **request: str) -> None:
        self.owners.add(request["ExpectedBucketOwner"])

    delete_object_tagging = put_bucket_encryption = put_bucket_lifecycle_configuration = put_object
    put_bucket_policy = put_public_access_block = put_object


def _find(account: _Account, given: str | None = None) -> str | None:
    return find_bucket(account, given)  # type: ignore[arg-type] # it has every member that is used


def _upload(aws: Any, package: Package) -> dict[str, str]:
    """Upload a package to the default bucket, and return where it is."""
    upload(aws, package, find_bucket(aws, None), "demo")
    return {"Bucket": default_name(aws), "Key": object_key("demo", package)}


@pytest.mark.parametrize(
    ("account", "message"),
    [
        (_Account(403), "Bucket 'taken' can't be used by this account: choose another"),
        (_Account(301), "Bucket 'taken' is in another region: choose one in eu-west-1"),
        (
            _Account(region="us-east-1"),
            "is in us-east-1: Lambda loads packages only from a bucket in eu-west-1",
        ),
        (_Account(404), "There is no bucket 'taken': create it, or choose another with --bucket"),
    ],
)
def test_an_unusable_bucket_is_refused_with_the_reason(account: _Account, message: str) -> None:
    with pytest.raises(CommandError, match=message):
        _find(account, "taken")


def test_the_default_bucket_need_not_exist_yet() -> None:
    assert _find(_Account(404)) is None


def test_the_default_bucket_must_belong_to_this_account(service: Any) -> None:
    account, package = _Account(), service()
    account.checksum = base64.b64encode(bytes.fromhex(package.sha256)).decode()
    assert _upload(account, package)["Bucket"] == _find(account) == "events-api-packages-123456789012-eu-west-1"
    assert account.owners == {"123456789012"}


def test_other_bytes_under_the_key_of_the_package_are_not_deployed(service: Any) -> None:
    """A store that answers an upload with success and has something else afterwards."""
    account = _Account()
    account.checksum = "other"
    with pytest.raises(
        CommandError, match=r"has other bytes under demo/[0-9a-f]{16}-[0-9a-f]{64}\.zip, with SHA-256 other and not"
    ):
        _upload(account, service())


def test_a_damaged_package_in_the_bucket_is_replaced(aws: Aws, service: Any) -> None:
    package, s3 = service("damaged"), aws.client("s3")
    target = _upload(aws, package)
    s3.put_object(**target, Body=package.content[:100])
    _upload(aws, package)
    assert s3.get_object(**target)["Body"].read() == package.content


def test_a_package_that_is_there_is_not_uploaded_again(recorded: Any, service: Any) -> None:
    package = service("there")
    for _ in range(2):
        _upload(recorded, package)
    assert [operation for _, operation, _ in recorded.calls].count("PutObject") == 1


def test_the_default_bucket_answers_over_tls_only(aws: Aws, service: Any) -> None:
    bucket = _upload(aws, service())["Bucket"]
    (statement,) = json.loads(aws.client("s3").get_bucket_policy(Bucket=bucket)["Policy"])["Statement"]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert statement["Resource"] == [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]


def test_packages_that_were_replaced_expire_and_one_that_is_used_again_does_not(aws: Aws, service: Any) -> None:
    s3, package = aws.client("s3"), service(uuid.uuid4().hex)
    target = _upload(aws, package)
    (rule,) = s3.get_bucket_lifecycle_configuration(Bucket=target["Bucket"])["Rules"]
    assert (rule["Status"], rule["Expiration"]) == ("Enabled", {"Days": 30})
    mark_replaced(aws, target["Bucket"], target["Key"])
    assert s3.get_object_tagging(**target)["TagSet"] == [rule["Filter"]["Tag"]]
    _upload(aws, package)
    assert s3.get_object_tagging(**target)["TagSet"] == []


def test_a_replaced_package_may_be_gone_already(aws: Aws, service: Any) -> None:
    mark_replaced(aws, _upload(aws, service())["Bucket"], "demo/gone.zip")
