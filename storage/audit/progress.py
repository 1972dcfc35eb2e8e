"""Shows the progress of an audit: one line that is rewritten on a terminal, a new line now and then elsewhere."""

import sys
import time
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Final, TextIO

from storage.dynamodb.consumption import Read, on_read
from storage.dynamodb.tables import Tables

#: Time between two lines, in seconds: on a terminal, and elsewhere.
_TERMINAL_SECONDS: Final = 0.2
_LOG_SECONDS: Final = 10.0

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
        self._stream = stream
        self._rewrites = stream.isatty()
        self._start = self._shown = time.monotonic()
        self._lock = Lock()
        expected = sizes["Events"] + sizes["Registrations"]
        self._write(f"About {expected:,} items to read, for about {UNITS_PER_ITEM * expected:,.0f} read units.\n")
        on_read(tables, self._count)

    def _count(self, read: Read) -> None:
        # Reads are made on several threads.
        with self._lock:
            self.items += read.items
            self.units += read.units
            self._walked += read.items if read.table == "Registrations" else 0
            if time.monotonic() - self._shown >= (_TERMINAL_SECONDS if self._rewrites else _LOG_SECONDS):
                self._shown = time.monotonic()
                self._write(f"{self._percent()} %, {self}" + ("" if self._rewrites else "\n"))

    def _percent(self) -> int:
        return min(99, 100 * self._walked // max(1, _WALKS * self._registrations))

    def __str__(self) -> str:
        """Return the items and units read so far, and the time since the start."""
        seconds = time.monotonic() - self._start
        return f"{self.items:,} items read for {self.units:,.0f} read units in {seconds:.0f} s"

    def print(self, line: str, out: Callable[[str], object]) -> None:
        """Pass a line to another stream, after erasing the line that is rewritten."""
        with self._lock:
            self._write("")
        out(line)

    def _write(self, text: str) -> None:
        self._stream.write(f"\r\x1b[K{text}" if self._rewrites else text)
        self._stream.flush()
