"""The permissions of the function: exactly the actions that `storage/` uses on each table and index."""

from typing import Any, Final

from troposphere import AWSHelperFn, GetAtt, Ref, Sub, Template
from troposphere.iam import Policy, PolicyType, Role

from cfn.template.conditions import TRACING_IS_ON
from cfn.template.tables import table_arn
from storage.schema import BY_DATE, BY_STATUS

#: Table, or table/index/name -> the allowed actions. A transaction is authorised by the actions of its steps.
GRANTS: Final[dict[str, tuple[str, ...]]] = {
    "Events": ("BatchGetItem", "ConditionCheckItem", "DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem"),
    f"Events/index/{BY_DATE}": ("Query",),
    f"Events/index/{BY_STATUS}": ("Query",),
    "Users": ("BatchGetItem", "ConditionCheckItem", "DeleteItem", "GetItem", "PutItem", "UpdateItem"),
    "Registrations": (
        "BatchGetItem",
        "ConditionCheckItem",
        "DeleteItem",
        "GetItem",
        "PutItem",
        "Query",
        "UpdateItem",
    ),
}


def add_role(template: Template) -> None:
    """Add the execution role of the function."""
    template.add_resource(
        Role(
            "FunctionRole",
            Description=Sub("Permissions of the function of the stack ${AWS::StackName}"),
            AssumeRolePolicyDocument=document(
                {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
            ),
            Policies=[
                Policy(PolicyName="tables", PolicyDocument=document(*_table_statements())),
                Policy(PolicyName="logs", PolicyDocument=document(_log_statement())),
            ],
        )
    )
    template.add_resource(
        PolicyType(
            "TracesPolicy",
            Condition=TRACING_IS_ON,
            PolicyName="traces",
            PolicyDocument=document(_trace_statement()),
            Roles=[Ref("FunctionRole")],
        )
    )


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    """Return a policy document."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


def _table_statements() -> list[dict[str, Any]]:
    return [
        {"Effect": "Allow", "Action": [f"dynamodb:{action}" for action in actions], "Resource": _arn(resource)}
        for resource, actions in GRANTS.items()
    ]


def _arn(resource: str) -> AWSHelperFn:
    table, separator, below = resource.partition("/")
    return table_arn(table, separator + below)


def _log_statement() -> dict[str, Any]:
    # The ARN ends in `:*`, which covers the streams of this group only.
    actions = ["logs:CreateLogStream", "logs:PutLogEvents"]
    return {"Effect": "Allow", "Action": actions, "Resource": GetAtt("ServiceLog", "Arn")}


def _trace_statement() -> dict[str, Any]:
    # X-Ray does not support permissions on single resources for these two actions.
    actions = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
    return {"Effect": "Allow", "Action": actions, "Resource": "*"}
