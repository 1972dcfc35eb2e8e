"""What the account says about one stack."""

import re
from typing import Any, Final, NoReturn

from botocore.exceptions import ClientError

from cfn.errors import CommandError
from cfn.stack.aws import Aws

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,127}")
_ONLY_PLANNED: Final = "REVIEW_IN_PROGRESS"


def check_name(stack: str) -> None:
    """Raise `CommandError` unless CloudFormation takes the name."""
    if not _NAME.fullmatch(stack):
        raise CommandError(
            f"{stack!r} is no stack name: use letters, digits and hyphens, a letter first, at most 128 characters."
        )


def find(aws: Aws, stack: str) -> dict[str, Any] | None:
    """Return what DescribeStacks says of the stack, or None where there is none; a mere plan of one is none."""
    try:
        found: dict[str, Any] = aws.stacks.describe_stacks(StackName=stack)["Stacks"][0]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise
    return None if found["StackStatus"] in (_ONLY_PLANNED, "DELETE_COMPLETE") else found


def existing(aws: Aws, stack: str) -> dict[str, Any]:
    """Return what DescribeStacks says of the stack; raise `CommandError` where there is none."""
    check_name(stack)
    return find(aws, stack) or _no_stack(aws, stack)


def updatable(aws: Aws, stack: str) -> dict[str, Any] | None:
    """Return what DescribeStacks says of the stack, or None where it is new; raise `CommandError` if it must stay."""
    check_name(stack)
    found = find(aws, stack)
    if found:
        _refuse_unready(found)
    return found


def _refuse_unready(stack: dict[str, Any]) -> None:
    name, status = stack["StackName"], stack["StackStatus"]
    if status in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"):
        again = f"`python -m cfn destroy --stack {name}`"
        raise CommandError(f"Stack {name} is in {status} and can only be deleted: run {again}, then deploy again.")
    if status == "UPDATE_ROLLBACK_FAILED":
        command = f"`aws cloudformation continue-update-rollback --stack-name {name}`"
        raise CommandError(f"Stack {name} is in {status}: mend the cause, run {command}, then deploy again.")
    if status.endswith("_IN_PROGRESS"):
        raise CommandError(f"Stack {name} is in {status}: wait until that has ended, then deploy again.")


def parameters(stack: dict[str, Any] | None) -> dict[str, str]:
    """Return the parameters that the stack was last deployed with."""
    return {found["ParameterKey"]: found["ParameterValue"] for found in (stack or {}).get("Parameters", ())}


def outputs(stack: dict[str, Any]) -> dict[str, str]:
    """Return the outputs of the stack."""
    return {found["OutputKey"]: found["OutputValue"] for found in stack.get("Outputs", ())}


def _no_stack(aws: Aws, stack: str) -> NoReturn:
    raise CommandError(f"There is no stack {stack} in {aws.region}: check the name and AWS_DEFAULT_REGION.")
