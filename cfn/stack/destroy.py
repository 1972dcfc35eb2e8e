"""Deletes a stack, and lists the resources that it keeps."""

from typing import Any

from rich.console import Console

from cfn.errors import CommandError
from cfn.stack import changes, lookup
from cfn.stack.aws import Aws
from cfn.stack.progress import Progress


def destroy(aws: Aws, name: str, console: Console, *, confirmed: bool) -> None:
    """Delete the stack, after asking for its name unless `confirmed`."""
    found = lookup.get_stack(aws, name)
    kept = _kept(aws, found)
    console.print(f"Stack {name} in {aws.region} will be deleted, with its logs.", highlight=False)
    for resource, physical in kept.items():
        console.print(f"Not deleted: {resource} ({physical})", highlight=False, soft_wrap=True)
    console.print("Not deleted: the bucket with the packages.", highlight=False)
    if not confirmed and not _confirm(name):
        raise CommandError("Nothing was deleted.")
    with Progress(console) as progress:
        changes.delete(aws, found["StackId"], progress)
    console.print(f"Stack {name} is deleted.", highlight=False)


def _kept(aws: Aws, found: dict[str, Any]) -> dict[str, str]:
    template = aws.cloudformation.get_template(StackName=found["StackId"])["TemplateBody"]
    resources = aws.cloudformation.describe_stack_resources(StackName=found["StackId"])["StackResources"]
    return {
        resource["LogicalResourceId"]: resource.get("PhysicalResourceId", "")
        for resource in resources
        if template["Resources"].get(resource["LogicalResourceId"], {}).get("DeletionPolicy") == "Retain"
    }


def _confirm(name: str) -> bool:
    try:
        return input(f"Type {name} to continue: ") == name
    except EOFError:
        raise CommandError("Standard input is closed: use --yes to delete the stack without confirmation.") from None
