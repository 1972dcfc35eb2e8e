"""Several registrations in one transaction: each gets its own answer, in the order of arrival."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from storage import event_deletion, events, queue, registrations
from storage.admissions import MAX_REGISTRATIONS, Answers, register_all
from storage.dynamodb.steps import Step
from storage.dynamodb.tables import Tables
from storage.errors import (
    AlreadyRegistered,
    Contention,
    EventClosed,
    EventFull,
    EventNotFound,
    StorageUnavailable,
    UserNotFound,
)
from storage.items import user_item
from storage.model import Registration, User
from tests.apparatus.faults import Fault, at_attempts, faults, in_sequence
from tests.apparatus.meter import metered
from tests.apparatus.registered import make_event, raise_and_crash, register, state
from tests.apparatus.rival import before_call, rival

Act = Callable[[Tables], object]


def standing(answers: Answers) -> dict[str, str | int | None]:
    """Return the status of each user, the position of those who wait, or the name of the refusal."""
    return {
        user_id: (answer.position or answer.status) if isinstance(answer, Registration) else type(answer).__name__
        for user_id, answer in answers.items()
    }


def test_seats_are_given_in_one_transaction_after_one_read(moto_tables: Tables) -> None:
    make_event(moto_tables, capacity=3)
    with metered(moto_tables) as meter:
        answers = register_all(moto_tables, "e", "cab")
    assert standing(answers) == dict.fromkeys("cab", "confirmed")
    assert (meter.calls, meter.reads, meter.writes) == ({"GetItem": 1, "TransactWriteItems": 1}, 1, 2 + 3 * 6)
    assert state(moto_tables) == ("abc", "")


def test_thirty_three_registrations_fit_into_a_transaction_and_24_in_the_queue(
    moto_tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    transact = Tables.transact

    def recording(tables: Tables, steps: Sequence[Step], *, group: str | None = None) -> None:
        sizes.append(len(steps))
        transact(tables, steps, group=group)

    monkeypatch.setattr(Tables, "transact", recording)
    make_event(moto_tables, capacity=MAX_REGISTRATIONS)
    people = [f"p{number:03d}" for number in range(2 * MAX_REGISTRATIONS)]
    for user_id in people:
        item = user_item(User(user_id=user_id, name="N", created_at="2030-01-01T00:00:00Z"))
        moto_tables.client.put_item(TableName="Users", Item={name: {"S": value} for name, value in item.items()})
    for crowd in (people[:MAX_REGISTRATIONS], people[MAX_REGISTRATIONS:]):
        sizes.clear()
        answers = register_all(moto_tables, "e", crowd)
        assert list(answers) == crowd
        # The seats, and three steps for each; with a place four, and the place ahead if others wait.
        assert sizes == ([1 + 33 * 3] if crowd == people[:MAX_REGISTRATIONS] else [1 + 24 * 4, 1 + 9 * 4 + 1])
    assert list(standing(answers).values()) == list(range(1, MAX_REGISTRATIONS + 1))
    assert state(moto_tables) == ("".join(people[:MAX_REGISTRATIONS]), "".join(people[MAX_REGISTRATIONS:]))


def test_the_last_seats_go_to_the_first_and_the_others_wait_in_order(moto_tables: Tables) -> None:
    make_event(moto_tables, capacity=2)
    assert standing(register_all(moto_tables, "e", "dcba")) == {"d": "confirmed", "c": "confirmed", "b": 1, "a": 2}
    assert standing(register_all(moto_tables, "e", "feg")) == {"f": 3, "e": 4, "g": 5}
    assert state(moto_tables) == ("cd", "bafeg")


def test_without_a_waitlist_the_others_are_refused(moto_tables: Tables) -> None:
    make_event(moto_tables, capacity=2, has_waitlist=False)
    register(moto_tables, "a")
    answers = register_all(moto_tables, "e", ["b", "c", "a", "nobody", "d"])
    assert standing(answers) == {
        "b": "confirmed", "c": "EventFull", "a": "AlreadyRegistered", "nobody": "UserNotFound", "d": "EventFull",
    }  # fmt: skip
    assert state(moto_tables) == ("ab", "")


def test_those_who_do_not_belong_are_answered_and_one_repetition_settles_the_rest(moto_tables: Tables) -> None:
    make_event(moto_tables, capacity=3)
    register(moto_tables, "a")
    with metered(moto_tables) as meter:
        answers = register_all(moto_tables, "e", ["x", "b", "a", "y", "c", "d"])
    assert meter.calls["TransactWriteItems"] == 2
    assert [type(answers[user_id]) for user_id in "xay"] == [UserNotFound, AlreadyRegistered, UserNotFound]
    assert isinstance(own := answers["a"], AlreadyRegistered)
    assert own.registration == registrations.get(moto_tables, "e", "a")
    assert {user_id: standing(answers)[user_id] for user_id in "bcd"} == {"b": "confirmed", "c": "confirmed", "d": 1}
    assert state(moto_tables) == ("abc", "d")


def test_people_who_wait_already_learn_their_positions(moto_tables: Tables) -> None:
    make_event(moto_tables, capacity=1)
    register(moto_tables, *"abcd")
    registrations.unregister(moto_tables, "e", "c")
    for crowd in ("dxba", "edb"):
        answers = register_all(moto_tables, "e", crowd)
        refused = {user_id: it for user_id, it in answers.items() if isinstance(it, AlreadyRegistered)}
        assert refused.keys() == {*crowd} - {*"ex"}
        for user_id, refusal in refused.items():
            assert refusal.registration == registrations.get(moto_tables, "e", user_id)
    assert state(moto_tables) == ("a", "bde")


def test_if_positions_can_not_be_read_only_those_who_need_them_are_told_so(
    moto_tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_event(moto_tables, capacity=1)
    register(moto_tables, "a", "b")

    def positions(*_arguments: Any) -> dict[int, int]:
        raise StorageUnavailable

    with monkeypatch.context() as patch:
        patch.setattr(queue, "positions", positions)
        answers = register_all(moto_tables, "e", "abc")
    assert [type(answers[user_id]) for user_id in "abc"] == [AlreadyRegistered, StorageUnavailable, Registration]
    assert state(moto_tables) == ("a", "bc")


def test_an_event_that_is_closed_or_missing_refuses_everybody(moto_tables: Tables) -> None:
    make_event(moto_tables, capacity=3)
    register(moto_tables, "a")
    events.update(moto_tables, "e", {"status": "cancelled"})
    answers = register_all(moto_tables, "e", ["a", "b", "x"])
    assert [type(answer) for answer in answers.values()] == [AlreadyRegistered, EventClosed, UserNotFound]
    assert {type(answer) for answer in register_all(moto_tables, "other", "ab").values()} == {EventNotFound}


@pytest.mark.parametrize(
    ("act", "expected", "ends"),
    [
        (lambda tables: register(tables, "h"), {"a": "confirmed", "b": 1, "c": 2}, ("ah", "bc")),
        (lambda tables: register(tables, "a"), {"a": "AlreadyRegistered", "b": "confirmed", "c": 1}, ("ab", "c")),
        (lambda tables: events.update(tables, "e", {"capacity": 1}), {"a": "confirmed", "b": 1, "c": 2}, ("a", "bc")),
        (
            lambda tables: events.update(tables, "e", {"status": "completed"}),
            dict.fromkeys("abc", "EventClosed"),
            ("", ""),
        ),
        (
            lambda tables: events.update(tables, "e", {"has_waitlist": False}),
            {"a": "confirmed", "b": "confirmed", "c": "EventFull"},
            ("ab", ""),
        ),
        (lambda tables: event_deletion.delete(tables, "e"), dict.fromkeys("abc", "EventNotFound"), None),
    ],
    ids=["takes a seat", "registers a member", "lowers the capacity", "closes", "ends the waitlist", "deletes"],
)
def test_a_rival_between_read_and_write_changes_the_answers(
    moto_tables: Tables, act: Act, expected: dict[str, Any], ends: tuple[str, str] | None
) -> None:
    make_event(moto_tables, capacity=2)
    with rival(moto_tables, lambda: act(moto_tables)) as other:
        assert standing(register_all(moto_tables, "e", "abc")) == expected
    assert other.acted == 1
    assert other.transactions <= 2, "one repetition settles everybody"
    if ends:
        assert state(moto_tables) == ends


def test_the_counters_are_read_again_only_after_an_attempt_that_did_not_show_them(ministack_tables: Tables) -> None:
    """A failed condition shows them; after a conflict, those of an earlier attempt are old."""
    make_event(ministack_tables, capacity=2)
    conflict = at_attempts(Fault.CONFLICT, "TransactWriteItems", 2)
    with (
        metered(ministack_tables) as meter,
        rival(ministack_tables, lambda: register(ministack_tables, "h")) as other,
        faults(ministack_tables, conflict),
    ):
        assert standing(register_all(ministack_tables, "e", "abc")) == {"a": "confirmed", "b": 1, "c": 2}
    assert (other.transactions, meter.calls["GetItem"]) == (3, 2)


def test_one_repetition_is_enough_if_a_rival_takes_a_seat_as_well(moto_tables: Tables) -> None:
    make_event(moto_tables, capacity=2)
    with rival(moto_tables, lambda: register(moto_tables, "h")) as other:
        assert standing(register_all(moto_tables, "e", "xab")) == {"x": "UserNotFound", "a": "confirmed", "b": 1}
    assert other.transactions == 2


def test_nobody_takes_a_seat_ahead_of_those_who_wait_for_it_since_the_read(
    moto_tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The number of seats and of those confirmed are as they were, but a promotion is unfinished."""
    make_event(moto_tables, capacity=2)

    def fill_and_crash() -> None:
        register(moto_tables, *"efg")
        events.update(moto_tables, "e", {"status": "cancelled"})
        registrations.unregister(moto_tables, "e", "e")
        registrations.unregister(moto_tables, "e", "f")
        with monkeypatch.context() as patch:
            patch.setattr(queue, "promote_waiting", lambda *_arguments: None)
            events.update(moto_tables, "e", {"status": "active"})

    with rival(moto_tables, fill_and_crash):
        assert register_all(moto_tables, "e", "ab") == {}
    registrations.register(moto_tables, "e", "c")
    assert state(moto_tables) == ("cg", "")


def test_during_a_promotion_each_person_is_left_to_the_path_of_one(
    moto_tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_event(moto_tables, capacity=1)
    register(moto_tables, "a", "b")
    raise_and_crash(moto_tables, monkeypatch, 5)
    assert register_all(moto_tables, "e", "cd") == {}


def test_a_lost_reply_loses_nobody(ministack_tables: Tables) -> None:
    make_event(ministack_tables, capacity=1)
    with faults(ministack_tables, at_attempts(Fault.LOST, "TransactWriteItems", 0)):
        assert standing(register_all(ministack_tables, "e", "abc")) == {"a": "confirmed", "b": 1, "c": 2}
    assert state(ministack_tables) == ("a", "bc")


def test_if_the_store_stays_silent_everybody_is_told_so_and_can_repeat_the_request(ministack_tables: Tables) -> None:
    make_event(ministack_tables, capacity=1)
    plan = in_sequence("TransactWriteItems", 0, [Fault.LOST, Fault.UNSENT, Fault.UNSENT])
    with faults(ministack_tables, plan):
        answers = register_all(ministack_tables, "e", "abc")
    assert {type(answer) for answer in answers.values()} == {StorageUnavailable}
    assert set(standing(register_all(ministack_tables, "e", "abc")).values()) == {"AlreadyRegistered"}
    assert state(ministack_tables) == ("a", "bc")


def test_after_conflicts_to_the_end_nobody_is_registered(ministack_tables: Tables) -> None:
    make_event(ministack_tables, capacity=1)
    impatient = Tables(ministack_tables.client, ministack_tables.names, retry_seconds=0.1)
    with faults(ministack_tables, at_attempts(Fault.CONFLICT, "TransactWriteItems", 0, 1000)):
        answers = register_all(impatient, "e", "abc")
    assert {type(answer) for answer in answers.values()} == {Contention}
    assert state(ministack_tables) == ("", "")


def test_those_answered_before_the_store_fell_silent_keep_their_answers(ministack_tables: Tables) -> None:
    make_event(ministack_tables, capacity=1)
    plan = in_sequence("TransactWriteItems", 1, [Fault.LOST, Fault.UNSENT, Fault.UNSENT])
    with faults(ministack_tables, plan):
        answers = register_all(ministack_tables, "e", "axb")
    assert standing(answers) == {"x": "UserNotFound", "a": "StorageUnavailable", "b": "StorageUnavailable"}


def test_a_refusal_without_seats_is_repeated_if_a_seat_appears_meanwhile(moto_tables: Tables) -> None:
    make_event(moto_tables, capacity=1, has_waitlist=False)
    register(moto_tables, "a")
    with (
        metered(moto_tables) as meter,
        before_call(moto_tables, "TransactGetItems", 1, lambda: events.update(moto_tables, "e", {"capacity": 2})),
    ):
        assert standing(register_all(moto_tables, "e", "bc")) == {"b": "confirmed", "c": "EventFull"}
    assert meter.calls["GetItem"] == 1
    assert state(moto_tables) == ("ab", "")


def test_an_event_that_is_deleted_before_the_refusal_is_missing(moto_tables: Tables) -> None:
    make_event(moto_tables)
    events.update(moto_tables, "e", {"status": "cancelled"})
    with before_call(moto_tables, "TransactGetItems", 1, lambda: event_deletion.delete(moto_tables, "e")):
        assert standing(register_all(moto_tables, "e", "ab")) == {"a": "EventNotFound", "b": "EventNotFound"}


def test_a_seat_that_becomes_free_after_a_refusal_can_be_taken(moto_tables: Tables) -> None:
    make_event(moto_tables, capacity=1, has_waitlist=False)
    register(moto_tables, "a")
    full, *_ = register_all(moto_tables, "e", "bc").values()
    assert isinstance(full, EventFull)
    registrations.unregister(moto_tables, "e", "a")
    assert standing(register_all(moto_tables, "e", "bc")) == {"b": "confirmed", "c": "EventFull"}
