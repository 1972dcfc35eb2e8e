"""Corruptions of the tables: at least one for each kind of violation, with what a repair leaves of it.

The event `e` has two seats: a and b are confirmed, c waits at number 0 and d at number 1.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from storage import events, registrations, users
from storage.audit.findings import Kind
from storage.dynamodb.attributes import Item, Key
from storage.dynamodb.steps import Step
from storage.dynamodb.tables import Tables
from storage.items import (
    details_key,
    left_key,
    pointer_key,
    queue_key,
    registration_key,
    seats_key,
    user_key,
)
from storage.model import EventFields

MADE = "2030-01-01T00:00:00Z"


def fill(tables: Tables) -> None:
    """Create the event `e` with its registrations, and another event that stays intact."""
    fields = EventFields(
        title="T", description="D", date="2030-05-01", location="L", capacity=2, organizer="O", has_waitlist=True
    )
    for event_id in ("e", "other"):
        events.create(tables, event_id, fields)
    for user_id in "abcdwxyz":
        users.create(tables, user_id, user_id)
        registrations.register(tables, "e" if user_id in "abcd" else "other", user_id)


def put(tables: Tables, table: str, item: Item) -> None:
    tables.transact([Step(action="Put", table=table, item=item)])


def drop(tables: Tables, table: str, key: Key) -> None:
    tables.transact([Step(action="Delete", table=table, key=key)])


def alter(tables: Tables, table: str, key: Key, **changes: Any) -> None:
    """Change attributes of an item, which is created if it does not exist; None removes an attribute."""
    item = {**key, **(tables.get(table, key) or {}), **changes}
    put(tables, table, {name: value for name, value in item.items() if value is not None})


def seats(**changes: Any) -> Callable[[Tables], None]:
    return lambda tables: alter(tables, "Events", seats_key("e"), **changes)


def details(**changes: Any) -> Callable[[Tables], None]:
    return lambda tables: alter(tables, "Events", details_key("e"), **changes)


def registration(user_id: str, **changes: Any) -> Callable[[Tables], None]:
    return lambda tables: alter(tables, "Registrations", registration_key("e", user_id), **changes)


def place(seq: int, **changes: Any) -> Callable[[Tables], None]:
    return lambda tables: alter(tables, "Registrations", queue_key("e", seq), **changes)


def gone(table: str, *keys: Key) -> Callable[[Tables], None]:
    def act(tables: Tables) -> None:
        for key in keys:
            drop(tables, table, key)

    return act


def new(table: str, item: Item) -> Callable[[Tables], None]:
    return lambda tables: put(tables, table, item)


def leave(*user_ids: str) -> Callable[[Tables], None]:
    """Register users, who join the queue, and then unregister all of them but the last."""

    def act(tables: Tables) -> None:
        for user_id in user_ids:
            users.create(tables, user_id, user_id)
            registrations.register(tables, "e", user_id)
        for user_id in user_ids[:-1]:
            registrations.unregister(tables, "e", user_id)

    return act


def all_of(*acts: Callable[[Tables], None]) -> Callable[[Tables], None]:
    def act(tables: Tables) -> None:
        for one in acts:
            one(tables)

    return act


SEATS, DETAILS = seats_key("e"), details_key("e")
A, B, C, D = (registration_key("e", user_id) for user_id in "abcd")
POINTER_A = pointer_key("a", "e")
FIRST, SECOND, EIGHTH = (queue_key("e", seq) for seq in (0, 1, 7))
LEFT = left_key("e", 0)
STRANGER = {"eventId": "e", "part": "NOTES"}
STRANGE = {"pk": "EVENT#e", "sk": "SEAT#1"}
QUEUED = {"userId": "a", "registeredAt": MADE}


@dataclass(frozen=True, slots=True)
class Corruption:
    """A change to the tables, the violations that an audit finds then, and those that a repair leaves."""

    act: Callable[[Tables], None]
    found: list[tuple[Kind, Key]]
    left: list[tuple[Kind, Key]]


def repaired(act: Callable[[Tables], None], *found: tuple[Kind, Key]) -> Corruption:
    return Corruption(act, list(found), [])


def kept(act: Callable[[Tables], None], *found: tuple[Kind, Key]) -> Corruption:
    return Corruption(act, list(found), list(found))


CORRUPTIONS = {
    "too few are counted as confirmed": repaired(seats(confirmed=1), (Kind.CONFIRMED_COUNT, SEATS)),
    "too many are counted as confirmed": repaired(seats(confirmed=3), (Kind.CONFIRMED_COUNT, SEATS)),
    "too few are counted as waiting": repaired(seats(waitlisted=0), (Kind.WAITLISTED_COUNT, SEATS)),
    "too many are counted as waiting": repaired(seats(waitlisted=3), (Kind.WAITLISTED_COUNT, SEATS)),
    "a count is below zero": repaired(seats(confirmed=-1), (Kind.CONFIRMED_COUNT, SEATS)),
    "both counts are wrong": repaired(
        seats(confirmed=0, waitlisted=0), (Kind.CONFIRMED_COUNT, SEATS), (Kind.WAITLISTED_COUNT, SEATS)
    ),
    "more are confirmed than there are seats": kept(
        all_of(seats(capacity=1), details(capacity=1)), (Kind.OVERSOLD, SEATS)
    ),
    "a promotion was interrupted": repaired(
        all_of(seats(capacity=3), details(capacity=3)), (Kind.WAITING_BESIDE_FREE_SEAT, SEATS)
    ),
    "a promotion of several was interrupted": repaired(
        all_of(seats(capacity=4), details(capacity=4)), (Kind.WAITING_BESIDE_FREE_SEAT, SEATS)
    ),
    "the next number in the queue is taken": repaired(seats(nextSeq=1), (Kind.NEXT_SEQ_TAKEN, SEATS)),
    "the next number in the queue skips some": repaired(seats(nextSeq=9), (Kind.NEXT_SEQ_SKIPS, SEATS)),
    "numbers that were left are lost": repaired(
        all_of(leave("f", "g", "h"), gone("Registrations", LEFT)), (Kind.NUMBERS_LOST, LEFT)
    ),
    "the numbers of waiting users were left": kept(
        new("Registrations", {**LEFT, "numbers": frozenset({0, 1})}), *[(Kind.NUMBER_TWICE, LEFT)] * 2
    ),
    "a number was left that was never given": repaired(
        new("Registrations", {**LEFT, "numbers": frozenset({3})}),
        (Kind.NEXT_SEQ_TAKEN, SEATS),
        (Kind.NUMBERS_LOST, LEFT),
    ),
    "the event of left numbers is gone": kept(
        new("Registrations", {**left_key("gone", 0), "numbers": frozenset({3})}),
        (Kind.LEFT_WITHOUT_EVENT, left_key("gone", 0)),
    ),
    "a block of numbers is empty": kept(new("Registrations", LEFT), (Kind.MALFORMED, LEFT)),
    "a block contains a fraction": kept(
        new("Registrations", {**LEFT, "numbers": frozenset({Decimal("0.5")})}), (Kind.MALFORMED, LEFT)
    ),
    "the capacity differs": kept(details(capacity=9), (Kind.COPIES_DIFFER, SEATS)),
    "the status differs": kept(details(status="cancelled"), (Kind.COPIES_DIFFER, SEATS)),
    "hasWaitlist differs": kept(details(hasWaitlist=False), (Kind.COPIES_DIFFER, SEATS)),
    "the owner differs": kept(details(owner="somebody"), (Kind.COPIES_DIFFER, SEATS)),
    "the version differs": kept(details(version="another"), (Kind.COPIES_DIFFER, SEATS)),
    "SEATS is gone": kept(gone("Events", SEATS), (Kind.SEATS_MISSING, SEATS)),
    "SEATS has lost a counter": kept(seats(confirmed=None), (Kind.SEATS_MISSING, SEATS)),
    "SEATS counts a fraction": kept(seats(confirmed=Decimal("1.5")), (Kind.SEATS_MISSING, SEATS)),
    "SEATS has lost a copied field": kept(seats(capacity=None), (Kind.SEATS_MISSING, SEATS)),
    "DETAILS is gone": kept(gone("Events", DETAILS), (Kind.DETAILS_MISSING, DETAILS)),
    "DETAILS has lost its capacity": kept(details(capacity=None), (Kind.MALFORMED, DETAILS)),
    "the event is gone": kept(
        gone("Events", SEATS, DETAILS), *((Kind.EVENT_MISSING, key) for key in (A, B, C, D, FIRST, SECOND))
    ),
    "a pointer is gone": repaired(gone("Registrations", POINTER_A), (Kind.REGISTRATION_WITHOUT_POINTER, A)),
    "the registration of a seat is gone": repaired(
        gone("Registrations", A), (Kind.CONFIRMED_COUNT, SEATS), (Kind.POINTER_WITHOUT_REGISTRATION, POINTER_A)
    ),
    "the registration of a waiting user is gone": repaired(
        gone("Registrations", C),
        (Kind.PLACE_WITHOUT_WAITING, FIRST),
        (Kind.WAITLISTED_COUNT, SEATS),
        (Kind.POINTER_WITHOUT_REGISTRATION, pointer_key("c", "e")),
    ),
    "the user is gone": kept(gone("Users", user_key("a")), (Kind.REGISTRATION_WITHOUT_USER, A)),
    "the head of the queue is gone": repaired(gone("Registrations", FIRST), (Kind.WAITING_WITHOUT_PLACE, C)),
    "the tail of the queue is gone": repaired(gone("Registrations", SECOND), (Kind.WAITING_WITHOUT_PLACE, D)),
    "the whole queue is gone": repaired(
        gone("Registrations", FIRST, SECOND), (Kind.WAITING_WITHOUT_PLACE, C), (Kind.WAITING_WITHOUT_PLACE, D)
    ),
    "a place is given to a user who waits elsewhere": repaired(
        place(0, userId="d"), (Kind.PLACE_OF_ANOTHER, C), (Kind.PLACE_WITHOUT_WAITING, FIRST)
    ),
    "two wait at one place": Corruption(
        registration("d", seq=0),
        found=[(Kind.PLACE_OF_ANOTHER, D), (Kind.PLACE_WITHOUT_WAITING, SECOND)],
        left=[(Kind.PLACE_OF_ANOTHER, D)],
    ),
    "a confirmed user has a place as well": repaired(
        new("Registrations", {**EIGHTH, **QUEUED}),
        (Kind.PLACE_WITHOUT_WAITING, EIGHTH),
        (Kind.NEXT_SEQ_TAKEN, SEATS),
        (Kind.NUMBERS_LOST, LEFT),
    ),
    "a user waits beyond the next number": repaired(
        registration("d", seq=7),
        (Kind.WAITING_WITHOUT_PLACE, D),
        (Kind.PLACE_WITHOUT_WAITING, SECOND),
        (Kind.NEXT_SEQ_TAKEN, SEATS),
    ),
    "a user waits beyond the next number, ahead of another": repaired(
        all_of(
            leave("f"),
            registration("d", seq=7),
            registration("f", seq=9),
            gone("Registrations", queue_key("e", 2)),
            new("Registrations", {**queue_key("e", 9), "userId": "f", "registeredAt": MADE}),
        ),
        (Kind.WAITING_WITHOUT_PLACE, D),
        (Kind.PLACE_WITHOUT_WAITING, SECOND),
        (Kind.NEXT_SEQ_TAKEN, SEATS),
        (Kind.NUMBERS_LOST, LEFT),
    ),
    "a registration has an unknown status": kept(registration("a", status="lost"), (Kind.MALFORMED, A)),
    "a registration has no registeredAt": kept(registration("a", registeredAt=None), (Kind.MALFORMED, A)),
    "a confirmed registration has a number in the queue": kept(registration("a", seq=5), (Kind.MALFORMED, A)),
    "a user waits without a number": kept(registration("c", seq=None), (Kind.MALFORMED, C)),
    "a user waits at a fraction": kept(registration("c", seq=Decimal("0.5")), (Kind.MALFORMED, C)),
    "a place has no user": kept(place(0, userId=None), (Kind.MALFORMED, FIRST)),
    "an event has an unknown item": kept(new("Events", {**STRANGER, "text": "T"}), (Kind.UNKNOWN_ITEM, STRANGER)),
    "an item has an unknown key": kept(new("Registrations", STRANGE), (Kind.UNKNOWN_ITEM, STRANGE)),
}
