"""Shows the progress of an audit."""

import sys
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Final, TextIO

from storage.dynamodb.consumption import Read, on_read
from storage.dynamodb.tables import Tables
from storage.status_line import StatusLine

#: Read units per item of Events and Registrations: each item of Registrations is read twice, by event and in a scan,
#: with its companions.
UNITS_PER_ITEM: Final = 1.5

#: Number of times that an audit reads all of Registrations: by event, then from end to end.
_WALKS: Final = 2


class Progress:
    """Counts the items and units that an audit reads, and shows them."""

    def __init__(self, tables: Tables, sizes: Mapping[str, int], stream: TextIO = sys.stderr) -> None:
        """Count the reads from now on; `sizes` are the approximate numbers of items of the tables."""
        self.items = 0
        self.units = 0.0
        self._walked = 0
        self._registrations = sizes["Registrations"]
        self._line = StatusLine(stream)
        self._lock = Lock()
        expected = sizes["Events"] + sizes["Registrations"]
        self._line.print(f"About {expected:,} items to read, for about {UNITS_PER_ITEM * expected:,.0f} read units.")
        on_read(tables, self._count)

    def _count(self, read: Read) -> None:
        # Reads are made on several threads.
        with self._lock:
            self.items += read.items
            self.units += read.units
            self._walked += read.items if read.table == "Registrations" else 0
            self._line.show(lambda: f"{self._percent()} %, {self}")

    def _percent(self) -> int:
        return min(99, 100 * self._walked // max(1, _WALKS * self._registrations))

    def __str__(self) -> str:
        """Return the items and units read so far, and the time since the start."""
        return f"{self.items:,} items read for {self.units:,.0f} read units in {self._line.seconds:.0f} s"

    def print(self, line: str, out: Callable[[str], object]) -> None:
        """Pass a line to another stream, after erasing the line that is rewritten."""
        self._line.print(line, out)
