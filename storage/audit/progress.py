"""Shows how far an audit is and what it has read: a line that moves on a terminal, a line now and then elsewhere."""

import sys
import time
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any, Final, TextIO

from storage.dynamodb.tables import Tables

#: How often the line is written anew, in seconds: on a terminal, and elsewhere.
_MOVES_AFTER: Final = 0.2
_SAYS_AFTER: Final = 10.0

#: An audit reads each registration from its event and from its user, and the companions of both: so many read units
#: for an item of Events or Registrations.
UNITS_PER_ITEM: Final = 1.5

#: An audit walks through Registrations twice: by event, then from end to end.
_WALKS: Final = 2


class Progress:
    """Counts what the client of the tables reads, from its answers, and shows it."""

    def __init__(self, tables: Tables, sizes: Mapping[str, int], stream: TextIO = sys.stderr) -> None:
        """Watch the client; `sizes` says about how many items each table has."""
        self.items = 0
        self.units = 0.0
        self._walked = 0
        self._registrations = (tables.names["Registrations"], sizes["Registrations"])
        self._stream = stream
        self._moves = stream.isatty()
        self._start = self._shown = time.monotonic()
        self._lock = Lock()
        expected = sizes["Events"] + sizes["Registrations"]
        self._write(f"About {expected:,} items: that will take about {UNITS_PER_ITEM * expected:,.0f} read units.\n")
        events: Any = tables.client.meta.events
        events.register("provide-client-params.dynamodb.*", self._ask)
        events.register("after-call.dynamodb", self._count)

    def _ask(self, params: dict[str, Any], model: Any, **_context: Any) -> None:
        if "ReturnConsumedCapacity" in model.input_shape.members:
            params["ReturnConsumedCapacity"] = "TOTAL"

    def _count(self, parsed: dict[str, Any], **_context: Any) -> None:
        consumed = parsed.get("ConsumedCapacity", [])
        consumed = consumed if isinstance(consumed, list) else [consumed]
        # Calls are made on several threads.
        with self._lock:
            read = len(parsed.get("Items", ()))
            name, _size = self._registrations
            self._walked += read if any(table.get("TableName") == name for table in consumed) else 0
            self.items += read + ("Item" in parsed) + _batched(parsed.get("Responses", ()))
            self.units += sum(table.get("CapacityUnits", 0.0) for table in consumed)
            if time.monotonic() - self._shown >= (_MOVES_AFTER if self._moves else _SAYS_AFTER):
                self._shown = time.monotonic()
                self._write(f"{self._percent()} %, {self}" + ("" if self._moves else "\n"))

    def _percent(self) -> int:
        _name, size = self._registrations
        return min(99, 100 * self._walked // max(1, _WALKS * size))

    def __str__(self) -> str:
        """Return what was read until now."""
        seconds = time.monotonic() - self._start
        return f"{self.items:,} items read for {self.units:,.0f} read units in {seconds:.0f} s"

    def say(self, line: str, out: Callable[[str], object]) -> None:
        """Write a line elsewhere, without the moving line in its way."""
        with self._lock:
            self._write("")
        out(line)

    def _write(self, text: str) -> None:
        self._stream.write(f"\r\x1b[K{text}" if self._moves else text)
        self._stream.flush()


def _batched(responses: Any) -> int:
    """Count the items of a batch, which come by table, or of a snapshot, which come in a list."""
    if isinstance(responses, dict):
        return sum(len(items) for items in responses.values())
    return sum("Item" in response for response in responses)
