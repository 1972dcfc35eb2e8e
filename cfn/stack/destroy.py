"""Takes a stack down, and says what stays."""

from typing import Any

from rich.console import Console

from cfn.errors import CommandError
from cfn.stack import changes, lookup
from cfn.stack.aws import Aws
from cfn.stack.progress import Progress


def destroy(aws: Aws, name: str, console: Console, *, confirmed: bool) -> None:
    """Delete the stack, after a question unless that is confirmed already."""
    found = lookup.existing(aws, name)
    kept = _kept(aws, found)
    console.print(f"Stack {name} in {aws.region} will be deleted, with its logs.", highlight=False)
    for resource, physical in kept.items():
        console.print(f"It keeps {resource}: {physical}", highlight=False, soft_wrap=True)
    console.print("It keeps the bucket with the packages.", highlight=False)
    if not confirmed and not _agrees(name):
        raise CommandError("Nothing was deleted.")
    with Progress(console) as progress:
        changes.delete(aws, found["StackId"], progress)
    console.print(f"Stack {name} is gone.", highlight=False)


def _kept(aws: Aws, found: dict[str, Any]) -> dict[str, str]:
    template = aws.stacks.get_template(StackName=found["StackId"])["TemplateBody"]
    resources = aws.stacks.describe_stack_resources(StackName=found["StackId"])["StackResources"]
    return {
        resource["LogicalResourceId"]: resource.get("PhysicalResourceId", "")
        for resource in resources
        if template["Resources"].get(resource["LogicalResourceId"], {}).get("DeletionPolicy") == "Retain"
    }


def _agrees(name: str) -> bool:
    try:
        return input(f"Type {name} to go on: ") == name
    except EOFError:
        raise CommandError("Nobody is there to ask: say --yes to delete the stack without a question.") from None
