"""The DynamoDB resource, created once per process, and the names of the tables."""

import os
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBServiceResource

Item = dict[str, Any]

EVENTS = os.environ.get("EVENTS_TABLE", "Events")
USERS = os.environ.get("USERS_TABLE", "Users")
REGISTRATIONS = os.environ.get("REGISTRATIONS_TABLE", "Registrations")

#: One connection per thread of FastAPI's pool for `def` functions.
CONNECTIONS = 40


@lru_cache
def get_dynamodb() -> "DynamoDBServiceResource":
    return boto3.resource("dynamodb", config=Config(max_pool_connections=CONNECTIONS))


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def batch_get(dynamodb: "DynamoDBServiceResource", keys: dict[str, list[Item]]) -> dict[str, list[Item]]:
    """Return the items of the keys by table, requesting unprocessed keys again."""
    found: dict[str, list[Item]] = {table: [] for table in keys}
    unprocessed: Any = {table: {"Keys": wanted, "ConsistentRead": True} for table, wanted in keys.items() if wanted}
    while unprocessed:
        answer = dynamodb.batch_get_item(RequestItems=unprocessed)
        for table, items in answer["Responses"].items():
            found[table] += items
        unprocessed = answer["UnprocessedKeys"]
    return found
