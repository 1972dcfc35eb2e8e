"""A log of writes: lines with a checksum and a JSON document, appended by one process.

The documents are, after the header `{"format": 1}`:

    {"scope": [account, region], "put": [[table, item], ...], "delete": [[table, key], ...], "at": Unix time}
    {"scope": [account, region], "call": [operation, request], "at": Unix time}

A call changes tables, such as CreateTable. The state that a rewritten log starts with has no time.
"""

import json
import mmap
import os
import sys
import threading
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

FORMAT: Final = 1

#: Time in seconds after which a write is on the disk, beyond the time that the disk takes.
SYNC_SECONDS: Final = 0.1

_CHECKSUM: Final = 8

Document = dict[str, Any]


class LogError(Exception):
    """A log can't be read or written; the message has its path, the reason, and what to do."""


def read(path: Path) -> Iterator[Document]:
    """Yield the documents of a log, after its header. A last line that was not written to its end is left out.

    Raises:
        LogError: The file can't be read, is damaged, or has a newer format.

    """
    try:
        with path.open("rb") as file:
            yield from _documents(path, file.readlines())
    except OSError as error:
        raise LogError(f"can't read {path}: {error.strerror}") from error


def _documents(path: Path, lines: list[bytes]) -> Iterator[Document]:
    if not lines:
        raise LogError(f"{path} is empty, which a log of this service never is")
    start = 0
    for number, line in enumerate(lines):
        document = parse(line)
        if number == 0:
            _check_format(path, document)
        elif document is None:
            if number == len(lines) - 1 and not line.endswith(b"\n"):
                return
            raise LogError(
                f"{path} is damaged: line {number + 1}, at byte {start}, is not what was written. To go on without it"
                f" and what comes after it, keep a copy and run: truncate -s {start} {path}"
            )
        else:
            yield document
        start += len(line)


def _check_format(path: Path, header: Document | None) -> None:
    if header is None or "format" not in header:
        intact = line({"format": FORMAT}).decode().rstrip()
        raise LogError(f"{path} is not a log of this service, or its first line is damaged, which has to be: {intact}")
    if header["format"] != FORMAT:
        raise LogError(
            f"{path} has the format {header.get('format')}, and this version reads format {FORMAT}:"
            " start the version that wrote it, or choose another folder with --data"
        )


def parse(line: bytes) -> Document | None:
    """Return the document of a line, or None if the line is incomplete or changed."""
    text = line[_CHECKSUM + 1 : -1]
    if not line.endswith(b"\n") or line[: _CHECKSUM + 1] != _checksum(text):
        return None
    document: Document = json.loads(text)
    return document


def _checksum(text: bytes) -> bytes:
    return b"%08x " % zlib.crc32(text)


def line(document: Document) -> bytes:
    """Return the line of a document."""
    text = json.dumps(document, separators=(",", ":")).encode()
    return b"%b%b\n" % (_checksum(text), text)


class Log:
    """A log that is appended to; each line is handed to the operating system at once, and synced in the background."""

    def __init__(
        self, path: Path, failed: Callable[[str], object], report: Callable[[str], object] = lambda _what: None
    ) -> None:
        """Open a log, and move an unfinished last line to a file beside it, which `report` is called with.

        `failed` is called with the reason when a write fails.

        Raises:
            LogError: The file can't be written.

        """
        self._failed, self._path = failed, path
        try:
            self._file = os.open(path, os.O_RDWR | os.O_APPEND)
            length, rest = finished(path)
            if rest:
                unfinished = path.with_suffix(".unfinished")
                unfinished.touch(mode=0o600)
                unfinished.write_bytes(rest)
                os.ftruncate(self._file, length)
                report(f"A write at the end of {path} was neither finished nor answered; it is in {unfinished}")
        except OSError as error:
            raise LogError(f"can't write to {path}: {error.strerror}") from error
        self._changed = threading.Event()
        self._closing = threading.Event()
        self._syncing = threading.Thread(target=self._sync_changes)
        self._syncing.start()

    def append(self, document: Document) -> None:
        """Append a document."""
        text = line(document)
        try:
            written = os.write(self._file, text)
            if written < len(text):  # The disk is full; the rest tells why.
                os.write(self._file, text[written:])
        except OSError as error:
            self._fail(error)
        self._changed.set()

    def _sync_changes(self) -> None:
        while not self._closing.is_set():
            self._changed.wait()
            self._changed.clear()
            self._sync()
            self._closing.wait(SYNC_SECONDS)

    def _sync(self) -> None:
        try:
            sync(self._file)
        except OSError as error:
            self._fail(error)
        if os.fstat(self._file).st_nlink == 0:
            self._failed(f"{self._path} was deleted while it was in use, and its content is lost")

    def _fail(self, error: OSError) -> None:
        self._failed(f"can't write to {self._path}: {error.strerror}")

    def close(self) -> None:
        """Sync and close the log."""
        self._closing.set()
        self._changed.set()
        self._syncing.join()
        self._sync()
        os.close(self._file)


def finished(path: Path) -> tuple[int, bytes]:
    """Return the length in bytes of the whole lines of a log, and what is behind them."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        length = content.rfind(b"\n") + 1
        return length, content[length:]


def sync(file: int) -> None:
    """Make the content of a file survive a power failure."""
    if sys.platform == "darwin":  # There fsync leaves the content in the disk's cache.
        import fcntl  # noqa: PLC0415 - not on Windows

        fcntl.fcntl(file, fcntl.F_FULLFSYNC)
    else:
        os.fsync(file)


def sync_folder(path: Path) -> None:
    """Make the names of the files in a folder survive a power failure."""
    entries = os.open(path, os.O_RDONLY)
    try:
        os.fsync(entries)
    finally:
        os.close(entries)
