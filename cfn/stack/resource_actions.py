"""What CloudFormation does to make, change, read and delete the resources of a stack, as IAM actions.

The names of resources begin with the stack's. Where CloudFormation gives none, or a service has no permissions on
single resources, a statement is for all. Actions are listed where they reach data or code; a queue, a bus or a topic of
the stack is open as a whole, as a policy must fit in 6,144 characters.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

#: Resource type -> service, actions, and ARNs behind `arn:aws:`, with the stack's name in braces; none stands for all.
ACTIONS: Final[Mapping[str, tuple[str, str, str]]] = {
    "AWS::DynamoDB::Table": (
        "dynamodb",
        (
            "CreateTable DeleteTable UpdateTable Describe* Get* ListTagsOfResource TagResource UntagResource "
            "UpdateContinuousBackups UpdateTimeToLive"
        ),
        "dynamodb:*:*:table/{stack}-*",
    ),
    "AWS::Lambda::Function": (
        "lambda",
        (
            "CreateFunction DeleteFunction UpdateFunctionCode UpdateFunctionConfiguration Get* List* TagResource "
            "UntagResource PutFunctionConcurrency DeleteFunctionConcurrency PutFunctionRecursionConfig "
            "PutRuntimeManagementConfig PublishVersion CreateAlias UpdateAlias DeleteAlias AddPermission "
            "RemovePermission"
        ),
        "lambda:*:*:function:{stack}-*",
    ),
    "AWS::IAM::Role": (
        "iam",
        (
            "CreateRole DeleteRole GetRole UpdateRole UpdateRoleDescription UpdateAssumeRolePolicy PutRolePolicy "
            "DeleteRolePolicy GetRolePolicy List* TagRole UntagRole"
        ),
        "iam::*:role/{stack}-*",
    ),
    "AWS::ApiGatewayV2::Api": (
        "apigateway",
        "DELETE GET PATCH POST PUT AddCertificateToDomain",
        "apigateway:*::/apis apigateway:*::/apis/* apigateway:*::/tags/* apigateway:*::/domainnames*",
    ),
    "AWS::Logs::LogGroup": (
        "logs",
        (
            "CreateLogGroup DeleteLogGroup PutRetentionPolicy DeleteRetentionPolicy PutMetricFilter DeleteMetricFilter "
            "DescribeMetricFilters ListTagsForResource TagResource UntagResource"
        ),
        "logs:*:*:log-group:/aws/lambda/{stack}* logs:*:*:log-group:/aws/vendedlogs/{stack}/*",
    ),
    # The gateway delivers its log through CloudWatch Logs; saved queries have no names in ARNs.
    "AWS::ApiGatewayV2::Stage": (
        "logs",
        (
            "*LogDelivery ListLogDeliveries PutResourcePolicy DescribeResourcePolicies DescribeLogGroups "
            "DescribeIndexPolicies PutQueryDefinition DeleteQueryDefinition DescribeQueryDefinitions"
        ),
        "",
    ),
    "AWS::CloudWatch::Alarm": (
        "cloudwatch",
        (
            "PutMetricAlarm DeleteAlarms ListTagsForResource TagResource UntagResource PutDashboard GetDashboard "
            "DeleteDashboards"
        ),
        "cloudwatch:*:*:alarm:{stack}-* cloudwatch::*:dashboard/{stack}-*",
    ),
    "AWS::CloudWatch::Dashboard": ("cloudwatch", "DescribeAlarms ListDashboards", ""),
    "AWS::SNS::Topic": (
        "sns",
        "*",
        "sns:*:*:{stack}-*",
    ),
    "AWS::CodeDeploy::DeploymentGroup": (
        "codedeploy",
        "Create* Delete* Get* List* Update* RegisterApplicationRevision TagResource UntagResource",
        (
            "codedeploy:*:*:application:{stack}-* codedeploy:*:*:deploymentgroup:{stack}-* "
            "codedeploy:*:*:deploymentconfig:CodeDeployDefault.Lambda*"
        ),
    ),
    "AWS::CodeDeploy::Application": (
        "codedeploy",
        "CreateCloudFormationDeployment GetDeploymentTarget ListDeploymentTargets StopDeployment",
        "",
    ),
    "AWS::Budgets::Budget": (
        "budgets",
        "ModifyBudget ViewBudget ListTagsForResource TagResource UntagResource",
        "budgets::*:budget/{stack}-*",
    ),
    "AWS::Events::EventBus": (
        "events",
        "*",
        "events:*:*:event-bus/{stack} events:*:*:rule/{stack}/*",
    ),
    "AWS::SQS::Queue": (
        "sqs",
        "*",
        "sqs:*:*:{stack}-*",
    ),
    "AWS::Lambda::EventSourceMapping": (
        "lambda",
        "*EventSourceMapping",
        "",
    ),
    "AWS::Scheduler::Schedule": (
        "scheduler",
        "*Schedule",
        "scheduler:*:*:schedule/default/{stack}-*",
    ),
}
#: Resource type -> the type whose statement has its actions as well.
COVERED: Final[Mapping[str, str]] = {
    "AWS::ApiGatewayV2::ApiMapping": "AWS::ApiGatewayV2::Api",
    "AWS::ApiGatewayV2::DomainName": "AWS::ApiGatewayV2::Api",
    "AWS::ApiGatewayV2::Integration": "AWS::ApiGatewayV2::Api",
    "AWS::ApiGatewayV2::Route": "AWS::ApiGatewayV2::Api",
    "AWS::Events::Rule": "AWS::Events::EventBus",
    "AWS::IAM::Policy": "AWS::IAM::Role",
    "AWS::Lambda::Alias": "AWS::Lambda::Function",
    "AWS::Lambda::Permission": "AWS::Lambda::Function",
    "AWS::Lambda::Version": "AWS::Lambda::Function",
    "AWS::Logs::MetricFilter": "AWS::Logs::LogGroup",
    "AWS::Logs::QueryDefinition": "AWS::ApiGatewayV2::Stage",
    "AWS::SNS::TopicPolicy": "AWS::SNS::Topic",
    "AWS::SQS::QueuePolicy": "AWS::SQS::Queue",
}
#: The services that the roles of a stack are for.
_PASSED_TO: Final = ("codedeploy", "lambda", "scheduler")


def resource_statements(stack: str, bucket: str) -> list[dict[str, Any]]:
    """Return what allows CloudFormation to keep the resources of a stack, whose package is in the bucket."""
    statements = [
        statement(service, actions.split(), *(f"arn:aws:{arn.format(stack=stack)}" for arn in arns.split()))
        for service, actions, arns in ACTIONS.values()
        if arns
    ]
    for_all = [
        f"{service}:{action}" for service, actions, arns in ACTIONS.values() if not arns for action in actions.split()
    ]
    statements.append({"Effect": "Allow", "Action": for_all, "Resource": "*"})
    services = [f"{service}.amazonaws.com" for service in _PASSED_TO]
    passing = statement("iam", ["PassRole"], f"arn:aws:iam::*:role/{stack}-*")
    package = statement("s3", ["GetObject"], f"arn:aws:s3:::{bucket}/{stack}/*")
    return [*statements, {**passing, "Condition": {"StringEquals": {"iam:PassedToService": services}}}, package]


def statement(service: str, actions: Iterable[str], *resources: str) -> dict[str, Any]:
    """Return a statement that allows actions of one service on resources."""
    names = [f"{service}:{action}" for action in actions]
    return {"Effect": "Allow", "Action": names, "Resource": resources[0] if len(resources) == 1 else list(resources)}
