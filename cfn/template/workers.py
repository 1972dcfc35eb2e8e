"""Functions that no request reaches: each has the service's package, and a role and a log of its own."""

from dataclasses import dataclass, field
from typing import Any, Final

from troposphere import AWSHelperFn, GetAtt, Ref, Sub, Template, awslambda
from troposphere.iam import Policy, Role
from troposphere.logs import LogGroup

from cfn.template.function import LoggingConfig
from cfn.template.role import document

#: Megabytes; they wait for the network most of the time, and CPU is allocated in proportion.
_MEMORY: Final = 256


@dataclass(frozen=True)
class Worker:
    """A function, the condition that the stack has it, and what it is allowed beside its log."""

    name: str
    condition: str
    description: str
    handler: str
    timeout_seconds: int
    variables: dict[str, AWSHelperFn]
    allowed: dict[str, dict[str, Any]] = field(default_factory=dict)


def add_worker(template: Template, worker: Worker) -> None:
    """Add the function, its role and its log group."""
    name = worker.name
    log = template.add_resource(
        LogGroup(
            f"{name}Log",
            Condition=worker.condition,
            LogGroupName=Sub(f"/aws/lambda/${{AWS::StackName}}-{name.lower()}"),
            RetentionInDays=Ref("LogRetentionDays"),
            DeletionPolicy="Delete",
            UpdateReplacePolicy="Delete",
        )
    )
    role = template.add_resource(_role(worker))
    template.add_resource(
        awslambda.Function(
            name,
            Condition=worker.condition,
            Description=worker.description,
            Runtime="python3.13",
            Handler=worker.handler,
            Code=awslambda.Code(S3Bucket=Ref("CodeBucket"), S3Key=Ref("CodeKey")),
            Architectures=[Ref("Architecture")],
            MemorySize=_MEMORY,
            Timeout=worker.timeout_seconds,
            Role=GetAtt(role, "Arn"),
            LoggingConfig=LoggingConfig(
                LogGroup=Ref(log),
                LogFormat="JSON",
                ApplicationLogLevel="INFO",
                SystemLogLevel=Ref("SystemLogLevel"),
            ),
            Environment=awslambda.Environment(Variables=worker.variables),
        )
    )


def _role(worker: Worker) -> Role:
    logged = {
        "Effect": "Allow",
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": GetAtt(f"{worker.name}Log", "Arn"),
    }
    policies = {**worker.allowed, "logs": logged}
    return Role(
        f"{worker.name}Role",
        Condition=worker.condition,
        Description=Sub(f"Permissions of the function {worker.name} of the stack ${{AWS::StackName}}"),
        AssumeRolePolicyDocument=document(
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ),
        Policies=[Policy(PolicyName=name, PolicyDocument=document(statement)) for name, statement in policies.items()],
    )
