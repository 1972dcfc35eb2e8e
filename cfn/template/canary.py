"""The canary: a schedule that asks the function for `/health`, so that its silence is noticed without traffic."""

import json
from typing import Any, Final

from troposphere import Ref, Sub, Template
from troposphere.iam import Policy, Role
from troposphere.scheduler import FlexibleTimeWindow, RetryPolicy, Schedule, Target

from cfn.template.conditions import CANARY_IS_ON
from cfn.template.role import document

#: As API Gateway sends it (payload format 2.0), without the stage; the scheduler fills in the id.
REQUEST: Final[dict[str, Any]] = {
    "version": "2.0",
    "rawPath": "/health",
    "rawQueryString": "",
    "headers": {"host": "canary"},
    "requestContext": {
        "http": {"method": "GET", "path": "/health", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1"},
        "requestId": "canary-<aws.scheduler.execution-id>",
    },
    "isBase64Encoded": False,
}


def add_canary(template: Template) -> None:
    """Add the schedule, and the role with which it invokes the function."""
    invoke = {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": Ref("LiveAlias")}
    template.add_resource(
        Role(
            "CanaryRole",
            Condition=CANARY_IS_ON,
            Description=Sub("Lets the canary of the stack ${AWS::StackName} invoke the function"),
            AssumeRolePolicyDocument=document(
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "scheduler.amazonaws.com"},
                    "Action": "sts:AssumeRole",
                    "Condition": {"StringEquals": {"aws:SourceAccount": Ref("AWS::AccountId")}},
                }
            ),
            Policies=[Policy(PolicyName="invoke", PolicyDocument=document(invoke))],
        )
    )
    template.add_resource(
        Schedule(
            "CanarySchedule",
            Condition=CANARY_IS_ON,
            Description="Asks the function for /health; the alarm Health goes off if it is silent",
            ScheduleExpression="rate(5 minutes)",
            FlexibleTimeWindow=FlexibleTimeWindow(Mode="OFF"),
            Target=Target(
                Arn=Ref("LiveAlias"),
                RoleArn=Sub("${CanaryRole.Arn}"),
                Input=json.dumps(REQUEST),
                RetryPolicy=RetryPolicy(MaximumRetryAttempts=0),
            ),
        )
    )
