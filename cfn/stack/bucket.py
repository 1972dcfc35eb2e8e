"""Uploads the package to the S3 bucket that Lambda loads it from."""

import base64
import re
from http import HTTPStatus
from typing import Any, Final

from botocore.exceptions import ClientError

from cfn.errors import CommandError
from cfn.package.build import Package
from cfn.stack.aws import Aws
from cfn.stack.default_bucket import REPLACED, create_bucket, default_name, protect_bucket

_KEY: Final = re.compile(r"(?P<stack>[^/]+)/(?P<sources>[0-9a-f]{16})-(?P<sha256>[0-9a-f]{64})\.zip")


def find_bucket(aws: Aws, given: str | None) -> str | None:
    """Return the name of the bucket for packages, or None if the default one does not exist yet.

    Raises:
        CommandError: The bucket that was given does not exist, or the bucket can't be used.

    """
    bucket = given or default_name(aws)
    if _exists(aws, aws.client("s3"), bucket):
        return bucket
    if bucket != default_name(aws):
        raise CommandError(f"There is no bucket {bucket!r}: create it, or choose another with --bucket.")
    return None


def object_key(stack: str, package: Package) -> str:
    """Return the key of the package: its stack, what it is built from, and its content hash."""
    return f"{stack}/{package.sources}-{package.sha256}.zip"


def is_stored(aws: Aws, bucket: str, key: str, sources: str) -> bool:
    """Return whether a key is of a package from these sources, which is in the bucket, and whole."""
    found = _KEY.fullmatch(key)
    if found is None or found["sources"] != sources:
        return False
    target = {"Bucket": bucket, "Key": key, "ExpectedBucketOwner": aws.account}
    return _stored_checksum(aws.client("s3"), target) == _checksum(found["sha256"])


def upload(aws: Aws, package: Package, bucket: str | None, stack: str) -> None:
    """Upload the package of a stack unless it is there already; without `bucket`, create the default one.

    Raises:
        CommandError: What the bucket has under the package's key are other bytes.

    """
    s3 = aws.client("s3")
    if bucket is None:
        bucket = default_name(aws)
        create_bucket(aws, s3, bucket)
    if bucket == default_name(aws):
        protect_bucket(aws, s3, bucket)  # Each time: an earlier command may have been interrupted before it.
    target = {"Bucket": bucket, "Key": object_key(stack, package), "ExpectedBucketOwner": aws.account}
    checksum = _checksum(package.sha256)
    if _stored_checksum(s3, target) != checksum:
        # S3 refuses content that has another checksum; the next lines are for a store that does not compare.
        s3.put_object(**target, Body=package.content, ContentType="application/zip", ChecksumSHA256=checksum)
        if (found := _stored_checksum(s3, target)) != checksum:
            raise CommandError(
                f"Bucket {bucket!r} has other bytes under {target['Key']}, with SHA-256 {found} and not {checksum}: "
                "deploy again."
            )
    else:
        s3.delete_object_tagging(**target)  # It may have been replaced, and is in use again.


def mark_replaced(aws: Aws, bucket: str, key: str) -> None:
    """Let a package expire that a later deployment has replaced.

    Age alone decides nothing: CloudFormation may have to go back to the package of the last deployment, however old.
    """
    target = {"Bucket": bucket, "Key": key, "ExpectedBucketOwner": aws.account}
    try:
        aws.client("s3").put_object_tagging(**target, Tagging={"TagSet": [REPLACED]})
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != HTTPStatus.NOT_FOUND:
            raise


def _exists(aws: Aws, s3: Any, bucket: str) -> bool:
    # Bucket names are global: another account may own this one, and could then replace the code that we run.
    try:
        found = s3.head_bucket(Bucket=bucket, ExpectedBucketOwner=aws.account)
    except ClientError as error:
        match error.response["ResponseMetadata"]["HTTPStatusCode"]:
            case HTTPStatus.NOT_FOUND:
                return False
            case HTTPStatus.MOVED_PERMANENTLY:
                raise CommandError(f"Bucket {bucket!r} is in another region: choose one in {aws.region}.") from error
            case HTTPStatus.BAD_REQUEST | HTTPStatus.FORBIDDEN:
                raise CommandError(f"Bucket {bucket!r} can't be used by this account: choose another.") from error
        raise
    if (region := found.get("BucketRegion", aws.region)) != aws.region:
        raise CommandError(
            f"Bucket {bucket!r} is in {region}: Lambda loads packages only from a bucket in {aws.region}."
        )
    return True


def _checksum(sha256: str) -> str:
    return base64.b64encode(bytes.fromhex(sha256)).decode()


def _stored_checksum(s3: Any, target: dict[str, str]) -> str | None:
    """Return the SHA-256 that S3 computed of the object; None if there is no object, or if it came without one."""
    try:
        found = s3.head_object(**target, ChecksumMode="ENABLED")
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == HTTPStatus.NOT_FOUND:
            return None
        raise
    checksum: str | None = found.get("ChecksumSHA256")
    return checksum
