"""Items and expressions in DynamoDB's form.

Items contain only strings, booleans, integers and sets of integers.
"""

import re
from collections.abc import Mapping
from typing import Any, cast

Item = dict[str, Any]
Key = dict[str, str]
Value = str | int | bool | frozenset[int]
Values = Mapping[str, Value]


def marshal(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return an item in DynamoDB's form."""
    return {name: _attribute(value) for name, value in item.items()}


def _attribute(value: Value) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, frozenset):
        return {"NS": [str(number) for number in sorted(value)]}
    return {"S": value} if isinstance(value, str) else {"N": str(value)}


def unmarshal(item: Mapping[str, Mapping[str, Any]]) -> Item:
    """Return an item in DynamoDB's form as plain values."""
    # Most attributes are strings.
    return {name: it["S"] if "S" in it else _value(*it.items()) for name, it in item.items()}


def _value(attribute: tuple[str, Any]) -> Value:
    kind, value = attribute
    if kind == "NS":
        return frozenset(map(int, value))
    return int(value) if kind == "N" else cast("str | bool", value)


def expression(text: str, values: Values) -> dict[str, Any]:
    """Return the definitions of every `#attribute` (many names are reserved words) and `:value` of an expression."""
    names = {f"#{name}": name for name in re.findall(r"#(\w+)", text)}
    given = {f":{name}": _attribute(value) for name, value in values.items()}
    return ({"ExpressionAttributeNames": names} if names else {}) | (
        {"ExpressionAttributeValues": given} if given else {}
    )
