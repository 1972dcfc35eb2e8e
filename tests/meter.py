"""A meter of DynamoDB calls and request units, by AWS's own arithmetic (emulators bill by guess).

A read unit is 4 KB read strongly, half that price if eventually; a write unit is 1 KB, twice that in a transaction.
"""

import json
import math
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from storage.tables import Tables


class Meter:
    """What was called and consumed since the meter was put in."""

    def __init__(self) -> None:
        """Start from zero."""
        self.calls: Counter[str] = Counter()
        self.reads = 0.0
        self.writes = 0
        self._strong = True

    def before(self, params: dict[str, Any], model: Any, **_context: Any) -> None:
        """See a request: its price may depend on how it reads."""
        self.calls[model.name] += 1
        body = json.loads(params["body"])
        tables = body.get("RequestItems", {}).values()
        self._strong = bool(body.get("ConsistentRead")) or any(table.get("ConsistentRead") for table in tables)
        for member in body.get("TransactItems", []):
            content = next(iter(member.values()))
            self.writes += 2 * max(1, math.ceil(_size(content.get("Item", {})) / 1024))

    def after(self, parsed: dict[str, Any], model: Any, **_context: Any) -> None:
        """See an answer: a query is billed by the sum of its items, a batch by each."""
        if model.name in {"GetItem", "BatchGetItem"}:
            found = [parsed["Item"]] if "Item" in parsed else []
            found += [item for items in parsed.get("Responses", {}).values() for item in items]
            self._read([_size(item) for item in found] or [0])
        elif model.name == "Query":
            counted = 80 * parsed["Count"] if not parsed.get("Items") else 0
            self._read([sum(_size(item) for item in parsed.get("Items", [])) + counted])

    def _read(self, sizes: list[int]) -> None:
        units = sum(max(1, math.ceil(size / 4096)) for size in sizes)
        self.reads += units if self._strong else units / 2


def _size(item: dict[str, Any]) -> int:
    """Return about how many bytes an item has: its names and its values in UTF-8."""
    return sum(len(name) + len(str(next(iter(value.values()))).encode()) for name, value in item.items())


@contextmanager
def metered(tables: Tables) -> Iterator[Meter]:
    """Count what is called as long as the context lasts."""
    events, meter = tables.client.meta.events, Meter()
    events.register("before-call.dynamodb", meter.before)
    events.register("after-call.dynamodb", meter.after)
    try:
        yield meter
    finally:
        events.unregister("before-call.dynamodb", meter.before)
        events.unregister("after-call.dynamodb", meter.after)
