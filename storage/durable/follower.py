"""What the logs of a data folder tell about registrations, from a position on.

Only lines with a time tell something, so that a log that was rewritten tells nothing twice: the state that it starts
with has none.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final

from storage.durable.log import Document, LogError, parse, sync
from storage.durable.position import Position, log_path
from storage.dynamodb.attributes import Item, unmarshal
from storage.embedded import EMULATOR_ACCESS
from storage.items import is_registration
from storage.notifications import Notification, derive

#: The account of ministack for a key that names none, and the region: where the service has its tables.
_SCOPE: Final = ["000000000000", EMULATOR_ACCESS["region_name"]]

_Key = tuple[str, str]
_TABLE: Final = "Registrations"

#: What is greater than the size of any log.
_LOG_SIZE: Final = 10**15


@dataclass(frozen=True, slots=True)
class Told:
    """A notification, when its change was written, and the position before it."""

    notification: Notification
    at: datetime
    position: Position

    @property
    def id(self) -> str:
        """Return the same id each time that the change is told."""
        return f"{self.position.token}-{self.position.log}-{self.position.offset}-{self.position.told}"

    @property
    def sequence(self) -> int:
        """Return a number that is greater for each later change."""
        return self.position.log * _LOG_SIZE + self.position.offset + self.position.told

    @property
    def after(self) -> Position:
        """Return the position after it."""
        before = self.position
        return Position(before.token, before.log, before.offset, before.told + 1)


def follow(folder: Path, position: Position) -> Iterator[Told | None]:
    """Yield what comes after a position, log after log without an end; None where there is no more yet.

    What is told is on the disk first: a power failure does not undo it.

    Raises:
        LogError: A log is damaged.
        OSError: A log can't be read.

    """
    while True:
        yield from _follow_log(folder, position)
        position = Position(position.token, position.log + 1, 0)


def _follow_log(folder: Path, position: Position) -> Iterator[Told | None]:
    """Yield what one log tells after a position in it, until all of it is told and there is a log after it."""
    known: dict[_Key, Item] = {}
    offset = synced = 0
    with log_path(folder, position.log).open("rb") as log:
        while True:
            # A log is complete once there is one after it, and so is what is read of it from then on.
            complete = log_path(folder, position.log + 1).exists()
            while (line := log.readline()).endswith(b"\n"):
                for told, (at, notification) in enumerate(_fold(known, _document(log, offset, line))):
                    if (offset, told) >= (position.offset, position.told):
                        synced = _synced(log, offset + len(line), synced)
                        yield Told(notification, at, Position(position.token, position.log, offset, told))
                offset += len(line)
            if complete:
                return
            log.seek(offset)  # A line that was not written to its end is read again.
            yield None


def _synced(log: BinaryIO, end: int, synced: int) -> int:
    """Put the log on the disk up to a byte, unless it is there, and return how much is."""
    if end > synced:
        synced = os.fstat(log.fileno()).st_size
        sync(log.fileno())
    return synced


def _document(log: BinaryIO, offset: int, line: bytes) -> Document:
    """Return the document of a line, or an empty one if the line is not about registrations."""
    if b'"Registrations"' not in line:
        return {}
    document = parse(line)
    if document is None:
        raise LogError(f"{log.name} is damaged at byte {offset}")
    return document if document["scope"] == _SCOPE else {}


def _fold(known: dict[_Key, Item], document: Document) -> Iterator[tuple[datetime, Notification]]:
    """Apply a document to the known registrations, and yield what it tells."""
    operation, request = document.get("call", ("", {}))
    if operation == "DeleteTable" and request["TableName"] == _TABLE:
        known.clear()
    at = document.get("at")
    for key, new in _changes(document):
        notification = derive(known.pop(key, None), new)
        if new is not None:
            known[key] = new
        if notification is not None and at is not None:
            yield datetime.fromtimestamp(at, UTC), notification


def _changes(document: Document) -> Iterator[tuple[_Key, Item | None]]:
    """Yield the key and the new item of each change of a registration; what was removed first."""
    for name in ("delete", "put"):
        for table, raw in document.get(name, ()):
            if table == _TABLE and is_registration(item := unmarshal(raw)):
                yield (item["pk"], item["sk"]), item if name == "put" else None
