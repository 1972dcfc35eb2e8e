"""Requests are the same bytes as those of botocore's serializer, which has nothing left to do."""

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.config import Config

from storage.dynamodb.tables import Tables
from storage.embedded import EMULATOR_ACCESS
from storage.schema import TABLE_VARIABLES
from tests.apparatus import hooks

KEY = {"eventId": {"S": "café"}, "part": {"S": "SEATS"}}
STEP = {
    "TableName": "Events",
    "Key": KEY,
    "UpdateExpression": "SET #open = :open",
    "ConditionExpression": "#seq < :seq",
    "ExpressionAttributeNames": {"#open": "open", "#seq": "seq"},
    "ExpressionAttributeValues": {":open": {"BOOL": True}, ":seq": {"N": "3"}, ":left": {"NS": ["1", "2"]}},
    "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
}
REQUESTS: dict[str, dict[str, Any]] = {
    "get_item": {"TableName": "Events", "Key": KEY, "ConsistentRead": True},
    "query": {"TableName": "Events", "KeyConditionExpression": "#pk = :pk", "Limit": 51, "ExclusiveStartKey": KEY},
    "scan": {"TableName": "Events", "Segment": 0, "TotalSegments": 4},
    "batch_get_item": {"RequestItems": {"Events": {"Keys": [KEY, KEY], "ConsistentRead": False}}},
    "transact_get_items": {"TransactItems": [{"Get": {"TableName": "Events", "Key": KEY}}]},
    "transact_write_items": {
        "TransactItems": [{"Update": STEP}, {"Put": {"TableName": "Users", "Item": KEY}}],
        "ClientRequestToken": "t",
    },
}


class _Done:
    status_code = 200


def sent(client: Any, operation: str, request: dict[str, Any]) -> dict[str, Any]:
    """Return the HTTP request that a client makes for a call, without making it."""
    found: list[dict[str, Any]] = []

    def note(params: dict[str, Any], **_event: Any) -> Any:
        found.append(params)
        return _Done(), {}

    client.meta.events.register("before-call.dynamodb", note)
    getattr(client, operation)(**request)
    found[0]["headers"].pop("User-Agent")
    return {name: found[0][name] for name in ("method", "url", "headers", "body")}


def noting(seen: list[dict[str, Any]]) -> Callable[..., None]:
    return lambda params, **_event: seen.append(params.copy())


def plain_client() -> Any:
    return boto3.client("dynamodb", config=Config(parameter_validation=False), **EMULATOR_ACCESS)


@pytest.mark.parametrize("operation", REQUESTS)
def test_a_request_is_what_botocore_would_send_byte_for_byte(operation: str) -> None:
    request = REQUESTS[operation]
    own = sent(Tables.connect({}, **EMULATOR_ACCESS).client, operation, request)
    assert own == sent(plain_client(), operation, request)
    assert json.loads(own["body"]) == request


def test_the_serializer_of_botocore_gets_no_keys_and_no_items(moto_tables: Tables) -> None:
    serialized: list[dict[str, Any]] = []
    with hooks.hooked(
        moto_tables, "before-endpoint-resolution.dynamodb", lambda params, **_: serialized.append(params)
    ):
        moto_tables.get_all([("Events", {"eventId": "e", "part": "SEATS"})])
    assert [request["RequestItems"] for request in serialized] == [{}]


def test_the_token_that_botocore_gives_a_transaction_without_one_is_sent() -> None:
    client = Tables.connect({}, **EMULATOR_ACCESS).client
    body = sent(client, "transact_write_items", {"TransactItems": [{"Put": {"TableName": "Users", "Item": KEY}}]})
    assert json.loads(body["body"])["ClientRequestToken"]


def test_botocore_sees_the_names_of_tables_that_may_select_the_endpoint() -> None:
    arn = "arn:aws:dynamodb:us-east-1:123456789012:table/Events"
    tables = Tables.connect(dict.fromkeys(TABLE_VARIABLES.values(), arn), **EMULATOR_ACCESS)
    seen: list[dict[str, Any]] = []
    with hooks.hooked(tables, "before-endpoint-resolution.dynamodb", noting(seen)):
        sent(tables.client, "get_item", {"TableName": arn, "Key": KEY})
    assert seen == [{"TableName": arn, "Key": KEY}]
