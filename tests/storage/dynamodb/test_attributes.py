"""Items and expressions in DynamoDB's form."""

from typing import Any

import pytest

from storage.dynamodb.attributes import expression, marshal, unmarshal

NAMES = {"ExpressionAttributeNames": {"#pk": "pk", "#size": "size"}}
VALUES = {"ExpressionAttributeValues": {":one": {"N": "1"}, ":on": {"BOOL": True}}}


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("attribute_exists(#pk) AND #size = :one", {"one": 1, "on": True}, NAMES | VALUES),
        ("attribute_exists(#pk) OR attribute_exists(#size)", {}, NAMES),
        ("", {"one": 1, "on": True}, VALUES),
        ("", {}, {}),
    ],
    ids=["both", "no values", "no names", "neither"],
)
def test_an_expression_has_no_empty_definitions_which_dynamodb_refuses(
    text: str, values: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert expression(text, values) == expected


def test_an_item_is_read_as_it_was_written() -> None:
    item = {"text": "1", "number": -1, "yes": True, "no": False, "numbers": frozenset({3, 20, 100})}
    stored = marshal(item)
    assert stored == {
        "text": {"S": "1"},
        "number": {"N": "-1"},
        "yes": {"BOOL": True},
        "no": {"BOOL": False},
        "numbers": {"NS": ["3", "20", "100"]},
    }
    assert unmarshal(stored) == item
