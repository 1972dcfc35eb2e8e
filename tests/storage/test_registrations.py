"""Registering and unregistering: the rules."""

import pytest

from storage import events, registrations
from storage.errors import (
    AlreadyRegistered,
    EventClosed,
    EventFull,
    EventNotFound,
    RegistrationNotFound,
    UserNotFound,
)
from storage.tables import Tables
from tests.registered import make_event, register, state


def test_seats_are_given_until_the_event_is_full_then_people_queue(tables: Tables) -> None:
    make_event(tables)
    got = register(tables, "a", "b", "c", "d")
    assert [(entry.status, entry.position) for entry in got] == [
        ("confirmed", None),
        ("confirmed", None),
        ("waitlisted", 1),
        ("waitlisted", 2),
    ]
    assert state(tables) == ("ab", "cd")


def test_a_confirmed_person_who_leaves_hands_the_seat_to_the_first_in_the_queue(tables: Tables) -> None:
    make_event(tables)
    register(tables, "a", "b", "c", "d")
    registrations.unregister(tables, "e", "a")
    assert state(tables) == ("bc", "d")
    assert registrations.get(tables, "e", "c").position is None


def test_leaving_the_queue_promotes_nobody_and_moves_the_others_up(tables: Tables) -> None:
    make_event(tables)
    register(tables, "a", "b", "c", "d")
    registrations.unregister(tables, "e", "c")
    assert state(tables) == ("ab", "d")
    assert registrations.get(tables, "e", "d").position == 1


def test_whoever_comes_back_goes_to_the_end_of_the_queue(tables: Tables) -> None:
    make_event(tables)
    register(tables, "a", "b", "c", "d")
    registrations.unregister(tables, "e", "c")
    register(tables, "c")
    assert state(tables) == ("ab", "dc")


def test_a_seat_that_nobody_waits_for_becomes_free(tables: Tables) -> None:
    make_event(tables)
    register(tables, "a", "b")
    registrations.unregister(tables, "e", "b")
    assert events.get(tables, "e").available == 1
    assert state(tables) == ("a", "")


def test_without_a_waitlist_a_full_event_refuses_and_keeps_nothing(tables: Tables) -> None:
    make_event(tables, has_waitlist=False)
    register(tables, "a", "b")
    with pytest.raises(EventFull):
        register(tables, "c")
    assert state(tables) == ("ab", "")


@pytest.mark.parametrize("status", ["completed", "cancelled"])
def test_on_a_closed_event_people_can_leave_and_nobody_comes_in(tables: Tables, status: str) -> None:
    make_event(tables)
    register(tables, "a", "b", "c")
    events.update(tables, "e", {"status": status})
    with pytest.raises(EventClosed):
        register(tables, "d")
    registrations.unregister(tables, "e", "a")
    # The seat stays free beside somebody who waits: the event is closed.
    assert state(tables) == ("b", "c")


def test_refusals_come_in_the_order_event_user_registration_state(tables: Tables) -> None:
    make_event(tables, capacity=1, has_waitlist=False)
    register(tables, "a")
    events.update(tables, "e", {"status": "cancelled"})
    with pytest.raises(EventNotFound):
        registrations.register(tables, "nothing", "nobody")
    with pytest.raises(UserNotFound):
        register(tables, "nobody")
    with pytest.raises(AlreadyRegistered):
        register(tables, "a")
    with pytest.raises(EventClosed):
        register(tables, "b")


def test_registering_twice_says_what_the_first_time_gave(tables: Tables) -> None:
    make_event(tables, capacity=1)
    register(tables, "a", "b", "c")
    with pytest.raises(AlreadyRegistered) as refusal:
        register(tables, "c")
    assert (refusal.value.registration.status, refusal.value.registration.position) == ("waitlisted", 2)


def test_unregistering_what_is_not_registered_is_refused(tables: Tables) -> None:
    make_event(tables)
    with pytest.raises(RegistrationNotFound):
        registrations.unregister(tables, "e", "a")


def test_switching_the_waitlist_off_still_promotes_those_who_wait_and_lets_nobody_new_join(tables: Tables) -> None:
    make_event(tables)
    register(tables, "a", "b", "c", "d")
    events.update(tables, "e", {"has_waitlist": False})
    with pytest.raises(EventFull):
        register(tables, "f")
    registrations.unregister(tables, "e", "b")
    assert state(tables) == ("ac", "d")
