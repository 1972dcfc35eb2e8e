"""Audits one event: its two items, its registrations and its queue, a page of them at a time."""

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Final, TypeVar

from storage import rules
from storage.audit.findings import Kind, Violation
from storage.audit.item import (
    check,
    companions_of_place,
    companions_of_registration,
    fault,
    is_left,
    is_place,
    is_registration,
    judge_left,
    judge_place,
    judge_registration,
    no_companions,
)
from storage.audit.numbers import audit_numbers, numbers_of
from storage.audit.reads import snapshot, walk
from storage.dynamodb.attributes import Item
from storage.dynamodb.tables import BATCH_KEYS, Tables
from storage.errors import Contention
from storage.items import DETAILS, SEATS, details_key, queue_number, registration_key, seats_key, to_seats

Entry = TypeVar("Entry")

#: An event that somebody writes to while it is counted is counted again, so many times.
LOOKS: Final = 10

#: Whoever has raised a capacity begins to promote within this time, in seconds; only then it is a finding.
PATIENCE: Final = 1.0

#: What DETAILS and SEATS both hold, and its type.
COPIES: Final[Mapping[str, type]] = {"capacity": int, "status": str, "hasWaitlist": bool, "version": str}
_COUNTERS: Final[Mapping[str, type]] = {"confirmed": int, "waitlisted": int, "nextSeq": int}


@dataclass(slots=True)
class Counted:
    """What the items of an event add up to.

    `last_seq` is the highest number that somebody has or had in the queue, where `places` wait; `damaged` registrations
    could be anything.
    """

    confirmed: int = 0
    waitlisted: int = 0
    last_seq: int = -1
    places: int = 0
    damaged: int = 0

    def add(self, item: Item) -> None:
        """Count an item of the event's partition."""
        if is_place(item):
            self.places += 1
            self.last_seq = max(self.last_seq, queue_number(item))
        elif is_left(item):
            self.last_seq = max(self.last_seq, *numbers_of(item), -1)
        elif is_registration(item) and fault(item):
            self.damaged += 1
        elif is_registration(item):
            self.confirmed += item["status"] == "confirmed"
            self.waitlisted += item["status"] == "waitlisted"
            self.last_seq = max(self.last_seq, item.get("seq", -1))


@dataclass(frozen=True, slots=True)
class Observation:
    """The two items of an event, and what its other items add up to, at one moment."""

    details: Item | None
    seats: Item | None
    counted: Counted


def audit_event(tables: Tables, event_id: str) -> Iterator[Violation]:
    """Yield every violation in an event; what others write meanwhile is never taken for one."""
    counted = Counted()
    for part in chunks(_partition(tables, event_id), BATCH_KEYS):
        for item in part:
            counted.add(item)
        left, registered, places = (filter(kind, part) for kind in (is_left, is_registration, is_place))
        yield from check(tables, list(left), no_companions, judge_left)
        yield from check(tables, list(registered), companions_of_registration, judge_registration)
        yield from check(tables, list(places), companions_of_place, judge_place)
    yield from audit_numbers(tables, event_id)
    yield from _audit_items(tables, event_id, counted)


def chunks(entries: Iterable[Entry], size: int) -> Iterator[list[Entry]]:
    """Cut what may be endless into lists of a size."""
    left = iter(entries)
    while part := list(islice(left, size)):
        yield part


def _partition(tables: Tables, event_id: str) -> Iterator[Item]:
    return walk(tables, "#pk = :pk", {"pk": registration_key(event_id, "")["pk"]})


def _audit_items(tables: Tables, event_id: str, counted: Counted) -> Iterator[Violation]:
    parts = {item["part"]: item for item in tables.query("Events", "#eventId = :eventId", {"eventId": event_id})}
    for part in sorted(parts.keys() - {DETAILS, SEATS}):
        key = {"eventId": event_id, "part": part}
        yield Violation("Events", key, Kind.UNKNOWN_ITEM, "the ledger has no such items")
    if not any(_judge(event_id, Observation(parts.get(DETAILS), parts.get(SEATS), counted))):
        return
    observation = _observe(tables, event_id)
    if observation is None:
        finding = f"somebody wrote to this event each of {LOOKS} times that it was counted"
        yield Violation("Events", seats_key(event_id), Kind.NOT_JUDGED, finding)
    else:
        yield from _judge(event_id, observation)


def _observe(tables: Tables, event_id: str) -> Observation | None:
    """Count an event again and again until nobody has written to it meanwhile; None if somebody always has.

    Every write to a registration changes SEATS in the same transaction, `changes` at the least. What is read in two
    snapshots as the same was the same all the time between, and no transaction was half done.
    """
    keys = [("Events", details_key(event_id)), ("Events", seats_key(event_id))]
    try:
        before = snapshot(tables, keys)
        for _look in range(LOOKS):
            counted = Counted()
            for item in _partition(tables, event_id):
                counted.add(item)
            if before[1] is not None and _usable(before[1]) and rules.promotable(to_seats(before[1])):
                time.sleep(PATIENCE)
            after = snapshot(tables, keys)
            if after == before:
                return Observation(before[0], before[1], counted)
            before = after
    except Contention:
        return None
    return None


def _usable(seats: Item) -> bool:
    """Whether SEATS has all that the service reads in it."""
    return all(type(seats.get(name)) is kind for name, kind in {**COPIES, **_COUNTERS}.items())


def _judge(event_id: str, observation: Observation) -> Iterator[Violation]:
    """Yield what is wrong with the two items of an event."""
    details, seats, counted = observation.details, observation.seats, observation.counted
    seen = {"details": details, "seats": seats}
    if details is None and seats is None:
        return
    if details is None:
        yield Violation("Events", details_key(event_id), Kind.DETAILS_MISSING, "this event has lost its own fields")
    elif any(type(details.get(name)) is not kind for name, kind in COPIES.items()):
        yield Violation("Events", details_key(event_id), Kind.MALFORMED, "this event's own fields are damaged")
        details = None
    if seats is None or not _usable(seats):
        yield Violation("Events", seats_key(event_id), Kind.SEATS_MISSING, "this event has no counters", seen)
        return
    if details is not None and (differ := [name for name in COPIES if details[name] != seats[name]]):
        finding = f"{', '.join(differ)} not as in DETAILS"
        yield Violation("Events", seats_key(event_id), Kind.COPIES_DIFFER, finding, seen)
    yield from _judge_counts(event_id, seats, counted)


def _judge_counts(event_id: str, item: Item, counted: Counted) -> Iterator[Violation]:
    seats, right = to_seats(item), counted.last_seq + 1
    seen = {
        "seats": item,
        "counted": {"confirmed": counted.confirmed, "waitlisted": counted.waitlisted, "nextSeq": right},
    }

    def violation(kind: Kind, finding: str) -> Violation:
        return Violation("Events", seats_key(event_id), kind, finding, seen)

    if counted.confirmed > seats.capacity:
        yield violation(Kind.OVERSOLD, f"{counted.confirmed} people are confirmed for {seats.capacity} seats")
    if counted.last_seq >= seats.next_seq:
        yield violation(Kind.NEXT_SEQ_TAKEN, f"nextSeq is {seats.next_seq}, but {counted.last_seq} is taken")
    elif counted.places and right < seats.next_seq:
        yield violation(Kind.NEXT_SEQ_SKIPS, f"nextSeq is {seats.next_seq}, but {counted.last_seq} was the last given")
    # What a damaged registration counts for is known when it is mended; who is to be promoted, when the counts are.
    if counted.damaged:
        return
    if seats.confirmed != counted.confirmed:
        finding = f"counts {seats.confirmed} confirmed, the items are {counted.confirmed}"
        yield violation(Kind.CONFIRMED_COUNT, finding)
    if seats.waitlisted != counted.waitlisted:
        finding = f"counts {seats.waitlisted} waitlisted, the items are {counted.waitlisted}"
        yield violation(Kind.WAITLISTED_COUNT, finding)
    if (seats.confirmed, seats.waitlisted) == (counted.confirmed, counted.waitlisted) and rules.promotable(seats):
        finding = f"{rules.promotable(seats)} people wait beside a free seat"
        yield violation(Kind.WAITING_BESIDE_FREE_SEAT, finding)
