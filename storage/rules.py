"""Capacity, queue and promotion as pure functions over a snapshot of an event's seats, and the invariant they keep.

The invariant holds at all times, under concurrent requests and after a crash at any point:

- confirmed <= capacity;
- both counts, confirmed and waitlisted, equal the number of items that they count;
- nobody jumps the queue: people are promoted in the order in which the store admitted them to it;
- on an open event at rest (no promotion is unfinished), nobody waits beside a free seat;
- a request whose answer was lost can be repeated safely.

Each function decides what to do if the snapshot is current. The caller puts everything that the decision relied on into
the conditions of a transaction (optimistic concurrency), which the store verifies as it writes.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Final

from storage.errors import CapacityBelowConfirmed, EventClosed, EventFull
from storage.model import EventStatus

#: An event with one of these statuses takes registrations and promotes.
OPEN: Final[tuple[EventStatus, ...]] = ("active", "scheduled", "ongoing")

#: Maximum number of people promoted in one transaction: of its 100 writes, one is SEATS and two are for each person.
BATCH: Final = 49


@dataclass(frozen=True, kw_only=True, slots=True)
class Seats:
    """A snapshot of an event's counters; `next_seq` is the number of the next person to join the queue.

    `owner` is that of the event, by which a request is refused before the rules decide (`storage.ownership`).
    """

    capacity: int
    status: EventStatus
    has_waitlist: bool
    version: str
    confirmed: int = 0
    waitlisted: int = 0
    next_seq: int = 0
    owner: str | None = None

    @property
    def open(self) -> bool:
        """Whether the event takes registrations and promotes."""
        return self.status in OPEN

    @property
    def free(self) -> int:
        """The number of free seats."""
        return max(0, self.capacity - self.confirmed)


class Admission(Enum):
    """The outcome of a registration."""

    SEAT = auto()
    QUEUE = auto()
    AFTER_PROMOTION = auto()


def admit(seats: Seats) -> Admission:
    """Decide whether a registration gets a seat or a place in the queue, or is decided after a promotion.

    Raises:
        EventClosed: The event is completed or cancelled.
        EventFull: No seat is free, and the waitlist is off.

    """
    if not seats.open:
        raise EventClosed(seats.status)
    if seats.free and not seats.waitlisted:
        return Admission.SEAT
    if seats.has_waitlist:
        return Admission.QUEUE
    if promotable(seats):
        return Admission.AFTER_PROMOTION
    raise EventFull


def admit_all(seats: Seats, people: int) -> list[Admission]:
    """Decide about several registrations, one after the other; the list ends before the first that gets neither."""
    admitted: list[Admission] = []
    while len(admitted) < people and (admission := _admitted(seats)):
        admitted.append(admission)
        seats = after(seats, [admission])
    return admitted


def _admitted(seats: Seats) -> Admission | None:
    with suppress(EventClosed, EventFull):
        admission = admit(seats)
        return None if admission is Admission.AFTER_PROMOTION else admission
    return None


def after(seats: Seats, admitted: Sequence[Admission]) -> Seats:
    """Return the seats after people were admitted."""
    taken = admitted.count(Admission.SEAT)
    joined = len(admitted) - taken
    return replace(
        seats,
        confirmed=seats.confirmed + taken,
        waitlisted=seats.waitlisted + joined,
        next_seq=seats.next_seq + joined,
    )


def promotable(seats: Seats) -> int:
    """Return the number of people at the head of the queue for whom a seat is free."""
    return min(seats.free, seats.waitlisted) if seats.open else 0


def position(seats: Seats, seq: int, left_behind: int) -> int:
    """Return the position in the queue of the number `seq`, from 1; `left_behind` of the numbers behind it have left.

    Each number below `next_seq` waits, has left the queue or was promoted, and nobody behind a waiting person was
    promoted. So of the numbers behind, all but those that left wait; everybody else who waits is ahead, or is `seq`.
    """
    waiting_behind = seats.next_seq - 1 - seq - left_behind
    return seats.waitlisted - waiting_behind


def check_capacity(seats: Seats, capacity: int) -> None:
    """Refuse a capacity below the number of people confirmed.

    Raises:
        CapacityBelowConfirmed: More people are confirmed.

    """
    if capacity < seats.confirmed:
        raise CapacityBelowConfirmed(seats.confirmed)
