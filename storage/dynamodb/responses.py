"""DynamoDB's answers to reads, taken as the JSON that they are.

botocore walks through every attribute of every item to turn blobs and timestamps into Python's types. The ledger has
neither, and on a list of 100 events the walk takes longer than everything else together.
"""

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_READS: Final = ("BatchGetItem", "GetItem", "Query", "Scan")


def take_as_json(client: "DynamoDBClient") -> None:
    """Let a client return the answers to reads as they are in JSON; `json.JSONDecodeError` if one is no JSON."""
    for operation in _READS:
        client.meta.events.register(f"before-parse.dynamodb.{operation}", _take_body)


def _take_body(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_context: Any) -> None:
    """Hand over the parsed body, and leave nothing of it to botocore's parser; errors remain its business."""
    if response_dict["status_code"] == HTTPStatus.OK:
        customized_response_dict.update(json.loads(response_dict["body"]))
        response_dict["body"] = b"{}"
