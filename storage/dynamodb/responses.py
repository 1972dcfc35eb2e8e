"""Responses as parsed JSON, without botocore's parser.

botocore visits every attribute of every item to convert blobs and timestamps. The tables contain neither, and for a
list of 100 events this takes longer than everything else together.
"""

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_READS: Final = ("BatchGetItem", "GetItem", "Query", "Scan")
_REASONS: Final = "CancellationReasons"


def take_as_json(client: "DynamoDBClient") -> None:
    """Make a client return responses to reads, and reasons for a cancelled transaction, as parsed JSON.

    Calls raise `json.JSONDecodeError` for invalid JSON.
    """
    for operation in _READS:
        client.meta.events.register(f"before-parse.dynamodb.{operation}", _take_body)
    client.meta.events.register("before-parse.dynamodb.TransactWriteItems", _take_reasons)


def _take_body(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_context: Any) -> None:
    """Return the parsed body, and an empty one for botocore's parser, which still parses errors."""
    if response_dict["status_code"] == HTTPStatus.OK:
        customized_response_dict.update(json.loads(response_dict["body"]))
        response_dict["body"] = b"{}"


def _take_reasons(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_context: Any) -> None:
    """Return the reasons, which contain items, and a body without them for botocore's parser."""
    if response_dict["status_code"] == HTTPStatus.BAD_REQUEST and _REASONS.encode() in response_dict["body"]:
        error = json.loads(response_dict["body"])
        customized_response_dict[_REASONS] = error.pop(_REASONS)
        response_dict["body"] = json.dumps(error).encode()
