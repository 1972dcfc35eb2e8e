"""Each race of registering and unregistering, with a rival that acts between read and write."""

from collections.abc import Callable
from typing import Any

import pytest

from storage import audit, events, queue, registrations
from storage.errors import (
    AlreadyRegistered,
    Contention,
    EventClosed,
    EventFull,
    EventNotFound,
    RegistrationNotFound,
)
from storage.items import queue_number
from storage.tables import Tables
from tests.registered import make_event, register, state
from tests.rival import in_turn, nothing, rival


def test_the_last_seat_goes_to_one_of_two_and_the_other_queues(tables: Tables) -> None:
    make_event(tables, capacity=1)
    with rival(tables, lambda: register(tables, "b")) as other:
        (mine,) = register(tables, "a")
    assert other.acted == 1
    assert mine.status == "waitlisted"
    assert state(tables) == ("b", "a")


def test_the_last_seat_goes_to_one_of_two_and_the_other_is_refused_without_a_waitlist(tables: Tables) -> None:
    make_event(tables, capacity=1, has_waitlist=False)
    with rival(tables, lambda: register(tables, "b")), pytest.raises(EventFull):
        register(tables, "a")
    assert state(tables) == ("b", "")


def test_two_who_queue_at_once_get_different_places_in_the_order_of_admission(tables: Tables) -> None:
    make_event(tables, capacity=1)
    register(tables, "a")
    with rival(tables, in_turn(nothing, lambda: register(tables, "c")), times=2):
        (mine,) = register(tables, "b")
    assert mine.position == 2
    assert state(tables) == ("a", "cb")


def test_a_number_in_the_queue_is_never_given_again_even_if_its_owner_has_left(tables: Tables) -> None:
    make_event(tables, capacity=1)
    register(tables, "a")

    def come_and_go() -> None:
        register(tables, "c")
        registrations.unregister(tables, "e", "c")

    with rival(tables, in_turn(nothing, come_and_go), times=2):
        register(tables, "b")
    (place,) = queue.waiting(tables, "e", 2)
    assert (place["userId"], queue_number(place)) == ("b", 1)


def test_a_waitlist_that_is_switched_off_while_somebody_queues_lets_nobody_join(tables: Tables) -> None:
    make_event(tables, capacity=1)
    register(tables, "a")
    switch_off = in_turn(nothing, lambda: events.update(tables, "e", {"has_waitlist": False}))
    with rival(tables, switch_off, times=2), pytest.raises(EventFull):
        register(tables, "b")
    assert state(tables) == ("a", "")


def test_a_user_who_registers_twice_at_once_is_registered_once(tables: Tables) -> None:
    make_event(tables)
    with rival(tables, lambda: register(tables, "a")), pytest.raises(AlreadyRegistered):
        register(tables, "a")
    assert state(tables) == ("a", "")


def test_an_event_that_closes_while_somebody_registers_lets_nobody_in(tables: Tables) -> None:
    make_event(tables)
    with rival(tables, lambda: events.update(tables, "e", {"status": "cancelled"})), pytest.raises(EventClosed):
        register(tables, "a")
    assert state(tables) == ("", "")


def test_an_event_deleted_while_somebody_registers_keeps_no_registration(tables: Tables) -> None:
    make_event(tables)
    with rival(tables, lambda: events.delete(tables, "e")), pytest.raises(EventNotFound):
        register(tables, "a")
    assert list(audit.audit(tables)) == []


def test_a_seat_that_becomes_free_while_somebody_queues_is_not_left_beside_the_queue(tables: Tables) -> None:
    make_event(tables, capacity=1)
    register(tables, "a")
    with rival(tables, in_turn(nothing, lambda: registrations.unregister(tables, "e", "a")), times=2):
        (mine,) = register(tables, "b")
    assert mine.status == "confirmed"
    assert state(tables) == ("b", "")


def test_two_who_leave_at_once_promote_two_different_people(tables: Tables) -> None:
    make_event(tables)
    register(tables, "a", "b", "c", "d", "f")
    with rival(tables, lambda: registrations.unregister(tables, "e", "b")):
        registrations.unregister(tables, "e", "a")
    assert state(tables) == ("cd", "f")


def test_somebody_promoted_while_leaving_the_queue_hands_the_seat_on(tables: Tables) -> None:
    make_event(tables)
    register(tables, "a", "b", "c", "d")
    with rival(tables, lambda: registrations.unregister(tables, "e", "a")):
        registrations.unregister(tables, "e", "c")
    assert state(tables) == ("bd", "")


def test_somebody_promoted_between_the_two_reads_of_leaving_hands_the_seat_on(
    tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The head of the queue that was read is the leaver; one transaction can't remove and promote the same person."""
    make_event(tables)
    register(tables, "a", "b", "c", "d")

    def both(_tables: Tables, first: Callable[[], Any], second: Callable[[], Any]) -> tuple[Any, Any]:
        monkeypatch.undo()
        head = second()
        registrations.unregister(tables, "e", "a")
        return first(), head

    monkeypatch.setattr(Tables, "both", both)
    registrations.unregister(tables, "e", "c")
    assert state(tables) == ("bd", "")


def test_the_head_of_the_queue_who_leaves_meanwhile_is_not_promoted(tables: Tables) -> None:
    make_event(tables)
    register(tables, "a", "b", "c", "d")
    with rival(tables, lambda: registrations.unregister(tables, "e", "c")):
        registrations.unregister(tables, "e", "a")
    assert state(tables) == ("bd", "")


def test_somebody_who_queues_while_the_last_seat_is_given_back_gets_it(tables: Tables) -> None:
    make_event(tables, capacity=1)
    register(tables, "a")
    with rival(tables, lambda: register(tables, "b")):
        registrations.unregister(tables, "e", "a")
    assert state(tables) == ("b", "")


def test_an_event_that_closes_while_somebody_leaves_promotes_nobody(tables: Tables) -> None:
    make_event(tables, capacity=1)
    register(tables, "a", "b")
    with rival(tables, lambda: events.update(tables, "e", {"status": "cancelled"})):
        registrations.unregister(tables, "e", "a")
    assert state(tables) == ("", "b")


def test_an_event_that_reopens_while_somebody_leaves_promotes_from_the_queue(tables: Tables) -> None:
    make_event(tables, capacity=1)
    register(tables, "a", "b", "c")
    events.update(tables, "e", {"status": "cancelled"})
    with rival(tables, in_turn(nothing, lambda: events.update(tables, "e", {"status": "active"})), times=2):
        registrations.unregister(tables, "e", "a")
    assert state(tables) == ("b", "c")


def test_somebody_who_left_and_came_back_meanwhile_is_not_lost_to_the_first_request(tables: Tables) -> None:
    """The registration that the first request saw is gone, so it decides again, about the one that is there."""
    make_event(tables, capacity=1)
    register(tables, "a", "b", "c")

    def again() -> None:
        registrations.unregister(tables, "e", "b")
        register(tables, "b")

    with rival(tables, again):
        registrations.unregister(tables, "e", "b")
    assert state(tables) == ("a", "c")


def test_leaving_the_queue_and_coming_back_within_a_millisecond_is_not_taken_for_the_same_place(
    tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registrations, "now", lambda: "2030-01-01T00:00:00.000Z")
    make_event(tables, capacity=1)
    register(tables, "a", "b", "c")

    def again() -> None:
        registrations.unregister(tables, "e", "b")
        register(tables, "b")

    with rival(tables, again):
        registrations.unregister(tables, "e", "b")
    assert state(tables) == ("a", "c")


def test_two_who_unregister_the_same_person_free_one_seat(tables: Tables) -> None:
    make_event(tables)
    register(tables, "a", "b", "c", "d")
    with rival(tables, lambda: registrations.unregister(tables, "e", "a")), pytest.raises(RegistrationNotFound):
        registrations.unregister(tables, "e", "a")
    assert state(tables) == ("bc", "d")


def test_contention_that_outlasts_the_budget_is_refused_and_changes_nothing(tables: Tables) -> None:
    make_event(tables)
    register(tables, "a")
    hasty = Tables(tables.client, budget=0.05)

    def busy(**_context: Any) -> Any:
        reasons = [{"Code": "TransactionConflict"}] * 4
        error = {"Code": "TransactionCanceledException", "Message": "conflict"}
        return _Answer(), {"Error": error, "CancellationReasons": reasons, "ResponseMetadata": {}}

    tables.client.meta.events.register("before-call.dynamodb.TransactWriteItems", busy)
    with pytest.raises(Contention):
        registrations.register(hasty, "e", "b")
    tables.client.meta.events.unregister("before-call.dynamodb.TransactWriteItems", busy)
    assert state(tables) == ("a", "")


class _Answer:
    status_code = 400
