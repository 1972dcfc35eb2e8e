"""moto's DynamoDB without the work that is most of its time, and with the same answers.

For each item of a transaction, moto copies the whole table, in case the transaction fails; each value in an answer
passes the serializer of all services, once per type that a value of DynamoDB could have; and to sort the items of a
Query, it asks all keys for their types.
"""

import copy
import os
from collections import defaultdict
from collections.abc import Callable
from typing import Any, Final

import pytest
from moto.core.serialize import BaseJSONSerializer
from moto.dynamodb.models import DynamoDBBackend, dynamodb_backends
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import Table

from storage.dynamodb.tables import Tables

#: Types whose values are in a call's answer as moto keeps them.
_AS_KEPT: Final = frozenset({"S", "N", "BOOL"})

_filled: Final[dict[Callable[[Tables], object], dict[str, Any]]] = {}


def tables() -> dict[str, Any]:
    """Return moto's tables by name, in which a test may put items."""
    made: dict[str, Any] = dynamodb_backends["123456789012"]["us-east-1"].tables
    return made


def fill_once(connection: Tables, fill: Callable[[Tables], object]) -> Tables:
    """Fill fresh tables by a function, or with what it filled them with before in this process.

    Under mutmut, which sets a variable, each test runs the function: it may be what finds a mutant.
    """
    if fill in _filled and "MUTANT_UNDER_TEST" not in os.environ:
        tables().update({name: copy.deepcopy(table) for name, table in _filled[fill].items()})
    else:
        fill(connection)
        _filled[fill] = {name: copy.deepcopy(table) for name, table in tables().items()}
    return connection


def quicken(patch: pytest.MonkeyPatch) -> None:
    """Let copies of a table share its items, which updates replace then, and take short ways for plain values."""
    update, serialize = DynamoDBBackend.update_item, BaseJSONSerializer._serialize_type_structure  # noqa: SLF001 - replaced
    typed = DynamoType.cast_value.fget

    def twin(table: Any, _memo: object) -> Any:
        made = copy.copy(table)
        parts = ((key, dict(part) if table.has_range_key else part) for key, part in table.items.items())
        made.items = defaultdict(dict, parts)
        return made

    def update_a_copy(backend: Any, table_name: str, key: Any, *more: Any, **named: Any) -> Any:
        table = backend.get_table(table_name)
        hash_key, range_key = backend.get_keys_value(table, key)
        if (item := table.get_item(hash_key, range_key)) is not None:
            part, own_key = (table.items[hash_key], range_key) if table.has_range_key else (table.items, hash_key)
            part[own_key] = copy.deepcopy(item)
        return update(backend, table_name, key, *more, **named)

    def serialize_no_plain_value(serializer: Any, serialized: Any, value: Any, shape: Any, key: str) -> None:
        if shape.name == "AttributeValue" and value and value.keys() <= _AS_KEPT:
            serialized[key] = value
        else:
            serialize(serializer, serialized, value, shape, key)

    def text_as_kept(value: Any) -> Any:
        return value.value if value.type == "S" else typed(value)

    patch.setattr(DynamoType, "cast_value", property(text_as_kept))
    patch.setattr(Table, "__deepcopy__", twin, raising=False)
    patch.setattr(DynamoDBBackend, "update_item", update_a_copy)
    patch.setattr(BaseJSONSerializer, "_serialize_type_structure", serialize_no_plain_value)
