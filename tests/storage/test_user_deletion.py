"""Leaving for good: what remains, who is promoted, and what others do between any two of its calls."""

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from storage import audit, events, registration_lists, registrations, user_deletion, users
from storage.admissions import register_all
from storage.dynamodb.deadline import deadline, within
from storage.dynamodb.steps import Changed, Step
from storage.dynamodb.tables import Tables
from storage.errors import (
    Damaged,
    DeletionInProgress,
    RegistrationNotFound,
    UserExists,
    UserNotFound,
)
from storage.items import pointer_key, registration_key, seats_key, user_key
from storage.user_steps import RECENT, settle
from tests.apparatus.hooks import hooked
from tests.apparatus.rival import before_call, rival
from tests.simulation.clients import fields

LEAVING = "2030-01-01T00:00:00.000Z#00"


@pytest.fixture
def tables(moto_tables: Tables) -> Tables:
    """Make the users a, b and c, and two events of one seat, which a has; at the first b waits."""
    for user_id in "abc":
        users.create(moto_tables, user_id, user_id.upper())
    for event_id in ("e0", "e1"):
        events.create(moto_tables, event_id, fields({"capacity": 1, "has_waitlist": True}))
        registrations.register(moto_tables, event_id, "a")
    registrations.register(moto_tables, "e0", "b")
    return moto_tables


def mark(tables: Tables, user_id: str = "a", leaving: str = LEAVING) -> None:
    """Begin to delete a user, as a request does that ends there."""
    step = Step(
        action="Update",
        table="Users",
        key=user_key(user_id),
        change="SET #leaving = :leaving",
        values={"leaving": leaving},
    )
    tables.transact([step])


def everything(tables: Tables) -> str:
    """Return all items of all tables as text."""
    return str([tables.client.scan(TableName=name)["Items"] for name in tables.names.values()])


def test_a_deleted_user_is_in_no_table(tables: Tables) -> None:
    users.create(tables, "ada@example.com", "Ada Lovelace")
    for event_id in ("e0", "e1"):
        registrations.register(tables, event_id, "ada@example.com")
    assert "ada@example.com" in everything(tables)

    user_deletion.delete(tables, "ada@example.com")

    assert "ada@" not in everything(tables)
    assert "Lovelace" not in everything(tables)
    assert list(audit.audit(tables)) == []


def test_each_seat_of_a_deleted_user_goes_to_the_head_of_the_queue(tables: Tables) -> None:
    user_deletion.delete(tables, "a")

    assert registrations.get(tables, "e0", "b").status == "confirmed"
    assert [events.get(tables, event_id).confirmed for event_id in ("e0", "e1")] == [1, 0]
    assert list(audit.audit(tables)) == []


def test_a_deleted_user_leaves_the_queues(tables: Tables) -> None:
    registrations.register(tables, "e0", "c")

    user_deletion.delete(tables, "b")

    assert registrations.get(tables, "e0", "c").position == 1
    assert list(audit.audit(tables)) == []


@pytest.mark.parametrize("status", ["cancelled", "completed"])
def test_at_a_closed_event_nobody_gets_the_seat_of_a_deleted_user(tables: Tables, status: str) -> None:
    events.update(tables, "e0", {"status": status})

    user_deletion.delete(tables, "a")

    assert registrations.get(tables, "e0", "b").status == "waitlisted"
    assert events.get(tables, "e0").confirmed == 0
    assert list(audit.audit(tables)) == []


def test_a_user_without_registrations_is_deleted(tables: Tables) -> None:
    user_deletion.delete(tables, "c")

    with pytest.raises(UserNotFound):
        users.get(tables, "c")


def test_nobody_is_deleted_twice(tables: Tables) -> None:
    user_deletion.delete(tables, "a")

    with pytest.raises(UserNotFound):
        user_deletion.delete(tables, "a")


def test_the_id_of_a_deleted_user_is_free(tables: Tables) -> None:
    user_deletion.delete(tables, "a")

    users.create(tables, "a", "Another")

    assert not registration_lists.of_user(tables, "a", limit=10).entries


def test_the_list_of_a_user_who_is_leaving_has_what_is_left_and_then_is_gone(tables: Tables) -> None:
    mark(tables)
    left = [entry.event_id for entry, _event in registration_lists.of_user(tables, "a", limit=10).entries]
    for event_id in left:
        registrations.unregister(tables, event_id, "a")

    assert left == ["e0", "e1"]
    with pytest.raises(UserNotFound):
        registration_lists.of_user(tables, "a", limit=10)


def test_a_user_who_is_leaving_is_not_the_answer_to_a_repeated_create(tables: Tables) -> None:
    users.create(tables, "k", "K", key="key")
    mark(tables, "k")

    with pytest.raises(UserExists):
        users.create(tables, "k", "K", key="key")


@pytest.mark.parametrize(
    "request_",
    [
        lambda tables: users.get(tables, "a"),
        lambda tables: registrations.register(tables, "e2", "a"),
    ],
    ids=["get", "register"],
)
def test_a_user_who_is_leaving_is_gone_for_others(tables: Tables, request_: Callable[[Tables], object]) -> None:
    events.create(tables, "e2", fields({"capacity": 1}))
    mark(tables)

    with pytest.raises(UserNotFound):
        request_(tables)


def test_a_user_who_is_leaving_is_gone_for_registrations_that_share_a_transaction(tables: Tables) -> None:
    events.create(tables, "e2", fields({"capacity": 1}))
    mark(tables)

    answers = register_all(tables, "e2", ["a", "b", "c"])

    assert isinstance(answers["a"], UserNotFound)
    assert [getattr(answers[user_id], "status", None) for user_id in "bc"] == ["confirmed", None]


def test_at_a_full_event_a_user_who_is_leaving_is_gone_for_all_that_are_refused(tables: Tables) -> None:
    events.update(tables, "e1", {"status": "cancelled"})
    mark(tables, "b")

    answers = register_all(tables, "e1", ["b", "c"])

    assert isinstance(answers["b"], UserNotFound)


def test_the_id_of_a_user_who_is_leaving_is_taken(tables: Tables) -> None:
    mark(tables)

    with pytest.raises(UserExists):
        users.create(tables, "a", "Another")


def test_a_deletion_that_was_interrupted_goes_on(tables: Tables) -> None:
    mark(tables)
    registrations.unregister(tables, "e0", "a")

    user_deletion.delete(tables, "a")

    assert '"a"' not in everything(tables).replace("'", '"')
    assert list(audit.audit(tables)) == []


def test_a_deletion_without_time_says_that_repeating_it_goes_on(tables: Tables) -> None:
    mark(tables)

    with pytest.raises(DeletionInProgress):
        expired_before(tables, 3)

    user_deletion.delete(tables, "a")
    assert list(audit.audit(tables)) == []


def expired_before(tables: Tables, transaction: int) -> None:
    """Delete a user, and let the time of the request run out before this transaction, from 1."""

    def expire() -> None:
        deadline.set(0.0)

    with within(100), before_call(tables, "TransactWriteItems", transaction, expire):
        user_deletion.delete(tables, "a")


@pytest.mark.parametrize("number", range(1, 6))
def test_a_user_who_registers_meanwhile_is_refused_or_taken_back(tables: Tables, number: int) -> None:
    """Before the mark the user registers; behind it nobody can register the user."""
    events.create(tables, "e2", fields({"capacity": 1}))
    turn = 0

    def register() -> None:
        nonlocal turn
        turn += 1
        if turn == number:
            with suppress(UserNotFound):
                registrations.register(tables, "e2", "a")

    with rival(tables, register, times=10):
        user_deletion.delete(tables, "a")

    assert turn >= number or number > 4
    with pytest.raises(RegistrationNotFound):
        registrations.get(tables, "e2", "a")
    assert list(audit.audit(tables)) == []


@pytest.mark.parametrize("call", ["GetItem", "Query", "TransactWriteItems"])
@pytest.mark.parametrize("number", range(1, 8))
def test_a_new_user_with_the_same_id_keeps_everything(tables: Tables, call: str, number: int) -> None:
    """Between any two calls another request may finish the deletion, and the id be given to somebody else."""
    again = False

    def finish_and_begin_anew() -> None:
        nonlocal again
        if again:
            return
        again = True
        with suppress(UserNotFound):
            user_deletion.delete(tables, "a")
        users.create(tables, "a", "Another")
        for event_id in ("e0", "e1"):
            registrations.register(tables, event_id, "a")

    with before_call(tables, call, number, finish_and_begin_anew), suppress(UserNotFound):
        user_deletion.delete(tables, "a")

    # Before its first call, a deletion is that of the new user.
    if again and (call, number) != ("GetItem", 1):
        assert users.get(tables, "a").name == "Another"
        assert [registrations.get(tables, event_id, "a").event_id for event_id in ("e0", "e1")] == ["e0", "e1"]
    assert list(audit.audit(tables)) == []


@pytest.mark.parametrize("call", ["GetItem", "Query", "TransactWriteItems"])
@pytest.mark.parametrize("number", range(1, 8))
def test_two_deletions_at_once_both_end(tables: Tables, call: str, number: int) -> None:
    with before_call(tables, call, number, lambda: user_deletion.delete(tables, "a")), suppress(UserNotFound):
        user_deletion.delete(tables, "a")

    with pytest.raises(UserNotFound):
        users.get(tables, "a")
    assert registrations.get(tables, "e0", "b").status == "confirmed"
    assert list(audit.audit(tables)) == []


def test_a_person_promoted_meanwhile_is_taken_back_as_well(tables: Tables) -> None:
    """The seat of a goes to b, and from b to c."""
    registrations.register(tables, "e0", "c")

    with before_call(tables, "TransactWriteItems", 2, lambda: registrations.unregister(tables, "e0", "a")):
        user_deletion.delete(tables, "b")

    assert registrations.get(tables, "e0", "c").status == "confirmed"
    assert list(audit.audit(tables)) == []


def test_a_pointer_without_a_registration_is_removed(tables: Tables) -> None:
    tables.transact([Step(action="Delete", table="Registrations", key=registration_key("e1", "a"))])

    user_deletion.delete(tables, "a")

    assert tables.get("Registrations", pointer_key("a", "e1")) is None


def test_damage_at_one_event_keeps_no_other_registration(tables: Tables) -> None:
    tables.transact([Step(action="Delete", table="Events", key=seats_key("e0"))])

    with pytest.raises(Damaged):
        user_deletion.delete(tables, "a")

    with pytest.raises(RegistrationNotFound):
        registrations.get(tables, "e1", "a")
    assert registrations.get(tables, "e0", "a").status == "confirmed"
    assert "leaving" in (tables.get("Users", user_key("a")) or {})


def test_a_user_of_many_events_is_registered_and_deleted(tables: Tables) -> None:
    """The item of a user names a few events only; alone and in a group, it makes room for more."""
    event_ids = [f"m{number:02}" for number in range(3 * RECENT)]
    for number, event_id in enumerate(event_ids):
        events.create(tables, event_id, fields({"capacity": 2}))
        if number % 2:
            registrations.register(tables, event_id, "c")
        else:
            answers = register_all(tables, event_id, ["c", "b"])
            assert [getattr(answer, "status", answer) for answer in answers.values()] == ["confirmed", "confirmed"]
        assert len((tables.get("Users", user_key("c")) or {})["recent"]) <= RECENT

    assert len(registration_lists.of_user(tables, "c", limit=100).entries) == len(event_ids)
    user_deletion.delete(tables, "c")
    assert registration_lists.of_user(tables, "b", limit=100).entries
    assert list(audit.audit(tables)) == []


def test_a_pointer_is_kept_if_its_registration_is_found_after_all(tables: Tables) -> None:
    """A read may miss it for a moment; then it is taken back, as any other."""
    key = registration_key("e1", "a")
    item = tables.get("Registrations", key)
    tables.transact([Step(action="Delete", table="Registrations", key=key)])

    def becomes_visible() -> None:
        tables.transact([Step(action="Put", table="Registrations", item=item)])

    # Of the transactions before, the first is the mark, one forgets events, and one leaves e0.
    with before_call(tables, "TransactWriteItems", 4, becomes_visible):
        user_deletion.delete(tables, "a")

    assert events.get(tables, "e1").confirmed == 0
    assert list(audit.audit(tables)) == []


def test_a_pointer_that_is_not_visible_yet_is_waited_for_before_the_pointers_are_listed(tables: Tables) -> None:
    """A registration was admitted before the mark, but a list still misses its pointer, which is locked until then."""
    pointer = pointer_key("a", "e1")
    tables.transact([Step(action="Delete", table="Registrations", key=pointer)])
    stored = {name: {"S": str(value)} for name, value in pointer.items()}

    def waits_for_the_lock(params: dict[str, Any], **_context: Any) -> None:
        steps = json.loads(params["body"])["TransactItems"]
        if stored in [step["ConditionCheck"]["Key"] for step in steps if "ConditionCheck" in step]:
            tables.client.put_item(TableName=tables.names["Registrations"], Item=stored)

    with within(10), hooked(tables, "before-call.dynamodb.TransactWriteItems", waits_for_the_lock):
        user_deletion.delete(tables, "a")

    assert events.get(tables, "e1").confirmed == 0
    assert list(audit.audit(tables)) == []


def test_an_event_entered_since_the_read_is_not_forgotten(tables: Tables) -> None:
    user = tables.get("Users", user_key("a"))
    assert user
    events.create(tables, "e2", fields({"capacity": 1}))

    with rival(tables, lambda: registrations.register(tables, "e2", "a")), pytest.raises(Changed):
        settle(tables, user)

    assert "e2" in (tables.get("Users", user_key("a")) or {})["recent"]
