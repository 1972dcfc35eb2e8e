"""Finds the tables that an earlier stack of the same name left behind, and says how to use them."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console

from cfn.stack.aws import Aws
from cfn.template.tables import LOGICAL_IDS, NAME_PARAMETERS


def announce_left_tables(aws: Aws, stack: str, parameters: Mapping[str, str], console: Console) -> None:
    """Print the newest tables that are left, and the options that use them, before a stack makes new ones."""
    if any(parameters.get(name) for name in NAME_PARAMETERS.values()):
        return
    left = _newest_tables(aws, stack)
    if not left:
        return
    console.print(f"An earlier stack {stack} left tables. This one makes new, empty ones, and keeps those:")
    for description in left.values():
        made = f"{description['CreationDateTime']:%Y-%m-%d}"
        items = f"about {description['ItemCount']:,} items"
        console.print(f"  {description['TableName']}  made {made}, {items}", soft_wrap=True, highlight=False)
    options = " ".join(
        f"--parameter {NAME_PARAMETERS[table]}={description['TableName']}" for table, description in left.items()
    )
    console.print(f"To use them, deploy with {options}", soft_wrap=True, highlight=False)


def _newest_tables(aws: Aws, stack: str) -> dict[str, Any]:
    """Return the description of each table of which one is left, by the name that CloudFormation made for it."""
    dynamodb = aws.client("dynamodb")
    names = [name for page in dynamodb.get_paginator("list_tables").paginate() for name in page["TableNames"]]
    newest = {}
    for table, logical_id in LOGICAL_IDS.items():
        left = [name for name in names if name.startswith(f"{stack}-{logical_id}-")]
        if left:
            described = [dynamodb.describe_table(TableName=name)["Table"] for name in left]
            newest[table] = max(described, key=lambda found: found["CreationDateTime"])
    return newest
