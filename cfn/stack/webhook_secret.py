"""The secret that webhooks are signed with: an encrypted parameter of Systems Manager, which costs nothing.

CloudFormation can't make one, and a parameter of the stack, or a variable of the function, would show it to everybody
who may look at them.
"""

import base64
import contextlib
import secrets
from collections.abc import Mapping
from typing import Final

from cfn.stack.aws import Aws

#: Bytes of a new secret; Standard Webhooks has 24 to 64.
_BYTES: Final = 32


def are_on(parameters: Mapping[str, str | None]) -> bool:
    """Return whether a stack with these parameters sends webhooks."""
    return parameters.get("Notifications") == "on" and bool(parameters.get("WebhookUrl"))


def secret_name(stack: str) -> str:
    """Return the name of the parameter."""
    return f"/{stack}/webhook-secret"


def make_secret(aws: Aws, stack: str) -> None:
    """Make a secret unless the stack has one."""
    ssm = aws.client("ssm")
    value = f"whsec_{base64.b64encode(secrets.token_bytes(_BYTES)).decode()}"
    with contextlib.suppress(ssm.exceptions.ParameterAlreadyExists):
        ssm.put_parameter(
            Name=secret_name(stack),
            Description=f"Signs the webhooks of the stack {stack}",
            Type="SecureString",
            Value=value,
        )


def delete_secret(aws: Aws, stack: str) -> None:
    """Delete the secret of the stack, if it has one."""
    ssm = aws.client("ssm")
    with contextlib.suppress(ssm.exceptions.ParameterNotFound):
        ssm.delete_parameter(Name=secret_name(stack))
