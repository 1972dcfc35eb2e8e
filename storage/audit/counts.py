"""Compares DETAILS and SEATS of an event with each other and with the counted items."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from storage import rules
from storage.audit.findings import Kind, Violation
from storage.audit.item_types import fault, is_block, is_place, numbers_of
from storage.dynamodb.attributes import Item
from storage.items import details_key, is_registration, queue_number, seats_key, to_seats

#: The attributes that both DETAILS and SEATS have, and their types.
COPIES: Final[Mapping[str, type]] = {"capacity": int, "status": str, "hasWaitlist": bool, "version": str}

_SEATS: Final[Mapping[str, type]] = {**COPIES, "confirmed": int, "waitlisted": int, "nextSeq": int}


@dataclass(slots=True)
class Counted:
    """The items of an event, counted.

    `last_seq` is the highest number in the queue that was ever given, as far as the items show; `damaged` is the number
    of registrations whose status is unknown.
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
        elif is_block(item):
            self.last_seq = max(self.last_seq, *numbers_of(item), -1)
        elif is_registration(item) and fault(item):
            self.damaged += 1
        elif is_registration(item):
            self.confirmed += item["status"] == "confirmed"
            self.waitlisted += item["status"] == "waitlisted"
            self.last_seq = max(self.last_seq, item.get("seq", -1))


@dataclass(frozen=True, slots=True)
class Observation:
    """DETAILS and SEATS of an event, and the count of its other items, as of one moment."""

    details: Item | None
    seats: Item | None
    counted: Counted

    @property
    def promotable(self) -> bool:
        """Whether a user waits although a seat is free, by the counters of SEATS."""
        return self.seats is not None and not _wrong(self.seats, _SEATS) and rules.promotable(to_seats(self.seats)) > 0


def judge(event_id: str, observation: Observation) -> Iterator[Violation]:
    """Yield what is wrong with DETAILS and SEATS of an event."""
    details, seats = observation.details, observation.seats
    if details is None and seats is None:
        return
    if details is None:
        yield Violation("Events", details_key(event_id), Kind.DETAILS_MISSING, "this event has no DETAILS")
    elif wrong := _wrong(details, COPIES):
        yield Violation("Events", details_key(event_id), Kind.MALFORMED, f"damaged DETAILS: {wrong}")
        details = None
    if seats is None:
        yield Violation("Events", seats_key(event_id), Kind.SEATS_MISSING, "this event has no SEATS")
        return
    if wrong := _wrong(seats, _SEATS):
        yield Violation("Events", seats_key(event_id), Kind.SEATS_MISSING, f"damaged SEATS: {wrong}")
        return
    if details is not None and (differ := _differences(details, seats)):
        finding = f"SEATS differs from DETAILS in {', '.join(differ)}"
        yield Violation("Events", seats_key(event_id), Kind.COPIES_DIFFER, finding)
    yield from _judge_counts(event_id, seats, observation.counted)


def _differences(details: Item, seats: Item) -> list[str]:
    """Return the attributes that differ; the owner may be missing in both, as an event need not have one."""
    return [name for name in (*COPIES, "owner") if details.get(name) != seats.get(name)]


def _wrong(item: Item, types: Mapping[str, type]) -> str | None:
    """Return which attributes of an item lack a value of their type; None if all have one."""
    names = [name for name, kind in types.items() if type(item.get(name)) is not kind]
    return f"no valid {', '.join(names)}" if names else None


def _judge_counts(event_id: str, item: Item, counted: Counted) -> Iterator[Violation]:
    seats, right = to_seats(item), counted.last_seq + 1
    seen = {
        "seats": item,
        "counted": {"confirmed": counted.confirmed, "waitlisted": counted.waitlisted, "nextSeq": right},
    }

    def violation(kind: Kind, finding: str) -> Violation:
        return Violation("Events", seats_key(event_id), kind, finding, seen)

    if counted.confirmed > seats.capacity:
        finding = f"{counted.confirmed} registrations are confirmed, but the capacity is {seats.capacity}"
        yield violation(Kind.OVERSOLD, finding)
    if counted.last_seq >= seats.next_seq:
        yield violation(Kind.NEXT_SEQ_TAKEN, f"nextSeq is {seats.next_seq}, but number {counted.last_seq} was given")
    elif counted.places and right < seats.next_seq:
        finding = f"nextSeq is {seats.next_seq}, but the last number given is {counted.last_seq}"
        yield violation(Kind.NEXT_SEQ_SKIPS, finding)
    # The counts can be judged once no registration is damaged, and a promotion once the counts are right.
    if counted.damaged:
        return
    if seats.confirmed != counted.confirmed:
        finding = f"confirmed is {seats.confirmed}, but {counted.confirmed} registrations are confirmed"
        yield violation(Kind.CONFIRMED_COUNT, finding)
    if seats.waitlisted != counted.waitlisted:
        finding = f"waitlisted is {seats.waitlisted}, but {counted.waitlisted} registrations are waitlisted"
        yield violation(Kind.WAITLISTED_COUNT, finding)
    if (seats.confirmed, seats.waitlisted) == (counted.confirmed, counted.waitlisted) and rules.promotable(seats):
        finding = f"{rules.promotable(seats)} people wait beside a free seat"
        yield violation(Kind.WAITING_BESIDE_FREE_SEAT, finding)
