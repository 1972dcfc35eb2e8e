"""A meter of DynamoDB calls and request units, by AWS's own arithmetic (emulators bill by guess).

A consistent read costs a unit per 4 KB, an eventually consistent one half of that; a write costs a unit per 1 KB, twice
that in a transaction. An item that is updated, deleted or checked counts as 1 KB, as its size is not in the request.
"""

import json
import math
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

from storage.dynamodb.tables import Tables
from tests.apparatus.hooks import hooked


class Meter:
    """The calls and request units since the meter was attached, of all threads."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.reads = 0.0
        self.writes = 0
        self._lock = Lock()

    def before(self, params: dict[str, Any], model: Any, context: dict[str, Any], **_more: Any) -> None:
        """Count a call and its writes, and note whether it reads consistently."""
        body = json.loads(params["body"])
        tables = body.get("RequestItems", {}).values()
        context["consistent"] = bool(body.get("ConsistentRead")) or any(table.get("ConsistentRead") for table in tables)
        context["keys"] = sum(len(table["Keys"]) for table in tables) or 1
        members = body.get("TransactItems", []) if model.name == "TransactWriteItems" else []
        written = [next(iter(member.values())).get("Item", {}) for member in members]
        with self._lock:
            self.calls[model.name] += 1
            self.writes += sum(2 * max(1, math.ceil(size(item) / 1024)) for item in written)

    def after(self, parsed: dict[str, Any], model: Any, context: dict[str, Any], **_more: Any) -> None:
        """Count the reads of a response: a query is billed by the sum of its items, a batch by each item."""
        if model.name in {"GetItem", "BatchGetItem"}:
            found = [parsed["Item"]] if "Item" in parsed else []
            found += [item for items in parsed.get("Responses", {}).values() for item in items]
            left_over = sum(len(table["Keys"]) for table in parsed.get("UnprocessedKeys", {}).values())
            # A key without an item is billed as well.
            missing = [0] * (context["keys"] - left_over - len(found))
            self._read([*(size(item) for item in found), *missing], consistent=context["consistent"])
        elif model.name == "TransactGetItems":
            sizes = [size(found.get("Item", {})) for found in parsed.get("Responses", [])]
            self._read(sizes * 2, consistent=True)
        elif model.name == "Query":
            shown = sum(size(item) for item in parsed["Items"])
            # Items that a filter drops are billed as well; assume that they are as large as those it passes.
            self._read([shown * parsed["ScannedCount"] // max(1, parsed["Count"])], consistent=context["consistent"])

    def _read(self, sizes: list[int], *, consistent: bool) -> None:
        units = sum(max(1, math.ceil(bytes_read / 4096)) for bytes_read in sizes)
        with self._lock:
            self.reads += units if consistent else units / 2


def size(item: dict[str, Any]) -> int:
    """Return the approximate size of an item in bytes, by the rules in DynamoDB's documentation."""
    return sum(
        len(name) + _value_size(kind, value) for name, attribute in item.items() for kind, value in attribute.items()
    )


def _value_size(kind: str, value: Any) -> int:
    match kind:
        case "S":
            return len(value.encode())
        case "N":
            return math.ceil(len(value) / 2) + 1
        case "NS":
            return sum(_value_size("N", number) for number in value)
        case _:
            return 1


@contextmanager
def metered(tables: Tables) -> Iterator[Meter]:
    """Count calls and request units while the context lasts."""
    meter = Meter()
    before, after = "before-call.dynamodb", "after-call.dynamodb"
    with hooked(tables, before, meter.before), hooked(tables, after, meter.after):
        yield meter
