"""Registering and unregistering, one request at a time."""

import pytest

from storage import events, registrations
from storage.dynamodb.tables import Tables
from storage.errors import (
    AlreadyRegistered,
    EventClosed,
    EventFull,
    EventNotFound,
    RegistrationNotFound,
    UserNotFound,
)
from storage.items import seats_key
from tests.apparatus.registered import make_event, register, state


def test_seats_are_given_until_the_event_is_full_then_people_queue(moto_tables: Tables) -> None:
    make_event(moto_tables)
    got = register(moto_tables, "a", "b", "c", "d")
    assert [(entry.status, entry.position) for entry in got] == [
        ("confirmed", None),
        ("confirmed", None),
        ("waitlisted", 1),
        ("waitlisted", 2),
    ]
    assert state(moto_tables) == ("ab", "cd")


def test_the_seat_of_a_person_who_leaves_goes_to_the_head_of_the_queue(moto_tables: Tables) -> None:
    make_event(moto_tables)
    register(moto_tables, "a", "b", "c", "d")
    registrations.unregister(moto_tables, "e", "a")
    assert state(moto_tables) == ("bc", "d")
    assert registrations.get(moto_tables, "e", "c").position is None


def test_leaving_the_queue_promotes_nobody_and_moves_the_others_up(moto_tables: Tables) -> None:
    make_event(moto_tables)
    register(moto_tables, "a", "b", "c", "d")
    registrations.unregister(moto_tables, "e", "c")
    assert state(moto_tables) == ("ab", "d")
    assert registrations.get(moto_tables, "e", "d").position == 1


def test_a_person_who_comes_back_goes_to_the_end_of_the_queue(moto_tables: Tables) -> None:
    make_event(moto_tables)
    register(moto_tables, "a", "b", "c", "d")
    registrations.unregister(moto_tables, "e", "c")
    register(moto_tables, "c")
    assert state(moto_tables) == ("ab", "dc")


def test_a_seat_that_nobody_waits_for_becomes_free(moto_tables: Tables) -> None:
    make_event(moto_tables)
    register(moto_tables, "a", "b")
    registrations.unregister(moto_tables, "e", "b")
    assert events.get(moto_tables, "e").available == 1
    assert state(moto_tables) == ("a", "")


def test_without_a_waitlist_a_full_event_refuses_and_stores_nothing(moto_tables: Tables) -> None:
    make_event(moto_tables, has_waitlist=False)
    register(moto_tables, "a", "b")
    with pytest.raises(EventFull):
        register(moto_tables, "c")
    assert state(moto_tables) == ("ab", "")


@pytest.mark.parametrize("status", ["completed", "cancelled"])
def test_on_a_closed_event_people_can_leave_and_nobody_can_register(moto_tables: Tables, status: str) -> None:
    make_event(moto_tables)
    register(moto_tables, "a", "b", "c")
    events.update(moto_tables, "e", {"status": status})
    with pytest.raises(EventClosed):
        register(moto_tables, "d")
    registrations.unregister(moto_tables, "e", "a")
    # The seat stays free though a person waits: the event is closed.
    assert state(moto_tables) == ("b", "c")


def test_refusals_come_in_the_order_event_user_registration_state(moto_tables: Tables) -> None:
    make_event(moto_tables, capacity=1, has_waitlist=False)
    register(moto_tables, "a")
    events.update(moto_tables, "e", {"status": "cancelled"})
    with pytest.raises(EventNotFound):
        registrations.register(moto_tables, "nothing", "nobody")
    with pytest.raises(UserNotFound):
        register(moto_tables, "nobody")
    with pytest.raises(AlreadyRegistered):
        register(moto_tables, "a")
    with pytest.raises(EventClosed):
        register(moto_tables, "b")


def test_registering_twice_is_refused_with_the_first_registration(moto_tables: Tables) -> None:
    make_event(moto_tables, capacity=1)
    register(moto_tables, "a", "b", "c")
    with pytest.raises(AlreadyRegistered) as refusal:
        register(moto_tables, "c")
    assert (refusal.value.registration.status, refusal.value.registration.position) == ("waitlisted", 2)


def test_unregistering_a_person_without_a_registration_is_refused(moto_tables: Tables) -> None:
    make_event(moto_tables)
    with pytest.raises(RegistrationNotFound):
        registrations.unregister(moto_tables, "e", "a")


def test_switching_the_waitlist_off_still_promotes_those_who_wait_and_lets_nobody_new_join(moto_tables: Tables) -> None:
    make_event(moto_tables)
    register(moto_tables, "a", "b", "c", "d")
    events.update(moto_tables, "e", {"has_waitlist": False})
    with pytest.raises(EventFull):
        register(moto_tables, "f")
    registrations.unregister(moto_tables, "e", "b")
    assert state(moto_tables) == ("ac", "d")


def test_every_change_of_a_registration_changes_seats_even_if_the_counts_are_as_before(moto_tables: Tables) -> None:
    """By the attribute `changes`, an audit recognises that an event changed while its items were counted."""
    make_event(moto_tables, capacity=1)

    def changes() -> int:
        return int((moto_tables.get("Events", seats_key("e")) or {}).get("changes", 0))

    for act, more in (
        (lambda: register(moto_tables, "a"), 1),
        (lambda: register(moto_tables, "b"), 1),
        (lambda: register(moto_tables, "c", "d"), 2),
        (lambda: registrations.unregister(moto_tables, "e", "c"), 1),
        (lambda: registrations.unregister(moto_tables, "e", "a"), 1),
        (lambda: events.update(moto_tables, "e", {"capacity": 2}), 1),
        (lambda: registrations.unregister(moto_tables, "e", "b"), 1),
    ):
        before = changes()
        act()
        assert changes() == before + more
    assert state(moto_tables) == ("d", "")
