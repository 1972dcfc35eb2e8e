"""Capacity, queue and promotion as pure functions over a snapshot of an event's seats.

A function here says what is to be done if the snapshot is true. Whoever acts on the answer puts what it relied on
into the conditions of a transaction, so that the store verifies it at the moment of the write.
"""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from storage.errors import CapacityBelowConfirmed, EventClosed, EventFull
from storage.model import EventStatus

#: Registration is open, and people are promoted, while an event has one of these.
OPEN: Final[tuple[EventStatus, ...]] = ("active", "scheduled", "ongoing")

#: One transaction takes 100 writes: SEATS, and two for each person promoted.
BATCH: Final = 49


@dataclass(frozen=True, kw_only=True, slots=True)
class Seats:
    """The counters of one event at one moment; `next_seq` numbers the next person in the queue."""

    capacity: int
    status: EventStatus
    has_waitlist: bool
    version: str
    confirmed: int = 0
    waitlisted: int = 0
    next_seq: int = 0

    @property
    def open(self) -> bool:
        """Whether people can register and are promoted."""
        return self.status in OPEN

    @property
    def free(self) -> int:
        """The number of seats that nobody has."""
        return max(0, self.capacity - self.confirmed)


class Admission(Enum):
    """What happens to somebody who registers."""

    SEAT = auto()
    QUEUE = auto()
    AFTER_PROMOTION = auto()


def admit(seats: Seats) -> Admission:
    """Say what a registration gets: a seat, a place in the queue, or an answer once those who wait are promoted.

    Raises:
        EventClosed: The event is completed or cancelled.
        EventFull: There is no seat, and nobody new can queue.

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


def promotable(seats: Seats) -> int:
    """Count the people at the head of the queue who have a free seat waiting for them."""
    return min(seats.free, seats.waitlisted) if seats.open else 0


def check_capacity(seats: Seats, capacity: int) -> None:
    """Refuse a capacity that would cost somebody the seat.

    Raises:
        CapacityBelowConfirmed: More people are confirmed than that.

    """
    if capacity < seats.confirmed:
        raise CapacityBelowConfirmed(seats.confirmed)
