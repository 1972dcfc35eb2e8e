"""Items and expressions in DynamoDB's form.

Items contain only strings, booleans, integers, and sets of integers or of strings. A fraction, which only a manual
edit can store, is read as a Decimal, so that the audit can report it.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, cast

Item = dict[str, Any]
Key = dict[str, str]
Value = str | int | bool | Decimal | frozenset[int | Decimal] | frozenset[str]
Values = Mapping[str, Value]


def marshal(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return an item in DynamoDB's form."""
    return {name: _attribute(value) for name, value in item.items()}


def _attribute(value: Value) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, frozenset):
        kind = "SS" if any(isinstance(member, str) for member in value) else "NS"
        return {kind: [str(member) for member in sorted(value)]}
    return {"S": value} if isinstance(value, str) else {"N": str(value)}


def unmarshal(item: Mapping[str, Mapping[str, Any]]) -> Item:
    """Return an item in DynamoDB's form as plain values."""
    # Most attributes are strings.
    return {name: it["S"] if "S" in it else _value(*it.items()) for name, it in item.items()}


def _value(attribute: tuple[str, Any]) -> Value:
    kind, value = attribute
    if kind == "NS":
        return frozenset(map(_number, value))
    if kind == "SS":
        return frozenset(value)
    return _number(value) if kind == "N" else cast("str | bool", value)


def _number(text: str) -> int | Decimal:
    try:
        return int(text)
    except ValueError:
        return Decimal(text)


def expression(text: str, values: Values) -> dict[str, Any]:
    """Return the definitions of every `#attribute` (many names are reserved words) and `:value` of an expression."""
    names = {f"#{name}": name for name in re.findall(r"#(\w+)", text)}
    given = {f":{name}": _attribute(value) for name, value in values.items()}
    return ({"ExpressionAttributeNames": names} if names else {}) | (
        {"ExpressionAttributeValues": given} if given else {}
    )
