"""Each race of registering and unregistering, with a rival that acts between read and write."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from storage import audit, event_deletion, events, queue, registrations
from storage.dynamodb.steps import Step
from storage.dynamodb.tables import Tables
from storage.errors import (
    AlreadyRegistered,
    Contention,
    EventClosed,
    EventFull,
    EventNotFound,
    RegistrationNotFound,
)
from storage.items import queue_number, registration_key, seats_key
from tests.apparatus.hooks import hooked
from tests.apparatus.meter import metered
from tests.apparatus.registered import make_event, register, state
from tests.apparatus.rival import in_turn, nothing, rival


def test_the_last_seat_goes_to_one_of_two_and_the_other_queues(moto_tables: Tables) -> None:
    make_event(moto_tables, capacity=1)
    with rival(moto_tables, lambda: register(moto_tables, "b")) as other:
        (mine,) = register(moto_tables, "a")
    assert other.acted == 1
    assert mine.status == "waitlisted"
    assert state(moto_tables) == ("b", "a")


def test_the_last_seat_goes_to_one_of_two_and_the_other_is_refused_without_a_waitlist(moto_tables: Tables) -> None:
    make_event(moto_tables, capacity=1, has_waitlist=False)
    with rival(moto_tables, lambda: register(moto_tables, "b")), pytest.raises(EventFull):
        register(moto_tables, "a")
    assert state(moto_tables) == ("b", "")


def test_two_people_who_queue_at_once_get_different_places_in_the_order_of_admission(moto_tables: Tables) -> None:
    make_event(moto_tables, capacity=1)
    register(moto_tables, "a")
    with rival(moto_tables, in_turn(nothing, lambda: register(moto_tables, "c")), times=2):
        (mine,) = register(moto_tables, "b")
    assert mine.position == 2
    assert state(moto_tables) == ("a", "cb")


def test_a_number_in_the_queue_is_never_assigned_again_even_if_its_owner_has_left(moto_tables: Tables) -> None:
    make_event(moto_tables, capacity=1)
    register(moto_tables, "a")

    def come_and_go() -> None:
        register(moto_tables, "c")
        registrations.unregister(moto_tables, "e", "c")

    with rival(moto_tables, in_turn(nothing, come_and_go), times=2):
        register(moto_tables, "b")
    (place,) = queue.waiting(moto_tables, "e", 2)
    assert (place["userId"], queue_number(place)) == ("b", 1)


def test_a_waitlist_that_is_switched_off_while_a_person_joins_refuses(moto_tables: Tables) -> None:
    make_event(moto_tables, capacity=1)
    register(moto_tables, "a")
    switch_off = in_turn(nothing, lambda: events.update(moto_tables, "e", {"has_waitlist": False}))
    with rival(moto_tables, switch_off, times=2), pytest.raises(EventFull):
        register(moto_tables, "b")
    assert state(moto_tables) == ("a", "")


def test_a_user_who_registers_twice_at_once_is_registered_once(moto_tables: Tables) -> None:
    make_event(moto_tables)
    with rival(moto_tables, lambda: register(moto_tables, "a")), pytest.raises(AlreadyRegistered):
        register(moto_tables, "a")
    assert state(moto_tables) == ("a", "")


def test_an_event_that_closes_during_a_registration_refuses_it(moto_tables: Tables) -> None:
    make_event(moto_tables)
    with (
        rival(moto_tables, lambda: events.update(moto_tables, "e", {"status": "cancelled"})),
        pytest.raises(EventClosed),
    ):
        register(moto_tables, "a")
    assert state(moto_tables) == ("", "")


def test_an_event_deleted_during_a_registration_keeps_none(moto_tables: Tables) -> None:
    make_event(moto_tables)
    with rival(moto_tables, lambda: event_deletion.delete(moto_tables, "e")), pytest.raises(EventNotFound):
        register(moto_tables, "a")
    assert list(audit.audit(moto_tables)) == []


def test_an_event_deleted_while_a_person_joins_its_queue_is_not_found(moto_tables: Tables) -> None:
    make_event(moto_tables, capacity=1)
    register(moto_tables, "a")

    def delete() -> None:
        registrations.unregister(moto_tables, "e", "a")
        event_deletion.delete(moto_tables, "e")

    with rival(moto_tables, in_turn(nothing, delete), times=2) as other, pytest.raises(EventNotFound):
        register(moto_tables, "b")
    assert other.transactions == 2
    assert list(audit.audit(moto_tables)) == []


def test_a_place_in_the_queue_is_never_overwritten_even_if_the_next_number_is_wrong(moto_tables: Tables) -> None:
    """Only damage by other programs makes the next number one that is taken."""
    make_event(moto_tables, capacity=1)
    register(moto_tables, "a", "b", "c")
    damage = Step(action="Update", table="Events", key=seats_key("e"), change="SET #nextSeq = :one", values={"one": 1})
    moto_tables.transact([damage])
    with pytest.raises(Contention):
        registrations.register(Tables(moto_tables.client, retry_seconds=0.05), "e", "d")
    assert [place["userId"] for place in queue.waiting(moto_tables, "e", 9)] == ["b", "c"]


def test_a_seat_that_becomes_free_while_a_person_joins_the_queue_is_given_to_that_person(moto_tables: Tables) -> None:
    make_event(moto_tables, capacity=1)
    register(moto_tables, "a")
    with rival(moto_tables, in_turn(nothing, lambda: registrations.unregister(moto_tables, "e", "a")), times=2):
        (mine,) = register(moto_tables, "b")
    assert mine.status == "confirmed"
    assert state(moto_tables) == ("b", "")


def test_two_people_who_leave_at_once_promote_two_different_people(moto_tables: Tables) -> None:
    make_event(moto_tables)
    register(moto_tables, "a", "b", "c", "d", "f")
    with rival(moto_tables, lambda: registrations.unregister(moto_tables, "e", "b")):
        registrations.unregister(moto_tables, "e", "a")
    assert state(moto_tables) == ("cd", "f")


def test_the_seat_of_a_person_promoted_while_leaving_the_queue_goes_to_the_next(moto_tables: Tables) -> None:
    make_event(moto_tables)
    register(moto_tables, "a", "b", "c", "d")
    with rival(moto_tables, lambda: registrations.unregister(moto_tables, "e", "a")):
        registrations.unregister(moto_tables, "e", "c")
    assert state(moto_tables) == ("bd", "")


def test_the_seat_of_a_person_promoted_between_the_reads_of_leaving_goes_to_the_next(
    moto_tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The head that was read is the person who leaves, whom one transaction can't both remove and promote."""
    make_event(moto_tables)
    register(moto_tables, "a", "b", "c", "d")

    def each(first: Callable[[], Any], second: Callable[[], Any]) -> tuple[Any, Any]:
        monkeypatch.undo()
        head = second()
        registrations.unregister(moto_tables, "e", "a")
        return first(), head

    monkeypatch.setattr(moto_tables, "each", each)
    registrations.unregister(moto_tables, "e", "c")
    assert state(moto_tables) == ("bd", "")


def test_the_head_of_the_queue_who_leaves_meanwhile_is_not_promoted(moto_tables: Tables) -> None:
    make_event(moto_tables)
    register(moto_tables, "a", "b", "c", "d")
    with rival(moto_tables, lambda: registrations.unregister(moto_tables, "e", "c")):
        registrations.unregister(moto_tables, "e", "a")
    assert state(moto_tables) == ("bd", "")


def test_a_person_who_queues_while_the_last_seat_becomes_free_gets_it(moto_tables: Tables) -> None:
    make_event(moto_tables, capacity=1)
    register(moto_tables, "a")
    with rival(moto_tables, lambda: register(moto_tables, "b")):
        registrations.unregister(moto_tables, "e", "a")
    assert state(moto_tables) == ("b", "")


def test_an_event_that_closes_while_a_person_leaves_promotes_nobody(moto_tables: Tables) -> None:
    make_event(moto_tables, capacity=1)
    register(moto_tables, "a", "b")
    with rival(moto_tables, lambda: events.update(moto_tables, "e", {"status": "cancelled"})):
        registrations.unregister(moto_tables, "e", "a")
    assert state(moto_tables) == ("", "b")


def test_an_event_that_reopens_while_a_person_leaves_promotes_from_the_queue(moto_tables: Tables) -> None:
    make_event(moto_tables, capacity=1)
    register(moto_tables, "a", "b", "c")
    events.update(moto_tables, "e", {"status": "cancelled"})
    with rival(moto_tables, in_turn(nothing, lambda: events.update(moto_tables, "e", {"status": "active"})), times=2):
        registrations.unregister(moto_tables, "e", "a")
    assert state(moto_tables) == ("b", "c")


def test_a_request_to_leave_applies_to_the_registration_of_a_person_who_left_and_came_back(moto_tables: Tables) -> None:
    """The registration that the first request read is gone, so its next attempt removes the new one."""
    make_event(moto_tables, capacity=1)
    register(moto_tables, "a", "b", "c")

    def again() -> None:
        registrations.unregister(moto_tables, "e", "b")
        register(moto_tables, "b")

    with rival(moto_tables, again):
        registrations.unregister(moto_tables, "e", "b")
    assert state(moto_tables) == ("a", "c")


def test_a_person_who_left_the_queue_and_came_back_within_a_millisecond_has_another_place(
    moto_tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registrations, "now", lambda: "2030-01-01T00:00:00.000Z")
    make_event(moto_tables, capacity=1)
    register(moto_tables, "a", "b", "c")

    def again() -> None:
        registrations.unregister(moto_tables, "e", "b")
        register(moto_tables, "b")

    with rival(moto_tables, again):
        registrations.unregister(moto_tables, "e", "b")
    assert state(moto_tables) == ("a", "c")


@pytest.mark.parametrize("change", [{"status": "confirmed"}, {"registeredAt": "2030-01-01T00:00:00.000Z"}, {"seq": 7}])
def test_a_registration_of_which_any_attribute_changes_is_read_again_before_it_is_removed(
    moto_tables: Tables, change: dict[str, Any]
) -> None:
    make_event(moto_tables, capacity=1)
    register(moto_tables, "a", "b", "c")
    ((name, value),) = change.items()
    step = Step(
        action="Update",
        table="Registrations",
        key=registration_key("e", "c"),
        change=f"SET #{name} = :new",
        values={"new": value},
    )
    with rival(moto_tables, lambda: moto_tables.transact([step])) as other:
        registrations.unregister(moto_tables, "e", "c")
    assert other.transactions == 2


def test_two_requests_to_unregister_a_person_free_one_seat(moto_tables: Tables) -> None:
    make_event(moto_tables)
    register(moto_tables, "a", "b", "c", "d")
    with (
        rival(moto_tables, lambda: registrations.unregister(moto_tables, "e", "a")),
        pytest.raises(RegistrationNotFound),
    ):
        registrations.unregister(moto_tables, "e", "a")
    assert state(moto_tables) == ("bc", "d")


def test_after_a_conflict_a_person_joins_with_the_number_that_is_next_by_then(moto_tables: Tables) -> None:
    """An attempt with the number as it was before the conflict would fail, and cost as much as another."""
    make_event(moto_tables, capacity=1)
    register(moto_tables, "a")
    with (
        conflicting(moto_tables, 2, lambda: register(moto_tables, "c")) as transactions,
        metered(moto_tables) as meter,
    ):
        (mine,) = register(moto_tables, "b")
    assert len(transactions) == 3
    assert (meter.calls["GetItem"], meter.reads) == (1, 1)
    assert mine.position == 2
    assert state(moto_tables) == ("a", "cb")


def test_an_event_that_is_deleted_during_a_conflict_is_not_found(moto_tables: Tables) -> None:
    make_event(moto_tables, capacity=1)
    register(moto_tables, "a")

    def delete() -> None:
        registrations.unregister(moto_tables, "e", "a")
        event_deletion.delete(moto_tables, "e")

    with conflicting(moto_tables, 2, delete) as transactions, pytest.raises(EventNotFound):
        register(moto_tables, "b")
    assert len(transactions) == 2


def test_contention_that_outlasts_the_retries_is_refused_and_changes_nothing(moto_tables: Tables) -> None:
    make_event(moto_tables)
    register(moto_tables, "a")
    hasty = Tables(moto_tables.client, retry_seconds=0.05)
    with hooked(moto_tables, WRITES, conflict), pytest.raises(Contention):
        registrations.register(hasty, "e", "b")
    assert state(moto_tables) == ("a", "")


WRITES = "before-call.dynamodb.TransactWriteItems"


@contextmanager
def conflicting(tables: Tables, number: int, act: Callable[[], object]) -> Iterator[list[int]]:
    """Act before the transaction with this number, from 1, which then conflicts; yield the numbers of those sent."""
    numbers: list[int] = []
    acting = False

    def before(params: Any, **_context: Any) -> Any:
        nonlocal acting
        if acting:
            return None
        numbers.append(len(numbers) + 1)
        if numbers[-1] != number:
            return None
        acting = True
        act()
        acting = False
        return conflict(params)

    with hooked(tables, WRITES, before):
        yield numbers


def conflict(params: Any, **_context: Any) -> Any:
    """Answer a transaction as DynamoDB does while another one holds its items."""
    error = {"Code": "TransactionCanceledException", "Message": "conflict"}
    reasons = [{"Code": "TransactionConflict"}] * len(json.loads(params["body"])["TransactItems"])
    return _Answer(), {"Error": error, "CancellationReasons": reasons, "ResponseMetadata": {}}


class _Answer:
    status_code = 400
