"""The bucket that hands the package to Lambda."""

from http import HTTPStatus
from typing import Any

from botocore.exceptions import ClientError

from cfn.errors import CommandError
from cfn.package.build import Package
from cfn.stack.aws import Aws


def upload(aws: Aws, package: Package, named: str | None) -> str:
    """Put the package under its content hash into the named bucket, or the account's own, and return that."""
    s3 = aws.client("s3")
    bucket = named or default_name(aws)
    if not _exists(aws, s3, bucket):
        if named:
            raise CommandError(f"There is no bucket {named!r}: create it, or leave --bucket out to have one made.")
        _create(aws, s3, bucket)
    target = {"Bucket": bucket, "Key": package.key, "ExpectedBucketOwner": aws.account}
    if not _is_uploaded(s3, target):
        s3.put_object(**target, Body=package.path.read_bytes(), ContentType="application/zip")
    return bucket


def default_name(aws: Aws) -> str:
    """Return the name of the account's own bucket in the region."""
    return f"events-api-packages-{aws.account}-{aws.region}"


def _exists(aws: Aws, s3: Any, bucket: str) -> bool:
    # Bucket names belong to the whole world: somebody else may own this one, and would then choose what we run.
    try:
        found = s3.head_bucket(Bucket=bucket, ExpectedBucketOwner=aws.account)
    except ClientError as error:
        match error.response["ResponseMetadata"]["HTTPStatusCode"]:
            case HTTPStatus.NOT_FOUND:
                return False
            case HTTPStatus.MOVED_PERMANENTLY:
                raise CommandError(f"Bucket {bucket!r} is in another region: name one in {aws.region}.") from error
            case HTTPStatus.BAD_REQUEST | HTTPStatus.FORBIDDEN:
                raise CommandError(f"Bucket {bucket!r} is not for this account: name another with --bucket.") from error
        raise
    if (region := found.get("BucketRegion", aws.region)) != aws.region:
        raise CommandError(
            f"Bucket {bucket!r} is in {region}: Lambda takes packages from a bucket in {aws.region} only."
        )
    return True


def _create(aws: Aws, s3: Any, bucket: str) -> None:
    elsewhere = {"CreateBucketConfiguration": {"LocationConstraint": aws.region}} if aws.region != "us-east-1" else {}
    s3.create_bucket(Bucket=bucket, ObjectOwnership="BucketOwnerEnforced", **elsewhere)
    closed = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=dict.fromkeys(closed, True))
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})


def _is_uploaded(s3: Any, target: dict[str, str]) -> bool:
    try:
        s3.head_object(**target)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == HTTPStatus.NOT_FOUND:
            return False
        raise
    return True
