"""Promotion in batches of the size of a transaction, in order, and resumed after an interruption."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from storage import audit, events, queue, registration_lists, registrations, rules, users
from storage.audit.repair import repair
from storage.dynamodb.steps import Step
from storage.dynamodb.tables import Tables
from storage.errors import StorageUnavailable
from storage.items import queue_key, seats_key, to_seats
from tests.apparatus.hooks import requests_of
from tests.apparatus.meter import metered
from tests.apparatus.registered import crowd
from tests.apparatus.rival import before_call, in_turn, nothing, rival


def test_a_raised_capacity_is_filled_in_batches_in_the_order_of_the_queue(moto_tables: Tables) -> None:
    crowd(moto_tables, 120)
    with metered(moto_tables) as meter:
        event = events.update(moto_tables, "e", {"capacity": 101})
    assert (event.confirmed, event.waitlisted) == (101, 20)
    assert meter.calls["TransactWriteItems"] == 1 + 3, "the change, then batches of 49, 49 and 2"
    waiting = registration_lists.of_event(moto_tables, "e", status="waitlisted", limit=100).entries
    assert [entry.user_id for entry in waiting] == [f"u{number:04d}" for number in range(101, 121)]
    assert list(audit.audit(moto_tables)) == []


def test_a_promotion_that_crashes_half_way_is_continued_by_the_next_write(moto_tables: Tables) -> None:
    crowd(moto_tables, 60)
    counter = itertools.count()

    def die(**_context: Any) -> None:
        if next(counter) == 2:
            raise StorageUnavailable("the process crashes before its second batch")

    moto_tables.client.meta.events.register("before-call.dynamodb.TransactWriteItems", die)
    with pytest.raises(StorageUnavailable):
        events.update(moto_tables, "e", {"capacity": 100})
    moto_tables.client.meta.events.unregister("before-call.dynamodb.TransactWriteItems", die)
    half = events.get(moto_tables, "e")
    assert (half.confirmed, half.waitlisted) == (1 + rules.BATCH, 60 - rules.BATCH)
    event = events.update(moto_tables, "e", {"capacity": 100})
    assert (event.confirmed, event.waitlisted) == (61, 0)
    assert list(audit.audit(moto_tables)) == []


def test_a_position_in_the_queue_counts_the_people_ahead(moto_tables: Tables) -> None:
    crowd(moto_tables, 5)
    assert [queue.position(moto_tables, "e", seq) for seq in range(5)] == [1, 2, 3, 4, 5]
    assert queue.positions(moto_tables, "e", [0, 4]) == {0: 1, 4: 5}
    assert queue.positions(moto_tables, "e", []) == {}


def test_a_person_who_has_just_left_the_queue_still_has_a_position(moto_tables: Tables) -> None:
    """A list reads its registrations before their positions."""
    crowd(moto_tables, 5)
    registrations.unregister(moto_tables, "e", "u0003")
    assert queue.positions(moto_tables, "e", [1, 2, 3]) == {1: 2, 2: 3, 3: 3}


def test_a_newcomer_checks_the_place_directly_ahead_and_nothing_if_nobody_waits(moto_tables: Tables) -> None:
    """So the newcomer's place is not visible before the one ahead of it."""
    crowd(moto_tables, 0)
    for user_id in "abc":
        users.create(moto_tables, user_id, "N")
    with requests_of(moto_tables, "TransactWriteItems") as sent:
        for user_id in "abc":
            registrations.register(moto_tables, "e", user_id)
    checks = [[step.get("ConditionCheck", {}) for step in request["TransactItems"]] for request in sent]
    places = [
        [step["Key"]["sk"]["S"] for step in steps if step.get("TableName") == "Registrations"] for steps in checks
    ]
    # The first transaction of each finds that the event is full.
    assert places == [[], [], [], ["WAIT#000000000000"], [], ["WAIT#000000000001"]]


def test_a_place_that_was_left_and_is_still_visible_beside_the_new_one_is_promoted_from_after_another_look(
    moto_tables: Tables,
) -> None:
    """A Query reads each item for itself: it may miss the deletion of a place, and find the person's next place."""
    crowd(moto_tables, 2)
    registrations.unregister(moto_tables, "e", "u0001")
    registrations.register(moto_tables, "e", "u0001")
    users.create(moto_tables, "new", "N")
    registrations.register(moto_tables, "e", "new")
    old_place = queue_key("e", 0)
    moto_tables.transact([Step(action="Put", table="Registrations", item={**old_place, "userId": "u0001"})])

    def show_deletion() -> None:
        moto_tables.transact([Step(action="Delete", table="Registrations", key=old_place)])

    # The update makes two Queries, and its promotion one for each attempt.
    with before_call(moto_tables, "Query", 4, show_deletion):
        event = events.update(moto_tables, "e", {"capacity": 4})
    assert (event.confirmed, event.waitlisted) == (4, 0)
    assert list(audit.audit(moto_tables)) == []


@pytest.fixture
def small(moto_tables: Tables) -> Tables:
    """Make an event of one seat, five people in the queue, and an interrupted raise of the capacity to four."""
    crowd(moto_tables, 5)
    interrupted(moto_tables, capacity=4)
    return moto_tables


def interrupted(tables: Tables, **changes: Any) -> None:
    """Change an event, and crash before anybody is promoted."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(queue, "promote_waiting", lambda _tables, _event_id, seats, *_batches: seats)
        events.update(tables, "e", changes)


def somebody_joins(tables: Tables) -> None:
    """Join the queue, and crash before continuing the promotion."""
    users.create(tables, "newcomer", "N")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(queue, "promote_waiting", lambda _tables, _event_id, seats, *_batches, **_how: seats)
        registrations.register(tables, "e", "newcomer")


def seats_are_reopened_with_one_less(tables: Tables) -> None:
    interrupted(tables, status="cancelled")
    registrations.unregister(tables, "e", "u0000")
    interrupted(tables, status="active")


@pytest.mark.parametrize(
    ("act", "expected"),
    [
        (lambda tables: interrupted(tables, capacity=2), (2, 4)),
        (seats_are_reopened_with_one_less, (4, 1)),
        (lambda tables: registrations.unregister(tables, "e", "u0005"), (4, 1)),
        (somebody_joins, (4, 3)),
        (lambda tables: interrupted(tables, status="cancelled"), (1, 5)),
        (lambda tables: events.update(tables, "e", {"title": "Other"}), (4, 2)),
    ],
    ids=["lower the capacity", "leave while it is closed", "leave the queue", "join", "close the event", "promote"],
)
def test_a_promotion_takes_concurrent_changes_into_account(
    small: Tables, act: Callable[[Tables], object], expected: tuple[int, int]
) -> None:
    with rival(small, lambda: act(small)) as other:
        queue.promote_waiting(small, "e", to_seats(small.get("Events", seats_key("e")) or {}))
    assert other.acted == 1
    event = events.get(small, "e")
    assert (event.confirmed, event.waitlisted) == expected
    assert list(audit.audit(small)) == []


def test_a_promotion_confirms_nobody_whose_place_is_gone(small: Tables) -> None:
    """Only other programs delete a place alone; those behind it get the seats until a repair restores it."""
    gone = Step(action="Delete", table="Registrations", key=queue_key("e", 0))
    with rival(small, lambda: small.transact([gone])) as other:
        queue.resume(small, "e")
    assert other.acted == 1
    assert registrations.get(small, "e", "u0001").status == "waitlisted"
    assert registrations.get(small, "e", "u0002").status == "confirmed"


@pytest.mark.parametrize(("lost", "stuck"), [(0, False), (1, True), (2, True)])
def test_a_promotion_is_stuck_if_people_are_counted_beside_free_seats_who_have_no_places(
    moto_tables: Tables, lost: int, *, stuck: bool
) -> None:
    crowd(moto_tables, 2)
    interrupted(moto_tables, capacity=1 + max(1, lost))
    for seq in range(2 if lost else 0):
        moto_tables.transact([Step(action="Delete", table="Registrations", key=queue_key("e", seq))])
    assert queue.resume(moto_tables, "e") is stuck


def test_a_promotion_that_is_finished_or_whose_event_is_gone_is_not_stuck(moto_tables: Tables) -> None:
    assert queue.resume(moto_tables, "e") is False
    crowd(moto_tables, 1)
    assert queue.resume(moto_tables, "e") is False


def test_a_promotion_from_a_damaged_queue_ends(moto_tables: Tables) -> None:
    """A person is counted who has no place: nobody is promoted until a repair restores the place."""
    crowd(moto_tables, 1)
    moto_tables.transact([Step(action="Delete", table="Registrations", key=queue_key("e", 0))])
    with rival(moto_tables, in_turn(*[nothing] * 9), times=10**6):
        event = events.update(moto_tables, "e", {"capacity": 2})
    assert (event.confirmed, event.waitlisted) == (1, 1)
    assert [outcome.repaired for outcome in repair(moto_tables)] == [True, True]
    assert events.get(moto_tables, "e").confirmed == 2
