"""Responses to reads as parsed JSON, without botocore's parser.

botocore visits every attribute of every item to convert blobs and timestamps. The tables contain neither, and for a
list of 100 events this takes longer than everything else together.
"""

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_READS: Final = ("BatchGetItem", "GetItem", "Query", "Scan")


def take_as_json(client: "DynamoDBClient") -> None:
    """Make a client return responses to reads as parsed JSON; it raises `json.JSONDecodeError` for invalid JSON."""
    for operation in _READS:
        client.meta.events.register(f"before-parse.dynamodb.{operation}", _take_body)


def _take_body(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_context: Any) -> None:
    """Return the parsed body, and an empty one for botocore's parser, which still parses errors."""
    if response_dict["status_code"] == HTTPStatus.OK:
        customized_response_dict.update(json.loads(response_dict["body"]))
        response_dict["body"] = b"{}"
