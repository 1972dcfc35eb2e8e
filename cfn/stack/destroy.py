"""Deletes a stack, after listing the data that goes with it and the resources that stay."""

from typing import Any, Final

from rich.console import Console

from cfn.errors import CommandError
from cfn.stack import changes, lookup
from cfn.stack.aws import Aws
from cfn.stack.progress import Progress
from cfn.stack.webhook_secret import are_on, delete_secret

_TABLE: Final = "AWS::DynamoDB::Table"


def destroy(aws: Aws, name: str, console: Console, *, confirmed: bool, role_arn: str | None = None) -> None:
    """Delete the stack, after asking for its name unless `confirmed`; this lifts its termination protection."""
    found = lookup.get_stack(aws, name, planned=True)
    console.print(f"Stack {name} in {aws.region} will be deleted, with its logs.", highlight=False)
    for line in _consequences(aws, found):
        console.print(line, highlight=False, soft_wrap=True)
    if not confirmed and not _confirm(name):
        raise CommandError("Nothing was deleted.")
    if found.get("EnableTerminationProtection"):
        aws.cloudformation.update_termination_protection(StackName=name, EnableTerminationProtection=False)
    with Progress(console) as progress:
        changes.delete(aws, found["StackId"], progress, role_arn)
    if are_on(lookup.deployed_parameters(found)):
        delete_secret(aws, name)
    console.print(f"Stack {name} is deleted.", highlight=False)


def _consequences(aws: Aws, found: dict[str, Any]) -> list[str]:
    if found["StackStatus"] == lookup.ONLY_PLANNED:
        return ["It has no resources, only a change set that nobody has executed."]
    resources = aws.cloudformation.describe_stack_resources(StackName=found["StackId"])["StackResources"]
    retained = _retained(aws, found)
    gone, kept = [], []
    for resource in resources:
        logical, physical = resource["LogicalResourceId"], resource.get("PhysicalResourceId", "")
        if logical in retained:
            kept.append(f"Not deleted: {logical} ({physical})")
        elif resource["ResourceType"] == _TABLE and physical:
            gone.append(f"Deleted with its data: {logical} ({physical}), {_count_items(aws, physical)}")
    return [*gone, *kept, "Not deleted: the bucket with the packages."]


def _retained(aws: Aws, found: dict[str, Any]) -> set[str]:
    template = aws.cloudformation.get_template(StackName=found["StackId"])["TemplateBody"]
    if not isinstance(template, dict):
        raise CommandError(
            f"Stack {found['StackName']} was not deployed by this command: delete it as it was deployed."
        )
    return {name for name, resource in template["Resources"].items() if resource.get("DeletionPolicy") == "Retain"}


def _count_items(aws: Aws, table: str) -> str:
    """Count what one page of a scan has: the count in the description of a table is up to six hours old."""
    dynamodb = aws.client("dynamodb")
    try:
        page = dynamodb.scan(TableName=table, Select="COUNT", ConsistentRead=True)
    except dynamodb.exceptions.ResourceNotFoundException:
        return "which does not exist any more"
    return f"{'more than ' if 'LastEvaluatedKey' in page else ''}{page['Count']:,} items"


def _confirm(name: str) -> bool:
    try:
        return input(f"Type {name} to continue: ") == name
    except EOFError:
        raise CommandError("Standard input is closed: use --yes to delete the stack without confirmation.") from None
