"""The package goes only into a bucket of this account and region."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from cfn.errors import CommandError
from cfn.package.build import Package
from cfn.stack.bucket import default_name, upload


class _Account:
    """An account whose bucket answers with one status, or is in one region."""

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


def _upload(account: _Account, package: Package, named: str | None = None) -> str:
    return upload(account, package, named)  # type: ignore[arg-type] # it has all that is called


@pytest.mark.parametrize(
    ("account", "answer"),
    [
        (_Account(403), "Bucket 'taken' is not for this account: name another with --bucket"),
        (_Account(301), "Bucket 'taken' is in another region: name one in eu-west-1"),
        (
            _Account(region="us-east-1"),
            "is in us-east-1: Lambda takes packages from a bucket in eu-west-1",
        ),
        (_Account(404), "There is no bucket 'taken': create it, or leave --bucket out"),
    ],
)
def test_a_bucket_that_cannot_be_used_says_why(account: _Account, answer: str, service: Any) -> None:
    with pytest.raises(CommandError, match=answer):
        _upload(account, service(), "taken")


def test_a_bucket_of_somebody_else_with_our_name_is_never_used(service: Any) -> None:
    account = _Account()
    assert _upload(account, service()) == default_name(account) == "events-api-packages-123456789012-eu-west-1"  # type: ignore[arg-type] # as above
    assert account.owners == {"123456789012"}
