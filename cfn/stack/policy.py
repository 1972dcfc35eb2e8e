"""The IAM policies of a deployment: of the person or job that runs the commands, and of a role for CloudFormation."""

from typing import Any, Final

from cfn.stack import lookup
from cfn.stack.resource_actions import resource_statements, statement

_DEFAULT_BUCKET: Final = "events-api-packages-*"
_CHANGE: Final = (
    "CreateChangeSet DeleteChangeSet DescribeChangeSet ExecuteChangeSet DescribeStackEvents DescribeStackResources "
    "DescribeStacks GetTemplate DeleteStack UpdateTerminationProtection TagResource UntagResource"
)
_KEEP_BUCKET: Final = (
    "CreateBucket ListBucket PutBucketOwnershipControls PutBucketPolicy PutBucketPublicAccessBlock "
    "PutEncryptionConfiguration PutLifecycleConfiguration"
)


def deployer_policy(stack: str, bucket: str | None = None, role_arn: str | None = None) -> dict[str, Any]:
    """Return the policy for `deploy`, `rollback`, `destroy`, `redrive` and `logs` of one stack.

    CloudFormation makes the resources with the permissions of the caller, unless it is given a role.
    """
    lookup.check_name(stack)
    if role_arn is None:
        return _document(*_own_statements(stack, bucket), *resource_statements(stack, bucket or _DEFAULT_BUCKET))
    passing = statement("iam", ["PassRole"], role_arn)
    passing["Condition"] = {"StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"}}
    return _document(*_own_statements(stack, bucket), passing)


def role_policy(stack: str, bucket: str | None = None) -> dict[str, Any]:
    """Return the policy of a role that CloudFormation makes the resources of one stack with."""
    lookup.check_name(stack)
    return _document(*resource_statements(stack, bucket or _DEFAULT_BUCKET))


def _own_statements(stack: str, bucket: str | None) -> list[dict[str, Any]]:
    packages = f"arn:aws:s3:::{bucket or _DEFAULT_BUCKET}"
    group = f"arn:aws:codedeploy:*:*:deploymentgroup:{stack}-*"
    return [
        statement("cloudformation", _CHANGE.split(), f"arn:aws:cloudformation:*:*:stack/{stack}/*"),
        statement("s3", ["ListBucket"] if bucket else _KEEP_BUCKET.split(), packages),
        statement(
            "s3",
            ["GetObject", "PutObject", "DeleteObject", "PutObjectTagging", "DeleteObjectTagging"],
            f"{packages}/{stack}/*",
        ),
        # A new version is invoked before it serves.
        statement(
            "lambda",
            ["GetAlias", "GetFunctionConfiguration", "InvokeFunction"],
            f"arn:aws:lambda:*:*:function:{stack}-*",
        ),
        statement("codedeploy", ["ListDeployments"], group),
        # The tables that an earlier stack left, and the number of items that go with a stack.
        statement("dynamodb", ["DescribeTable", "Scan"], f"arn:aws:dynamodb:*:*:table/{stack}-*"),
        statement("dynamodb", ["GetRecords", "GetShardIterator"], f"arn:aws:dynamodb:*:*:table/{stack}-*/stream/*"),
        statement("sqs", ["DeleteMessage", "ReceiveMessage", "SendMessage"], f"arn:aws:sqs:*:*:{stack}-*"),
        statement("ssm", ["DeleteParameter", "PutParameter"], f"arn:aws:ssm:*:*:parameter/{stack}/*"),
        statement("logs", ["FilterLogEvents"], f"arn:aws:logs:*:*:log-group:/aws/lambda/{stack}:*"),
        {
            "Effect": "Allow",
            "Action": ["codedeploy:StopDeployment", "dynamodb:ListTables", "lambda:GetAccountSettings"],
            "Resource": "*",
        },
    ]


def _document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}
