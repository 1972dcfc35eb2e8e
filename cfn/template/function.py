"""The Lambda function, the version that a deployment publishes, and the alias `live` that the gateway invokes."""

from typing import Any, Final

from troposphere import GetAtt, Ref, Template, awslambda

from cfn.template.parameters import CONCURRENCY_IS_RESERVED, cors_origins, only_if
from cfn.template.tables import table_variables

ALIAS: Final = "live"


class _LoggingConfig(awslambda.LoggingConfig):  # type: ignore[misc] # troposphere comes without types
    """Adds `LogFormat`, which troposphere 4.11 lost."""

    props: dict[str, Any] = {**awslambda.LoggingConfig.props, "LogFormat": (str, False)}  # noqa: RUF012 - as in the library


def add_function(template: Template, release: str) -> None:
    """Add the function, its version and its alias; `release` identifies the code and the configuration."""
    template.add_resource(_function())
    # A version is immutable: CloudFormation publishes a new one, and moves the alias, only under a new logical id.
    version = template.add_resource(
        awslambda.Version(f"Version{release}", FunctionName=Ref("Function"), Description=f"Release {release}")
    )
    template.add_resource(
        awslambda.Alias(
            "LiveAlias", Name=ALIAS, FunctionName=Ref("Function"), FunctionVersion=GetAtt(version, "Version")
        )
    )


def frozen_settings() -> dict[str, Any]:
    """Return the properties that a version freezes: all but reserved concurrency, which applies to every version."""
    settings: dict[str, Any] = _function().to_dict()["Properties"]
    return {name: value for name, value in settings.items() if name != "ReservedConcurrentExecutions"}


def _function() -> awslambda.Function:
    return awslambda.Function(
        "Function",
        Description="The Events API: handles every request",
        Runtime="python3.13",
        Handler="handlers.aws_lambda.handler",
        Code=awslambda.Code(S3Bucket=Ref("CodeBucket"), S3Key=Ref("CodeKey")),
        Architectures=[Ref("Architecture")],
        MemorySize=Ref("MemorySize"),
        Timeout=Ref("TimeoutSeconds"),
        Role=GetAtt("FunctionRole", "Arn"),
        SnapStart=awslambda.SnapStart(ApplyOn=Ref("SnapStart")),
        TracingConfig=awslambda.TracingConfig(Mode="Active"),
        ReservedConcurrentExecutions=only_if(CONCURRENCY_IS_RESERVED, Ref("ReservedConcurrency")),
        LoggingConfig=_LoggingConfig(
            LogGroup=Ref("ServiceLog"),
            LogFormat="JSON",
            ApplicationLogLevel="INFO",
            # START, END and REPORT lines would double the log; metrics and traces have the same figures.
            SystemLogLevel="WARN",
        ),
        Environment=awslambda.Environment(
            Variables={
                **table_variables(),
                "CORS_ORIGINS": cors_origins(),
                "STAGE": Ref("StageName"),
                "VALIDATE_RESPONSES": Ref("ValidateResponses"),
            }
        ),
    )
