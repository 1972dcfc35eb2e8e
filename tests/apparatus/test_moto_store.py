"""moto as the tests use it: a transaction that fails changes nothing, and values are answered as they were put."""

from typing import Any

import pytest

from storage.dynamodb.tables import Tables
from tests.apparatus.moto_store import fill_once

ITEM: dict[str, Any] = {
    "pk": {"S": "p"},
    "sk": {"S": "old"},
    "number": {"N": "1"},
    "yes": {"BOOL": True},
    "nothing": {"NULL": True},
    "list": {"L": [{"N": "2"}, {"M": {"in": {"S": ""}}}]},
    "set": {"NS": ["3"]},
}


def key(sort: str) -> dict[str, Any]:
    return {"pk": {"S": "p"}, "sk": {"S": sort}}


@pytest.fixture
def tables(moto_tables: Tables) -> Tables:
    moto_tables.client.put_item(TableName="Registrations", Item=ITEM)
    moto_tables.client.put_item(TableName="Registrations", Item={**ITEM, **key("other")})
    return moto_tables


def items(tables: Tables) -> Any:
    return tables.client.scan(TableName="Registrations", ConsistentRead=True)["Items"]


def test_a_value_of_every_type_is_answered_as_it_was_put(tables: Tables) -> None:
    assert items(tables) == [ITEM, {**ITEM, **key("other")}]


def test_a_transaction_that_fails_changes_nothing(tables: Tables) -> None:
    before = items(tables)
    values: dict[str, Any] = {"ExpressionAttributeValues": {":one": {"N": "1"}}}
    change = {"UpdateExpression": "ADD #n :one SET #l[0] = :one", **values}
    names = {"ExpressionAttributeNames": {"#n": "number", "#l": "list"}}
    steps: list[tuple[str, dict[str, Any]]] = [
        ("Update", {"Key": key("old"), **change, **names}),
        (
            "Update",
            {"Key": key("new"), "UpdateExpression": "SET yes = :y", "ExpressionAttributeValues": {":y": ITEM["yes"]}},
        ),
        ("Put", {"Item": key("newer")}),
        ("Delete", {"Key": key("other")}),
        ("ConditionCheck", {"Key": key("nowhere"), "ConditionExpression": "attribute_exists(pk)"}),
    ]
    sent: list[Any] = [{kind: {"TableName": "Registrations", **step}} for kind, step in steps]
    with pytest.raises(tables.client.exceptions.TransactionCanceledException):
        tables.client.transact_write_items(TransactItems=sent)
    assert items(tables) == before
    tables.client.transact_write_items(TransactItems=sent[:-1])
    after = {item["sk"]["S"]: item for item in items(tables)}
    assert after.keys() == {"old", "new", "newer"}
    assert after["old"] == {**ITEM, "number": {"N": "2"}, "list": {"L": [{"N": "1"}, ITEM["list"]["L"][1]]}}


def test_tables_that_are_filled_again_are_as_they_were_the_first_time(moto_tables: Tables) -> None:
    def fill(connection: Tables) -> None:
        connection.client.put_item(TableName="Registrations", Item=ITEM)

    for _ in range(3):
        assert items(fill_once(moto_tables, fill)) == [ITEM]
        moto_tables.client.update_item(
            TableName="Registrations",
            Key=key("old"),
            UpdateExpression="REMOVE #n",
            ExpressionAttributeNames={"#n": "number"},
        )
        moto_tables.client.put_item(TableName="Registrations", Item=key("more"))
        assert items(moto_tables) != [ITEM]
