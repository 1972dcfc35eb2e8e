"""DynamoDB's own form of values and expressions: strings, whole numbers and booleans are all that the ledger stores."""

import re
from collections.abc import Mapping
from typing import Any

Item = dict[str, Any]
Key = dict[str, str]
Values = Mapping[str, str | int | bool]


def marshal(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return an item in DynamoDB's form."""
    return {name: _attribute(value) for name, value in item.items()}


def _attribute(value: str | int | bool) -> dict[str, Any]:  # noqa: FBT001 - a value of an item, not a switch
    if isinstance(value, bool):
        return {"BOOL": value}
    return {"S": value} if isinstance(value, str) else {"N": str(value)}


def unmarshal(item: Mapping[str, Mapping[str, Any]]) -> Item:
    """Return an item of DynamoDB's form as plain values."""
    return {
        name: it["S"] if "S" in it else int(it["N"]) if "N" in it else it["BOOL"]  # Strings are by far the most.
        for name, it in item.items()
    }


def expression(text: str, values: Values) -> dict[str, Any]:
    """Return what defines every `#attribute` of an expression, as many are reserved words, and every `:value`."""
    names = {f"#{name}": name for name in re.findall(r"#(\w+)", text)}
    given = {f":{name}": _attribute(value) for name, value in values.items()}
    return ({"ExpressionAttributeNames": names} if names else {}) | (
        {"ExpressionAttributeValues": given} if given else {}
    )
