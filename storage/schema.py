"""The definitions of the three tables, for the deployment, the local run and the tests."""

from collections.abc import Mapping
from typing import Any, Final

#: The index of all events by date, and the index by status and date.
BY_DATE: Final = "byDate"
BY_STATUS: Final = "byStatus"

#: Table name -> the environment variable that contains its deployed name.
TABLE_VARIABLES: Final = {"Events": "EVENTS_TABLE", "Users": "USERS_TABLE", "Registrations": "REGISTRATIONS_TABLE"}


def _keys(partition: str, sort: str | None = None) -> list[dict[str, str]]:
    keys = [{"AttributeName": partition, "KeyType": "HASH"}]
    if sort is not None:
        keys.append({"AttributeName": sort, "KeyType": "RANGE"})
    return keys


def _strings(*names: str) -> list[dict[str, str]]:
    return [{"AttributeName": name, "AttributeType": "S"} for name in names]


def _index(name: str, partition: str, sort: str) -> dict[str, Any]:
    return {"IndexName": name, "KeySchema": _keys(partition, sort), "Projection": {"ProjectionType": "ALL"}}


#: Table name -> properties of CreateTable and `AWS::DynamoDB::Table`, without the name. Only DETAILS items have
#: `listing` and `listedBy`: the indexes hold one item per event, and no registration writes to them.
TABLES: Final[Mapping[str, dict[str, Any]]] = {
    "Events": {
        "KeySchema": _keys("eventId", "part"),
        "AttributeDefinitions": _strings("eventId", "part", "listing", "status", "listedBy"),
        "GlobalSecondaryIndexes": [
            _index(BY_DATE, "listing", "listedBy"),
            _index(BY_STATUS, "status", "listedBy"),
        ],
        "BillingMode": "PAY_PER_REQUEST",
    },
    "Users": {
        "KeySchema": _keys("userId"),
        "AttributeDefinitions": _strings("userId"),
        "BillingMode": "PAY_PER_REQUEST",
    },
    "Registrations": {
        "KeySchema": _keys("pk", "sk"),
        "AttributeDefinitions": _strings("pk", "sk"),
        "BillingMode": "PAY_PER_REQUEST",
    },
}
