"""Registering and unregistering: the rules, and each race with a rival that acts between read and write."""

from collections.abc import Callable
from typing import Any

import pytest

from storage import audit, events, queue, registration_lists, registrations, users
from storage.errors import (
    AlreadyRegistered,
    Contention,
    EventClosed,
    EventFull,
    EventNotFound,
    RegistrationNotFound,
    UserNotFound,
)
from storage.items import queue_number
from storage.model import EventFields, Registration
from storage.rules import Seats
from storage.tables import Tables
from tests.rival import in_turn, nothing, rival


def make_event(tables: Tables, capacity: int = 2, **fields: Any) -> None:
    for user_id in "abcdefgh":
        users.create(tables, user_id, user_id.upper())
    given: dict[str, Any] = {"has_waitlist": True, **fields}
    events.create(
        tables,
        "e",
        EventFields(
            title="T", description="D", date="2030-05-01", location="L", capacity=capacity, organizer="O", **given
        ),
    )


def register(tables: Tables, *user_ids: str) -> list[Registration]:
    return [registrations.register(tables, "e", user_id) for user_id in user_ids]


def state(tables: Tables) -> tuple[str, str]:
    """Return who is confirmed and who waits, in order, after a look that rule 10 holds."""
    assert list(audit.audit(tables)) == []
    confirmed = registration_lists.of_event(tables, "e", status="confirmed", limit=100).entries
    waiting = registration_lists.of_event(tables, "e", status="waitlisted", limit=100).entries
    assert [entry.position for entry in waiting] == list(range(1, len(waiting) + 1))
    return "".join(entry.user_id for entry in confirmed), "".join(entry.user_id for entry in waiting)


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


# Races: the rival acts when everything is read, just before the transaction is sent.


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


# Promotion that was interrupted.


def interrupted_raise(tables: Tables, capacity: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Raise the capacity, and die before anybody is promoted."""
    with monkeypatch.context() as patch:
        patch.setattr(queue, "drain", lambda _tables, _event_id, seats: seats)
        events.update(tables, "e", {"capacity": capacity})


def test_a_newcomer_goes_on_with_an_interrupted_promotion_and_queues_behind(
    tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_event(tables, capacity=1)
    register(tables, "a", "b", "c", "d")
    interrupted_raise(tables, 3, monkeypatch)
    (mine,) = register(tables, "f")
    assert (mine.status, mine.position) == ("waitlisted", 2)
    assert state(tables) == ("abc", "df")


def test_a_newcomer_gets_a_seat_that_is_left_after_an_interrupted_promotion(
    tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_event(tables, capacity=1)
    register(tables, "a", "b")
    interrupted_raise(tables, 4, monkeypatch)
    (mine,) = register(tables, "f")
    assert (mine.status, mine.position) == ("confirmed", None)
    assert state(tables) == ("abf", "")


def test_a_newcomer_who_is_unregistered_while_helping_with_a_promotion_was_admitted_all_the_same(
    tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_event(tables, capacity=1)
    register(tables, "a", "b")
    interrupted_raise(tables, 2, monkeypatch)
    drain = queue.drain

    def drain_and_leave(tables: Tables, event_id: str, seats: Seats) -> Seats:
        monkeypatch.undo()
        after = drain(tables, event_id, seats)
        registrations.unregister(tables, event_id, "f")
        return after

    monkeypatch.setattr(queue, "drain", drain_and_leave)
    (mine,) = register(tables, "f")
    assert (mine.status, mine.position) == ("waitlisted", 2)
    assert state(tables) == ("ab", "")


def test_with_the_waitlist_off_a_newcomer_promotes_first_and_is_admitted_after(
    tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_event(tables, capacity=1)
    register(tables, "a", "b")
    events.update(tables, "e", {"has_waitlist": False})
    interrupted_raise(tables, 3, monkeypatch)
    assert register(tables, "f")[0].status == "confirmed"
    with pytest.raises(EventFull):
        register(tables, "g")
    assert state(tables) == ("abf", "")


@pytest.mark.parametrize(("leaver", "expected"), [("a", ("bcd", "f")), ("c", ("abd", "f")), ("f", ("abc", "d"))])
def test_whoever_leaves_goes_on_with_an_interrupted_promotion(
    tables: Tables, monkeypatch: pytest.MonkeyPatch, leaver: str, expected: tuple[str, str]
) -> None:
    make_event(tables, capacity=1)
    register(tables, "a", "b", "c", "d", "f")
    interrupted_raise(tables, 3, monkeypatch)
    registrations.unregister(tables, "e", leaver)
    assert state(tables) == expected


def test_whoever_queues_goes_on_with_a_promotion_that_was_interrupted_meanwhile(
    tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_event(tables, capacity=1)
    register(tables, "a", "b")
    with rival(tables, in_turn(nothing, lambda: interrupted_raise(tables, 2, monkeypatch)), times=2):
        (mine,) = register(tables, "c")
    assert (mine.status, mine.position) == ("waitlisted", 1)
    assert state(tables) == ("ab", "c")


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
