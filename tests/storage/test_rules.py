"""The rules of registration, as pure functions and applied to any sequence of steps."""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import CapacityBelowConfirmed, EventClosed, EventFull
from storage.model import EventStatus
from storage.rules import OPEN, Admission, Seats, admit, check_capacity, position, promotable

CLOSED: tuple[EventStatus, ...] = ("completed", "cancelled")


def seats(**fields: Any) -> Seats:
    return replace(Seats(capacity=2, status="active", has_waitlist=True, version="v"), **fields)


@pytest.mark.parametrize("status", OPEN)
def test_a_free_seat_is_given_while_nobody_waits(status: EventStatus) -> None:
    assert admit(seats(status=status, confirmed=1)) is Admission.SEAT


def test_on_a_full_event_with_a_waitlist_a_registration_queues() -> None:
    assert admit(seats(confirmed=2)) is Admission.QUEUE


def test_a_full_event_without_a_waitlist_refuses() -> None:
    with pytest.raises(EventFull):
        admit(seats(confirmed=2, has_waitlist=False))


def test_nobody_gets_a_free_seat_while_others_wait() -> None:
    assert admit(seats(confirmed=1, waitlisted=1)) is Admission.QUEUE


def test_with_the_waitlist_switched_off_those_who_wait_still_come_first() -> None:
    assert admit(seats(confirmed=1, waitlisted=1, has_waitlist=False)) is Admission.AFTER_PROMOTION


def test_a_full_event_whose_waitlist_was_switched_off_refuses_though_people_wait() -> None:
    with pytest.raises(EventFull):
        admit(seats(confirmed=2, waitlisted=3, has_waitlist=False))


@pytest.mark.parametrize("status", CLOSED)
def test_a_closed_event_refuses_with_its_status(status: EventStatus) -> None:
    with pytest.raises(EventClosed) as refusal:
        admit(seats(status=status))
    assert refusal.value.event_status == status


@pytest.mark.parametrize(("free", "waitlisted", "expected"), [(0, 3, 0), (1, 3, 1), (3, 1, 1), (3, 0, 0)], ids=str)
def test_promotions_are_limited_by_free_seats_and_by_people_who_wait(free: int, waitlisted: int, expected: int) -> None:
    assert promotable(seats(capacity=5, confirmed=5 - free, waitlisted=waitlisted)) == expected


@pytest.mark.parametrize("status", CLOSED)
def test_nobody_is_promoted_on_a_closed_event(status: EventStatus) -> None:
    assert promotable(seats(status=status, capacity=9, waitlisted=3)) == 0


def test_the_capacity_can_be_lowered_to_the_confirmed_count_and_no_further() -> None:
    check_capacity(seats(capacity=9, confirmed=4), 4)
    with pytest.raises(CapacityBelowConfirmed) as refusal:
        check_capacity(seats(capacity=9, confirmed=4), 3)
    assert refusal.value.minimum == 4


@dataclass
class RuledEvent:
    """An event that follows the rules without a store: the people confirmed, and the queue in order."""

    seats: Seats
    confirmed: list[int] = field(default_factory=list)
    queue: list[int] = field(default_factory=list)
    promoted: list[int] = field(default_factory=list)
    joined: list[int] = field(default_factory=list)
    #: The number of each person who waits, and the numbers whose owners left the queue.
    numbers: dict[int, int] = field(default_factory=dict)
    left: set[int] = field(default_factory=set)

    def promote(self) -> None:
        for _ in range(promotable(self.seats)):
            self.promoted.append(self.queue[0])
            self.confirmed.append(self.queue.pop(0))
        self.count()

    def count(self) -> None:
        self.seats = replace(self.seats, confirmed=len(self.confirmed), waitlisted=len(self.queue))

    def register(self, person: int) -> None:
        if person in self.confirmed or person in self.queue:
            return
        try:
            admission = admit(self.seats)
        except (EventClosed, EventFull):
            return
        assert admission is not Admission.AFTER_PROMOTION, "at rest, nobody waits beside a free seat"
        if admission is Admission.SEAT:
            assert not self.queue, "a seat was given past the queue"
            self.confirmed.append(person)
        else:
            self.queue.append(person)
            self.joined.append(person)
            self.numbers[person] = self.seats.next_seq
            self.seats = replace(self.seats, next_seq=self.seats.next_seq + 1)
        self.count()

    def leave(self, person: int) -> None:
        if person in self.queue:
            self.left.add(self.numbers[person])
        for group in (self.confirmed, self.queue, self.joined):
            if person in group:
                group.remove(person)
        self.count()
        self.promote()

    def change(self, **fields: Any) -> None:
        try:
            check_capacity(self.seats, fields.get("capacity", self.seats.capacity))
        except CapacityBelowConfirmed:
            return
        self.seats = replace(self.seats, **fields)
        self.promote()


def positions(event: RuledEvent) -> list[int]:
    """Return the position of each person in the queue, as the counters and the numbers that left give it."""
    numbers = [event.numbers[person] for person in event.queue]
    return [position(event.seats, seq, sum(number > seq for number in event.left)) for seq in numbers]


PEOPLE = st.integers(0, 11)
STEPS = st.one_of(
    st.tuples(st.just("register"), PEOPLE),
    st.tuples(st.just("leave"), PEOPLE),
    st.tuples(st.just("capacity"), st.integers(1, 8)),
    st.tuples(st.just("status"), st.sampled_from([*OPEN, *CLOSED])),
    st.tuples(st.just("has_waitlist"), st.booleans()),
)


@given(steps=st.lists(STEPS, max_size=60))
def test_any_sequence_of_steps_keeps_the_invariant(steps: list[tuple[str, Any]]) -> None:
    event = RuledEvent(seats())
    for name, value in steps:
        waiting = list(event.queue)
        if name in {"register", "leave"}:
            getattr(event, name)(value)
        else:
            event.change(**{name: value})
        assert len(event.confirmed) <= event.seats.capacity
        assert promotable(event.seats) == 0, "somebody waits beside a free seat"
        stayed = [person for person in waiting if person in event.queue]
        assert event.queue[: len(stayed)] == stayed, "somebody jumped the queue"
        assert positions(event) == list(range(1, len(event.queue) + 1)), "a position is not the rank in the queue"
    still = [person for person in event.joined if person in event.queue]
    assert still == event.queue
