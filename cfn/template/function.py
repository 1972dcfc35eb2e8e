"""The Lambda function, the version that a deployment publishes, and the alias `live` that is invoked."""

from typing import Any, Final

from troposphere import AWSHelperFn, GetAtt, Ref, Template, awslambda, iam

from cfn.template.conditions import (
    CONCURRENCY_IS_RESERVED,
    KEYS_HAVE_AN_ADDRESS,
    TOKENS_ARE_REQUIRED,
    only_if,
)
from cfn.template.parameters import cors_origins
from cfn.template.release import alias_update_policy
from cfn.template.role import document
from cfn.template.tables import table_variables

ALIAS: Final = "live"

#: Properties that are not frozen in a version, but apply to every version.
_OF_ALL_VERSIONS: Final = ("RecursiveLoop", "ReservedConcurrentExecutions")


class LoggingConfig(awslambda.LoggingConfig):  # type: ignore[misc] # troposphere comes without types
    """Adds `LogFormat`, which troposphere 4.11 lost."""

    props: dict[str, Any] = {**awslambda.LoggingConfig.props, "LogFormat": (str, False)}  # noqa: RUF012 - as in the library


def add_function(template: Template, release: str) -> None:
    """Add the function, its version, its alias, and the permission to invoke itself through the alias.

    `release` identifies the code and the configuration.
    """
    template.add_resource(_function())
    # A version is immutable: CloudFormation publishes a new one, and moves the alias, only under a new logical id.
    version = template.add_resource(
        awslambda.Version(f"Version{release}", FunctionName=Ref("Function"), Description=f"Release {release}")
    )
    alias = template.add_resource(
        awslambda.Alias(
            "LiveAlias",
            Name=ALIAS,
            FunctionName=Ref("Function"),
            FunctionVersion=GetAtt(version, "Version"),
            # ministack takes a template in which the attribute of another resource is referred to for unchanged.
            Metadata={"Version": version.title},
        )
    )
    alias.resource["UpdatePolicy"] = alias_update_policy()
    # Not part of the role: the function depends on it, and the alias depends on the function.
    invoke = {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": Ref(alias)}
    template.add_resource(
        iam.PolicyType(
            "InvocationPolicy",
            PolicyName="promotions",
            PolicyDocument=document(invoke),
            Roles=[Ref("FunctionRole")],
        )
    )


def frozen_settings() -> dict[str, Any]:
    """Return the properties that a version freezes."""
    settings: dict[str, Any] = _function().to_dict()["Properties"]
    return {name: value for name, value in settings.items() if name not in _OF_ALL_VERSIONS}


def _function() -> awslambda.Function:
    return awslambda.Function(
        "Function",
        Description="The Events API: handles every request, and continues promotions",
        Runtime="python3.13",
        Handler="handlers.aws_lambda.handler",
        Code=awslambda.Code(S3Bucket=Ref("CodeBucket"), S3Key=Ref("CodeKey")),
        Architectures=[Ref("Architecture")],
        MemorySize=Ref("MemorySize"),
        Timeout=Ref("TimeoutSeconds"),
        Role=GetAtt("FunctionRole", "Arn"),
        SnapStart=awslambda.SnapStart(ApplyOn=Ref("SnapStart")),
        TracingConfig=awslambda.TracingConfig(Mode=Ref("Tracing")),
        # An invocation that leaves a promotion unfinished invokes the function again, as often as it takes.
        RecursiveLoop="Allow",
        ReservedConcurrentExecutions=only_if(CONCURRENCY_IS_RESERVED, Ref("ReservedConcurrency")),
        LoggingConfig=LoggingConfig(
            LogGroup=Ref("ServiceLog"),
            LogFormat="JSON",
            ApplicationLogLevel="INFO",
            SystemLogLevel=Ref("SystemLogLevel"),
        ),
        Environment=awslambda.Environment(
            Variables={
                **table_variables(),
                "CORS_ORIGINS": cors_origins(),
                "STAGE": Ref("StageName"),
                **_token_variables(),
            }
        ),
    )


def _token_variables() -> dict[str, AWSHelperFn]:
    """Return the variables of the issuer of tokens, which an open service does not have."""
    required = {
        "JWT_ISSUER": "JwtIssuer",
        "JWT_AUDIENCE": "JwtAudience",
        "JWT_ORGANIZER": "OrganizerScope",
        "JWT_ADMIN": "AdminScope",
    }
    variables = {name: only_if(TOKENS_ARE_REQUIRED, Ref(parameter)) for name, parameter in required.items()}
    return {**variables, "JWT_JWKS_URI": only_if(KEYS_HAVE_AN_ADDRESS, Ref("JwtJwksUri"))}
