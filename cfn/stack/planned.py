"""What a change set would do: printed for `deploy --plan`, and refused if it would take the tables away."""

from collections.abc import Mapping
from typing import Any, Final

from rich.console import Console

from cfn.errors import CommandError
from cfn.stack.aws import Aws

_TABLE: Final = "AWS::DynamoDB::Table"
_REPLACED: Final = {"True": "is replaced", "Conditional": "may be replaced"}

Planned = dict[str, Any]
Template = dict[str, Any]


def planned_changes(aws: Aws, change_set: str) -> list[Planned]:
    """Return the changes of resources in a change set."""
    pages = aws.cloudformation.get_paginator("describe_change_set").paginate(ChangeSetName=change_set)
    return [change["ResourceChange"] for page in pages for change in page.get("Changes", ())]


def print_plan(planned: list[Planned], console: Console) -> None:
    """Print one line for each resource that would change."""
    for change in planned:
        what = ", ".join(_details(change))
        line = f"{change['Action']:<8}{change['LogicalResourceId']:<28}{change['ResourceType']:<34}{what}"
        console.print(line.rstrip(), soft_wrap=True, highlight=False, markup=False)


def require_tables(
    planned: list[Planned], before: Template, after: Template, parameters: Mapping[str, str | None]
) -> None:
    """Raise `CommandError` if a table would be removed or replaced in the change from one template to another.

    A table may leave the stack if it stays as it is and the parameter of its name puts another in its place.
    """
    for change in planned:
        name, action = change["LogicalResourceId"], change["Action"]
        if change["ResourceType"] != _TABLE or action == "Add":
            continue
        replaced = _REPLACED.get(change.get("Replacement", ""))
        if replaced and not (change["Replacement"] == "Conditional" and _only_adds_attributes(name, before, after)):
            raise _refusal(change, replaced)
        if action != "Modify" and not (parameters.get(f"{name}Name") and change.get("PolicyAction") == "Retain"):
            raise _refusal(change, "is removed")


def require_no_tables(planned: list[Planned]) -> None:
    """Raise `CommandError` if a table would be added, removed or replaced: when restoring, it would be a wrong one."""
    for change in planned:
        if change["ResourceType"] == _TABLE and (
            change["Action"] != "Modify" or change.get("Replacement") in _REPLACED
        ):
            raise _refusal(change, "is exchanged")


def _only_adds_attributes(name: str, before: Template, after: Template) -> bool:
    """Return whether a table only gets attributes, for an index: CloudFormation says that it may replace it."""
    old, new = (template["Resources"][name]["Properties"] for template in (before, after))
    same = all(old.get(key) == new.get(key) for key in ("KeySchema", "LocalSecondaryIndexes", "TableName"))
    return same and all(attribute in new["AttributeDefinitions"] for attribute in old["AttributeDefinitions"])


def _refusal(change: Planned, consequence: str) -> CommandError:
    table = change.get("PhysicalResourceId", change["LogicalResourceId"])
    return CommandError(
        f"Refused, as the table {table} {consequence} by this change, and the service would lose its data: "
        "deploy a new stack beside this one, and move the data."
    )


def _details(change: Planned) -> list[str]:
    replaced = _REPLACED.get(change.get("Replacement", ""))
    kept = "is kept outside the stack" if change.get("PolicyAction") == "Retain" else None
    targets = [detail["Target"] for detail in change.get("Details", ())]
    names = dict.fromkeys(target.get("Name") or target["Attribute"] for target in targets)
    return [text for text in (replaced, kept, *names) if text]
