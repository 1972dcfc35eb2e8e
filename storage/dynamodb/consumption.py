"""Counts the items and read units of each read, for progress displays."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from storage.dynamodb.tables import Tables

_READS: Final = ("BatchGetItem", "GetItem", "Query", "Scan", "TransactGetItems")


@dataclass(frozen=True, slots=True)
class Read:
    """The number of items that one read returned, its read units, and the table if it was a query or a scan."""

    items: int
    units: float
    table: str | None


def on_read(tables: Tables, notify: Callable[[Read], None]) -> None:
    """Call a function with what each read returned and consumed, on the thread that made the read."""
    names = {name: table for table, name in tables.names.items()}

    def request(params: dict[str, Any], **_context: Any) -> None:
        params["ReturnConsumedCapacity"] = "TOTAL"

    def answer(parsed: dict[str, Any], **_context: Any) -> None:
        consumed = parsed.get("ConsumedCapacity", [])
        consumed = consumed if isinstance(consumed, list) else [consumed]
        units = sum(part.get("CapacityUnits", 0.0) for part in consumed)
        table = names[consumed[0]["TableName"]] if "Items" in parsed and consumed else None
        notify(Read(_items(parsed), units, table))

    for operation in _READS:
        tables.client.meta.events.register(f"provide-client-params.dynamodb.{operation}", request)
        tables.client.meta.events.register(f"after-call.dynamodb.{operation}", answer)


def _items(parsed: dict[str, Any]) -> int:
    """Count the items of an answer: by table after BatchGetItem, one in each response after TransactGetItems."""
    responses = parsed.get("Responses", ())
    if isinstance(responses, dict):
        return sum(len(items) for items in responses.values())
    return len(parsed.get("Items", ())) + ("Item" in parsed) + sum("Item" in response for response in responses)
