"""The bucket for packages if none is given: private, encrypted, over TLS only, and without old packages."""

import json
from typing import Any, Final

from cfn.stack.aws import Aws

#: The tag of packages that a later one has replaced.
REPLACED: Final = {"Key": "events-api", "Value": "replaced"}
#: How long they stay, in days.
_DAYS: Final = 30


def default_name(aws: Aws) -> str:
    """Return the name of the account's package bucket in the region."""
    return f"events-api-packages-{aws.account}-{aws.region}"


def create_bucket(aws: Aws, s3: Any, bucket: str) -> None:
    """Create the bucket, whose objects all belong to the account."""
    location = {"CreateBucketConfiguration": {"LocationConstraint": aws.region}} if aws.region != "us-east-1" else {}
    s3.create_bucket(Bucket=bucket, ObjectOwnership="BucketOwnerEnforced", **location)


def protect_bucket(aws: Aws, s3: Any, bucket: str) -> None:
    """Make the bucket private, encrypted and reachable over TLS only, and let replaced packages expire."""
    owned = {"Bucket": bucket, "ExpectedBucketOwner": aws.account}
    blocks = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    s3.put_public_access_block(**owned, PublicAccessBlockConfiguration=dict.fromkeys(blocks, True))
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    s3.put_bucket_encryption(**owned, ServerSideEncryptionConfiguration={"Rules": [rule]})
    s3.put_bucket_policy(**owned, Policy=json.dumps(_only_tls(aws, bucket)))
    expiry = {"ID": "replaced", "Status": "Enabled", "Filter": {"Tag": REPLACED}, "Expiration": {"Days": _DAYS}}
    s3.put_bucket_lifecycle_configuration(**owned, LifecycleConfiguration={"Rules": [expiry]})


def _only_tls(aws: Aws, bucket: str) -> dict[str, Any]:
    resources = [f"arn:{aws.partition}:s3:::{bucket}", f"arn:{aws.partition}:s3:::{bucket}/*"]
    condition = {"Bool": {"aws:SecureTransport": "false"}}
    statement = {"Sid": "OnlyTls", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": resources}
    return {"Version": "2012-10-17", "Statement": [{**statement, "Condition": condition}]}
