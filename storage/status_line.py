"""A line that shows the progress of a tool: rewritten on a terminal, a new line now and then elsewhere."""

import time
from collections.abc import Callable
from threading import RLock
from typing import Final, TextIO

#: Time between two lines, in seconds: on a terminal, and elsewhere.
_TERMINAL_SECONDS: Final = 0.2
_LOG_SECONDS: Final = 10.0


class StatusLine:
    """The line on one stream; threads may share it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._rewrites = stream.isatty()
        self._start = self._shown = time.monotonic()
        self._lock = RLock()

    @property
    def seconds(self) -> float:
        """The time since the start."""
        return time.monotonic() - self._start

    def show(self, text: Callable[[], str]) -> None:
        """Show a text, if it is time for the next one."""
        with self._lock:
            if time.monotonic() - self._shown >= (_TERMINAL_SECONDS if self._rewrites else _LOG_SECONDS):
                self._shown = time.monotonic()
                self._write(text() + ("" if self._rewrites else "\n"))

    def print(self, line: str, out: Callable[[str], object] | None = None) -> None:
        """Print a line, or pass it to another stream, after erasing the line that is rewritten."""
        with self._lock:
            self._write("" if out else f"{line}\n")
            if out:
                out(line)

    def _write(self, text: str) -> None:
        self._stream.write(f"\r\x1b[K{text}" if self._rewrites else text)
        self._stream.flush()
