"""The package is uploaded only to a bucket of this account and region."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from cfn.errors import CommandError
from cfn.package.build import Package
from cfn.stack.bucket import default_name, upload


class _Account:
    """An account in which HeadBucket responds with a given status and region."""

    account = "123456789012"
    region = "eu-west-1"

    def __init__(self, status: int = 200, region: str = "eu-west-1") -> None:
        self._status, self._region = status, region
        self.owners: set[str] = set()

    def client(self, _service: str) -> "_Account":
        return self

    def head_bucket(self, **request: str) -> dict[str, Any]:
        self.owners.add(request["ExpectedBucketOwner"])
        if self._status != 200:
            raise ClientError({"Error": {}, "ResponseMetadata": {"HTTPStatusCode": self._status}}, "HeadBucket")  # type: ignore[typeddict-item] # only the status is read
        return {"BucketRegion": self._region}

    def head_object(self, **request: str) -> None:
        self.owners.add(request["ExpectedBucketOwner"])


def _upload(account: _Account, package: Package, bucket_name: str | None = None) -> str:
    return upload(account, package, bucket_name)  # type: ignore[arg-type] # it has every member that is used


@pytest.mark.parametrize(
    ("account", "message"),
    [
        (_Account(403), "Bucket 'taken' can't be used by this account: choose another"),
        (_Account(301), "Bucket 'taken' is in another region: choose one in eu-west-1"),
        (
            _Account(region="us-east-1"),
            "is in us-east-1: Lambda loads packages only from a bucket in eu-west-1",
        ),
        (_Account(404), "There is no bucket 'taken': create it, or omit --bucket"),
    ],
)
def test_an_unusable_bucket_is_refused_with_the_reason(account: _Account, message: str, service: Any) -> None:
    with pytest.raises(CommandError, match=message):
        _upload(account, service(), "taken")


def test_the_default_bucket_must_belong_to_this_account(service: Any) -> None:
    account = _Account()
    assert _upload(account, service()) == default_name(account) == "events-api-packages-123456789012-eu-west-1"  # type: ignore[arg-type] # as above
    assert account.owners == {"123456789012"}
