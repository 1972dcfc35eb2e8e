"""A meter of DynamoDB calls and request units, by AWS's own arithmetic (emulators bill by guess).

A read unit is 4 KB read strongly, half that price if eventually; a write unit is 1 KB, twice that in a transaction.
What is updated, deleted or checked is taken for an item of up to 1 KB, as its size is not in the request.
"""

import json
import math
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

from storage.dynamodb.tables import Tables


class Meter:
    """What was called and consumed since the meter was put in, by however many threads."""

    def __init__(self) -> None:
        """Start from zero."""
        self.calls: Counter[str] = Counter()
        self.reads = 0.0
        self.writes = 0
        self._lock = Lock()

    def before(self, params: dict[str, Any], model: Any, context: dict[str, Any], **_more: Any) -> None:
        """See a request: its price may depend on how it reads."""
        body = json.loads(params["body"])
        tables = body.get("RequestItems", {}).values()
        context["consistent"] = bool(body.get("ConsistentRead")) or any(table.get("ConsistentRead") for table in tables)
        written = [next(iter(member.values())).get("Item", {}) for member in body.get("TransactItems", [])]
        with self._lock:
            self.calls[model.name] += 1
            self.writes += sum(2 * max(1, math.ceil(size(item) / 1024)) for item in written)

    def after(self, parsed: dict[str, Any], model: Any, context: dict[str, Any], **_more: Any) -> None:
        """See an answer: a query is billed by the sum of what it went through, a batch by each item."""
        if model.name in {"GetItem", "BatchGetItem"}:
            found = [parsed["Item"]] if "Item" in parsed else []
            found += [item for items in parsed.get("Responses", {}).values() for item in items]
            self._read([size(item) for item in found] or [0], consistent=context["consistent"])
        elif model.name == "Query":
            shown = sum(size(item) for item in parsed["Items"])
            # What a filter leaves out is billed as well; it is taken to be as large as what it lets pass.
            self._read([shown * parsed["ScannedCount"] // max(1, parsed["Count"])], consistent=context["consistent"])

    def _read(self, sizes: list[int], *, consistent: bool) -> None:
        units = sum(max(1, math.ceil(bytes_read / 4096)) for bytes_read in sizes)
        with self._lock:
            self.reads += units if consistent else units / 2


def size(item: dict[str, Any]) -> int:
    """Return about how many bytes an item has, as the documentation of DynamoDB counts them."""
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
    """Count what is called as long as the context lasts."""
    events, meter = tables.client.meta.events, Meter()
    events.register("before-call.dynamodb", meter.before)
    events.register("after-call.dynamodb", meter.after)
    try:
        yield meter
    finally:
        events.unregister("before-call.dynamodb", meter.before)
        events.unregister("after-call.dynamodb", meter.after)
