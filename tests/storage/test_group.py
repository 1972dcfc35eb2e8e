"""The group of an event forms batches, and gives each member its own answer."""

import time
from concurrent.futures import Future
from typing import Any

import pytest

from storage import registrations
from storage.dynamodb.deadline import deadline, within
from storage.dynamodb.tables import Tables
from storage.errors import AlreadyRegistered, DeadlineExceeded, EventFull, NotOwner
from storage.group import Group, Kind, Member, settle
from storage.model import Registration
from tests.apparatus.meter import metered
from tests.apparatus.registered import make_event, raise_and_crash, register, state


def member(user_id: str, kind: Kind = "register", owner: str | None = None) -> Member:
    return Member(kind, user_id, Future(), owner)


def users(batch: list[Member]) -> str:
    return "".join(member.user_id for member in batch)


def group_of(*members: Member) -> Group:
    group = Group()
    for it in members:
        group.add(it)
    return group


def written(tables: Tables, *members: Member) -> list[Any]:
    """Settle the members as a writer does, and return the result or the refusal of each."""
    group = group_of(*members)
    while batch := group.take():
        group.answer(batch, settle(tables, "e", batch))
    return [it.answer.exception(0) or it.answer.result(0) for it in members]  # type: ignore[attr-defined]


def test_registrations_and_departures_take_turns_each_in_the_order_of_arrival() -> None:
    group = group_of(member("d"), member("x", "unregister"), member("b"), member("c"), member("y", "unregister"))
    assert [users(group.take()) for _ in range(3)] == ["dbc", "xy", ""]


def test_newcomers_of_one_kind_do_not_keep_the_other_kind_waiting() -> None:
    group = group_of(member("a"), member("x", "unregister"))
    assert users(group.take()) == "a"
    group.add(member("b"))
    assert [users(group.take()) for _ in range(2)] == ["x", "b"]


def test_a_batch_has_at_most_33_registrations_or_19_departures_and_the_rest_follows() -> None:
    people = [chr(ord("a") + number) for number in range(40)]
    kinds: tuple[Kind, ...] = ("register", "unregister")
    for kind, size in zip(kinds, (33, 19), strict=True):
        group = group_of(*(member(user_id, kind) for user_id in people))
        batches = [users(group.take()) for _ in range(3)]
        assert len(batches[0]) == size
        assert "".join(batches) == "".join(people[: len("".join(batches))])
        assert len("".join(batches)) == min(40, 3 * size)


def test_a_request_that_demands_an_owner_is_a_batch_of_its_own_in_its_turn() -> None:
    group = group_of(member("a"), member("b"), member("c", owner="ann"), member("d", owner="ann"), member("e"))
    assert [users(group.take()) for _ in range(5)] == ["ab", "c", "d", "e", ""]


def test_the_refusal_of_a_stranger_changes_nothing_for_the_others_of_a_group(moto_tables: Tables) -> None:
    make_event(moto_tables)
    register(moto_tables, "a")
    stranger, leaver = member("b", owner="ann"), member("a", "unregister", "ann")
    answers = written(moto_tables, stranger, member("c"), leaver, member("d"))
    assert [type(answer) for answer in answers] == [NotOwner, Registration, NotOwner, Registration]
    assert state(moto_tables) == ("ac", "d")


def test_a_second_request_of_a_user_waits_for_the_first() -> None:
    group = group_of(member("a"), member("b"), member("a", "unregister"), member("a"), member("c", "unregister"))
    assert [users(group.take()) for _ in range(5)] == ["ab", "ac", "a", "", ""]


def test_a_request_that_waits_only_for_one_of_the_other_kind_is_not_forgotten() -> None:
    group = group_of(member("a", "unregister"), member("a"))
    assert [users(group.take()) for _ in range(3)] == ["a", "a", ""]


def test_members_without_a_result_wait_again_ahead_of_the_others() -> None:
    group = group_of(member("a"), member("b"), member("c"))
    batch = group.take()
    group.add(member("d"))
    group.answer(batch, {batch[0]: None})
    assert users(group.take()) == "bcd"


def test_a_member_whose_caller_gave_up_is_left_out_and_one_in_a_batch_harms_nobody() -> None:
    gone, late, other = member("a"), member("b"), member("c")
    group = group_of(gone, late, other)
    gone.answer.cancel()  # type: ignore[attr-defined]
    batch = group.take()
    assert users(batch) == "bc"
    late.answer.cancel()  # type: ignore[attr-defined]
    group.answer(batch, {late: None, other: EventFull()})
    assert isinstance(other.answer.exception(0), EventFull)  # type: ignore[attr-defined]


def test_each_member_gets_its_own_answer(moto_tables: Tables) -> None:
    make_event(moto_tables, capacity=2)
    register(moto_tables, "h")
    answers = written(moto_tables, *map(member, "cahb"), member("a"), member("h", "unregister"), member("d"))
    c, a, h, b, a_again, h_leaves, d = answers
    assert [(it.user_id, it.status, it.position) for it in (c, a, b, d)] == [
        ("c", "confirmed", None), ("a", "waitlisted", 1), ("b", "waitlisted", 2), ("d", "waitlisted", 3),
    ]  # fmt: skip
    assert h.registration.user_id == "h"
    assert isinstance(a_again, AlreadyRegistered)
    assert h_leaves is None
    assert state(moto_tables) == ("ac", "bd")


def test_a_request_alone_takes_the_calls_of_a_process_without_groups(moto_tables: Tables) -> None:
    make_event(moto_tables, capacity=2)
    with metered(moto_tables) as meter:
        assert written(moto_tables, member("a"))[0].status == "confirmed"
    assert (meter.calls, meter.reads, meter.writes) == ({"TransactWriteItems": 1}, 0, 8)
    with metered(moto_tables) as meter:
        assert written(moto_tables, member("a", "unregister")) == [None]
    assert (meter.calls, meter.writes) == ({"GetItem": 1, "Query": 1, "TransactWriteItems": 1}, 6)


def test_during_a_promotion_the_first_is_settled_alone_and_completes_it_for_the_others(
    moto_tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_event(moto_tables, capacity=1)
    register(moto_tables, *"abc")
    raise_and_crash(moto_tables, monkeypatch, 3)
    answers = written(moto_tables, *map(member, "defg"))
    assert [it.position for it in answers] == [1, 2, 3, 4]
    assert state(moto_tables) == ("abc", "defg")


def test_the_deadline_of_one_member_ends_neither_the_batch_nor_the_others(moto_tables: Tables) -> None:
    make_event(moto_tables, capacity=2)
    with within(0.5):
        late = member("a")
    with within(60):
        others = [member("b"), member("c")]
    answers = written(moto_tables, late, *others)
    assert [type(answer) for answer in answers] == [DeadlineExceeded, Registration, Registration]
    assert state(moto_tables) == ("bc", "")


def test_a_batch_has_the_time_of_its_latest_member(moto_tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[float] = []

    def register_all(*_arguments: Any) -> dict[str, Any]:
        seen.append(deadline.get() - time.monotonic())
        return {"a": None, "b": None}

    monkeypatch.setattr("storage.group.register_all", register_all)
    with within(20):
        first = member("a")
    with within(40):
        second = member("b")
    written(moto_tables, first, second)
    assert 30 < seen[0] < 40


@pytest.mark.parametrize("kind", ["register", "unregister"])
def test_a_request_alone_has_its_own_time(moto_tables: Tables, monkeypatch: pytest.MonkeyPatch, kind: Kind) -> None:
    """Its thread has no deadline of its own."""
    seen: list[float] = []
    monkeypatch.setattr(registrations, kind, lambda *_arguments: seen.append(deadline.get() - time.monotonic()))
    with within(20):
        alone = member("a", kind)
    with within(40):
        settle(moto_tables, "e", [alone])
    assert 10 < seen[0] < 20


def test_a_defect_is_raised_in_every_caller(moto_tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    def defect(*_arguments: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("storage.group.register_all", defect)
    monkeypatch.setattr(registrations, "register", defect)
    assert [type(it) for it in written(moto_tables, member("a"), member("b"))] == [ZeroDivisionError] * 2
    assert [type(it) for it in written(moto_tables, member("a"))] == [ZeroDivisionError]
