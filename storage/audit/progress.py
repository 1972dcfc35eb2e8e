"""Shows how far an audit is and what it has read: a line that moves on a terminal, a line now and then elsewhere."""

import sys
import time
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Final, TextIO

from storage.dynamodb.consumption import Read, on_read
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
        self._registrations = sizes["Registrations"]
        self._stream = stream
        self._moves = stream.isatty()
        self._start = self._shown = time.monotonic()
        self._lock = Lock()
        expected = sizes["Events"] + sizes["Registrations"]
        self._write(f"About {expected:,} items: that will take about {UNITS_PER_ITEM * expected:,.0f} read units.\n")
        on_read(tables, self._count)

    def _count(self, read: Read) -> None:
        # Reads are made on several threads.
        with self._lock:
            self.items += read.items
            self.units += read.units
            self._walked += read.items if read.listed == "Registrations" else 0
            if time.monotonic() - self._shown >= (_MOVES_AFTER if self._moves else _SAYS_AFTER):
                self._shown = time.monotonic()
                self._write(f"{self._percent()} %, {self}" + ("" if self._moves else "\n"))

    def _percent(self) -> int:
        return min(99, 100 * self._walked // max(1, _WALKS * self._registrations))

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
