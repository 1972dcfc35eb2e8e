"""Looks a stack up by its name; stacks are dicts as returned by DescribeStacks."""

import re
from typing import Any, Final

from botocore.exceptions import ClientError

from cfn.errors import CommandError
from cfn.stack.aws import Aws

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,127}")
#: The status of a stack that has nothing but a change set.
ONLY_PLANNED: Final = "REVIEW_IN_PROGRESS"


def check_name(stack: str) -> None:
    """Raise `CommandError` unless the name is a valid stack name of CloudFormation."""
    if not _NAME.fullmatch(stack):
        raise CommandError(
            f"{stack!r} is not a valid stack name: "
            "use letters, digits and hyphens, a letter first, at most 128 characters."
        )


def find_stack(aws: Aws, stack: str) -> dict[str, Any] | None:
    """Return the stack, or None if it does not exist, or has only a change set and does not exist yet."""
    found = _describe(aws, stack)
    return None if found and found["StackStatus"] == ONLY_PLANNED else found


def _describe(aws: Aws, stack: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = aws.cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise
    return None if found["StackStatus"] == "DELETE_COMPLETE" else found


def get_stack(aws: Aws, stack: str, *, planned: bool = False) -> dict[str, Any]:
    """Return the stack, also one that has only a change set if `planned`; raise `CommandError` if there is none."""
    check_name(stack)
    found = _describe(aws, stack) if planned else find_stack(aws, stack)
    if found is None:
        raise CommandError(f"There is no stack {stack} in {aws.region}: check the name and AWS_DEFAULT_REGION.")
    return found


def find_updatable_stack(aws: Aws, stack: str) -> dict[str, Any] | None:
    """Return the stack, or None if it does not exist; raise `CommandError` if its status forbids an update."""
    check_name(stack)
    found = find_stack(aws, stack)
    if found:
        require_updatable(found)
    return found


def require_updatable(stack: dict[str, Any]) -> None:
    """Raise `CommandError` with the remedy if the status of the stack forbids an update."""
    name, status = stack["StackName"], stack["StackStatus"]
    if status in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"):
        again = f"`python -m cfn destroy --stack {name}`"
        raise CommandError(f"Stack {name} is in {status} and can only be deleted: run {again}, then deploy again.")
    if status == "UPDATE_ROLLBACK_FAILED":
        command = f"`aws cloudformation continue-update-rollback --stack-name {name}`"
        raise CommandError(f"Stack {name} is in {status}: fix the cause, run {command}, then deploy again.")
    if status.endswith("_IN_PROGRESS"):
        raise CommandError(f"Stack {name} is in {status}: wait until the change has ended, then deploy again.")


def template(aws: Aws, stack: dict[str, Any]) -> dict[str, Any]:
    """Return the stack's template; raise `CommandError` if it was not deployed by this command."""
    found = aws.cloudformation.get_template(StackName=stack["StackId"])["TemplateBody"]
    if not isinstance(found, dict) or "LiveAlias" not in found.get("Resources", {}):
        raise CommandError(f"Stack {stack['StackName']} was not deployed by this command: choose another name.")
    return found


def tables(template: dict[str, Any]) -> dict[str, Any]:
    """Return the tables in a template by their logical ids."""
    return {name: found for name, found in template["Resources"].items() if found["Type"] == "AWS::DynamoDB::Table"}


def physical_id(aws: Aws, stack: str, logical_id: str) -> str:
    """Return the physical id of a resource that the stack has."""
    found = find_physical_id(aws, stack, logical_id)
    assert found is not None, logical_id
    return found


def find_physical_id(aws: Aws, stack: str, logical_id: str) -> str | None:
    """Return the physical id of a resource, or None if the stack does not have it."""
    resources = aws.cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
    found = {resource["LogicalResourceId"]: resource.get("PhysicalResourceId") for resource in resources}
    return found.get(logical_id)


def number(version: str) -> int:
    """Return the number of a version of a function from its ARN."""
    return int(version.rpartition(":")[2])


def deployed_parameters(stack: dict[str, Any] | None) -> dict[str, str]:
    """Return the current parameters of the stack; a stack that does not exist has none."""
    return {found["ParameterKey"]: found["ParameterValue"] for found in (stack or {}).get("Parameters", ())}


def outputs(stack: dict[str, Any]) -> dict[str, str]:
    """Return the outputs of the stack."""
    return {found["OutputKey"]: found["OutputValue"] for found in stack.get("Outputs", ())}
