"""Writes an export: users, then each event as of one moment with its registrations, even while the service writes."""

import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from tempfile import SpooledTemporaryFile, TemporaryFile
from typing import IO, Any, BinaryIO, Final

from storage import rules
from storage.audit import event_ids
from storage.audit.item_types import event_of, fault, user_of
from storage.audit.reads import scan, snapshot, walk
from storage.dynamodb.attributes import Item
from storage.dynamodb.tables import Tables
from storage.items import QUEUE_PREFIX, USER_PREFIX, details_key, registration_key, seats_key, to_seats
from storage.transfer import form
from storage.transfer.form import HEADER, KINDS, OPTIONAL, PROPERTIES, line

#: Maximum number of times that an event is read; it is read again if others wrote to it meanwhile.
LOOKS: Final = 10

#: Bytes of a queue that are kept in memory; more go to a temporary file.
_IN_MEMORY: Final = 1_000_000

#: The attributes of an event that SEATS decides, where DETAILS has a copy.
_OF_SEATS: Final = ("capacity", "status", "hasWaitlist", "version", "owner")

Report = Callable[[str], object]


def export(tables: Tables, out: BinaryIO, report: Report, advance: Callable[[Counter[str]], object]) -> Counter[str]:
    """Write an export, and return the number of its lines by kind.

    `report` gets each gap: what is damaged, and events that changed during each look. `advance` gets the numbers so
    far. Events are read first, into a temporary file: so all of their users exist when users are read.
    """
    counts: Counter[str] = Counter()
    with TemporaryFile() as kept:
        for event_id in event_ids(tables):
            counts += _Event(tables, event_id, report).write(kept)
            advance(counts)
        out.write(line(HEADER))
        for item in scan(tables, "Users"):
            document = _document("user", item)
            if wrong := form.fault(document):
                report(f"the user {form.quoted(item['userId'])} is damaged and left out: {wrong}")
                continue
            out.write(line(document))
            counts["user"] += 1
            advance(counts)
        kept.seek(0)
        shutil.copyfileobj(kept, out)
    out.write(line({"type": "end", **{name: counts[kind] for kind, name in KINDS.items()}}))
    return counts


def _document(kind: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the object of a kind with those of its properties that exist."""
    names = [*PROPERTIES[kind], *OPTIONAL.get(kind, {})]
    return {"type": kind, **{name: values[name] for name in names if name in values}}


class _Event:
    """The export of one event."""

    def __init__(self, tables: Tables, event_id: str, report: Report) -> None:
        self._tables, self._event_id, self._report = tables, event_id, report
        self._keys = [("Events", details_key(event_id)), ("Events", seats_key(event_id))]
        self._gaps: list[str] = []

    def write(self, out: IO[bytes]) -> Counter[str]:
        """Write the event and its registrations, and return the number of lines by kind.

        Every write to a registration changes SEATS in the same transaction. So if two snapshots of DETAILS and SEATS
        are equal, nothing changed between them.
        """
        start = out.tell()
        before = snapshot(self._tables, self._keys)
        for _look in range(LOOKS):
            out.seek(start)
            out.truncate()
            self._gaps = []
            counts = self._write(out, *before)
            after = snapshot(self._tables, self._keys)
            if after == before:
                break
            before = after
        else:
            self._gap(f"changed during each of {LOOKS} looks: its registrations may be of different moments")
        for gap in self._gaps:
            self._report(gap)
        return counts

    def _write(self, out: IO[bytes], details: Item | None, seats: Item | None) -> Counter[str]:
        if details is None and seats is None:
            return Counter()  # It was deleted meanwhile.
        shared = {name: value for name, value in (seats or {}).items() if name in _OF_SEATS}
        document = _document("event", {**(details or {}), **shared})
        wrong = form.fault(document) or ("lacks its counters" if seats is None or not _countable(seats) else None)
        if wrong or seats is None:
            self._gap(f"is damaged and left out with its registrations: {wrong}")
            return Counter()
        out.write(line(document))
        confirmed, waiting = self._write_registrations(out, seats)
        if (confirmed, waiting) != (seats["confirmed"], seats["waitlisted"]):
            self._gap(
                f"is damaged: {seats['confirmed']} confirmed and {seats['waitlisted']} waiting are counted, and"
                f" {confirmed} and {waiting} are found"
            )
        return Counter(event=1, registration=confirmed + waiting)

    def _write_registrations(self, out: IO[bytes], seats: Item) -> tuple[int, int]:
        """Write who has a seat, then the queue, and return the number of each as the store has it.

        The queue is read first: a person who is promoted meanwhile is found twice, and not missed. Those at its head
        to whom free seats are owed are written as confirmed, as the next write to the event would make them.
        """
        owed = rules.promotable(to_seats(seats))
        with SpooledTemporaryFile(_IN_MEMORY) as queue:
            waiting = confirmed = 0
            for waiting, place in enumerate(self._sound(QUEUE_PREFIX), 1):
                queue.write(_line(place, "confirmed" if waiting <= owed else "waitlisted"))
            for registration in self._sound(USER_PREFIX):
                if registration["status"] == "confirmed":
                    out.write(_line(registration, "confirmed"))
                    confirmed += 1
            queue.seek(0)
            shutil.copyfileobj(queue, out)
        return confirmed, waiting

    def _sound(self, prefix: str) -> Iterator[Item]:
        """Yield the registrations or places whose keys have the prefix, in the order of the keys."""
        values = {"pk": registration_key(self._event_id, "")["pk"], "prefix": prefix}
        for item in walk(self._tables, "#pk = :pk AND begins_with(#sk, :prefix)", values):
            if wrong := fault(item):
                self._gap(f"has a damaged registration, which is left out: {form.quoted(item['sk'])}: {wrong}")
            else:
                yield item

    def _gap(self, text: str) -> None:
        self._gaps.append(f"the event {form.quoted(self._event_id)} {text}")


def _line(item: Item, status: str) -> bytes:
    """Return the line of a registration or a place in the queue."""
    values = {"eventId": event_of(item), "userId": user_of(item), "status": status}
    return line(_document("registration", {**item, **values}))


def _countable(seats: Item) -> bool:
    return all(type(seats.get(name)) is int for name in ("confirmed", "waitlisted", "nextSeq"))
