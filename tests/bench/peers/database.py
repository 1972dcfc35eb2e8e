"""The client of DynamoDB, created once per process, the names of the tables, and items in DynamoDB's form."""

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Item = dict[str, Any]

EVENTS = os.environ.get("EVENTS_TABLE", "Events")
USERS = os.environ.get("USERS_TABLE", "Users")
REGISTRATIONS = os.environ.get("REGISTRATIONS_TABLE", "Registrations")

#: Parts of a transaction's step that are given as plain values.
_PLAIN = {"Key", "Item", "ExpressionAttributeValues"}

#: One connection per thread of FastAPI's pool for `def` operations.
client: "DynamoDBClient" = boto3.client("dynamodb", config=Config(max_pool_connections=40, parameter_validation=False))


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def marshal(item: Item) -> Any:
    """Return strings, booleans and integers in DynamoDB's form."""
    return {name: _attribute(value) for name, value in item.items()}


def _attribute(value: Any) -> Item:
    if isinstance(value, str):
        return {"S": value}
    return {"BOOL": value} if isinstance(value, bool) else {"N": str(value)}


def unmarshal(item: Any) -> Item:
    """Return the plain values of an item."""
    return {name: _value(*attribute.items()) for name, attribute in item.items()}


def _value(attribute: tuple[str, Any]) -> Any:
    kind, value = attribute
    return int(value) if kind == "N" else value


def get(table: str, key: Item) -> Item | None:
    """Return an item, by a consistent read."""
    answer = client.get_item(TableName=table, Key=marshal(key), ConsistentRead=True)
    return unmarshal(answer["Item"]) if "Item" in answer else None


def query(table: str, condition: str, values: Item, **options: Any) -> tuple[list[Item], Item | None]:
    """Return one page of items, and the key of its last item if more follow."""
    answer = client.query(
        TableName=table, KeyConditionExpression=condition, ExpressionAttributeValues=marshal(values), **options
    )
    last = answer.get("LastEvaluatedKey")
    return [unmarshal(item) for item in answer["Items"]], unmarshal(last) if last else None


def transact(*steps: Item) -> None:
    """Write all steps or none; a step is a member of a transaction with plain values."""
    members: Any = [
        {action: {name: marshal(value) if name in _PLAIN else value for name, value in step.items()}}
        for member in steps
        for action, step in member.items()
    ]
    client.transact_write_items(TransactItems=members)


def batch_get(keys: dict[str, list[Item]]) -> dict[str, list[Item]]:
    """Return the items of the keys by table, requesting unprocessed keys again."""
    found: dict[str, list[Item]] = {table: [] for table in keys}
    unprocessed: Any = {
        table: {"Keys": [marshal(key) for key in wanted], "ConsistentRead": True}
        for table, wanted in keys.items()
        if wanted
    }
    while unprocessed:
        answer = client.batch_get_item(RequestItems=unprocessed)
        for table, items in answer["Responses"].items():
            found[table] += map(unmarshal, items)
        unprocessed = answer["UnprocessedKeys"]
    return found
