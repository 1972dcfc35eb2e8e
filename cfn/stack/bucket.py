"""Uploads the package to the S3 bucket that Lambda loads it from."""

import base64
from http import HTTPStatus
from typing import Any

from botocore.exceptions import ClientError

from cfn.errors import CommandError
from cfn.package.build import Package
from cfn.stack.aws import Aws


def upload(aws: Aws, package: Package, bucket_name: str | None) -> str:
    """Upload the package unless it is there already, and return the bucket's name.

    Without `bucket_name`, the bucket is `default_name`, and is created if needed.

    Raises:
        CommandError: The bucket can't be used, or what it has under the package's key are other bytes.

    """
    s3 = aws.client("s3")
    bucket = bucket_name or default_name(aws)
    if not _exists(aws, s3, bucket):
        if bucket_name:
            raise CommandError(f"There is no bucket {bucket_name!r}: create it, or omit --bucket to have one created.")
        _create(aws, s3, bucket)
    target = {"Bucket": bucket, "Key": package.key, "ExpectedBucketOwner": aws.account}
    checksum = base64.b64encode(bytes.fromhex(package.sha256)).decode()
    if _stored_checksum(s3, target) != checksum:
        # S3 refuses content that has another checksum; the next lines are for a store that does not compare.
        s3.put_object(**target, Body=package.content, ContentType="application/zip", ChecksumSHA256=checksum)
        if (found := _stored_checksum(s3, target)) != checksum:
            raise CommandError(
                f"Bucket {bucket!r} has other bytes under {package.key}, with SHA-256 {found} and not {checksum}: "
                "deploy again."
            )
    return bucket


def default_name(aws: Aws) -> str:
    """Return the name of the account's package bucket in the region."""
    return f"events-api-packages-{aws.account}-{aws.region}"


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


def _create(aws: Aws, s3: Any, bucket: str) -> None:
    location = {"CreateBucketConfiguration": {"LocationConstraint": aws.region}} if aws.region != "us-east-1" else {}
    s3.create_bucket(Bucket=bucket, ObjectOwnership="BucketOwnerEnforced", **location)
    blocks = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=dict.fromkeys(blocks, True))
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})


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
