"""A promotion that takes longer than one request: nobody is lost, no bystander pays, and every repetition helps."""

import itertools
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from storage import event_items, events, queue, registration_lists, registrations, rules, users
from storage.audit import audit
from storage.dynamodb.steps import Changed
from storage.dynamodb.tables import Tables
from storage.errors import (
    DeadlineExceeded,
    EventFull,
    PromotionInProgress,
    RegistrationNotFound,
    StorageUnavailable,
    VersionMismatch,
)
from tests.apparatus.meter import metered
from tests.apparatus.registered import crowd
from tests.apparatus.rival import in_turn, nothing, rival

#: Small numbers, as moto copies all its tables in each transaction.
WAITING = 30
BATCH = 4


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "BATCH", BATCH)


@pytest.fixture
def handed_over(moto_tables: Tables, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the list of the events whose promotions were handed over."""
    found: list[str] = []
    monkeypatch.setattr(moto_tables, "hand_over", lambda event_id, **_how: found.append(event_id))
    return found


@pytest.fixture
def tables(moto_tables: Tables) -> Tables:
    """Make an event of one seat, with a long queue."""
    crowd(moto_tables, WAITING)
    return moto_tables


@pytest.fixture
def unfinished(tables: Tables, monkeypatch: pytest.MonkeyPatch) -> Tables:
    """Raise the capacity for everybody in the queue, and crash before anybody is promoted."""
    raise_and_crash(tables, monkeypatch)
    return tables


def raise_and_crash(tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        time_for(patch, 0)
        events.update(tables, "e", {"capacity": 1 + WAITING})


def time_for(patch: pytest.MonkeyPatch, batches: int) -> None:
    """Give a promotion time for this number of batches."""
    left = iter([queue.BATCH_SECONDS] * batches)
    patch.setattr(queue, "time_left", lambda: next(left, 0.0))


def counts(tables: Tables) -> tuple[int, int]:
    event = events.get(tables, "e")
    return event.confirmed, event.waitlisted


def finish(tables: Tables) -> None:
    """Continue the promotion as its owner does, and assert that it leaves nothing wrong."""
    queue.resume(tables, "e")
    assert list(audit(tables)) == []


def test_an_update_promotes_what_it_has_time_for_and_shows_the_counts(
    tables: Tables, handed_over: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        time_for(patch, 2)
        event = events.update(tables, "e", {"capacity": 1 + WAITING})
    assert (event.capacity, event.confirmed, event.waitlisted) == (1 + WAITING, 1 + 2 * BATCH, WAITING - 2 * BATCH)
    assert handed_over == ["e"]
    finish(tables)
    assert counts(tables) == (1 + WAITING, 0)


def test_several_hundred_people_are_promoted_by_one_update_after_the_other(
    ministack_tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "BATCH", 49)
    crowd(ministack_tables, 400)
    seen = []
    for _request in range(4):
        with monkeypatch.context() as patch:
            time_for(patch, 3)
            seen.append(events.update(ministack_tables, "e", {"capacity": 401}).confirmed)
    assert seen == [148, 295, 401, 401]
    assert list(audit(ministack_tables)) == []


def test_a_promotion_that_ends_in_time_is_not_handed_over(tables: Tables, handed_over: list[str]) -> None:
    event = events.update(tables, "e", {"capacity": 1 + WAITING})
    assert (event.confirmed, event.waitlisted) == (1 + WAITING, 0)
    assert handed_over == []


def test_an_update_repeated_with_the_version_of_its_answer_continues_the_promotion(
    tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        time_for(patch, 1)
        first = events.update(tables, "e", {"capacity": 1 + WAITING})
    with monkeypatch.context() as patch:
        time_for(patch, 1)
        second = events.update(tables, "e", {"capacity": 1 + WAITING}, [first.version])
    assert (second.confirmed, second.version) == (1 + 2 * BATCH, first.version)
    third = events.update(tables, "e", {"capacity": 1 + WAITING}, [second.version])
    assert (third.confirmed, third.waitlisted, third.version) == (1 + WAITING, 0, first.version)


@pytest.mark.parametrize("lost", [DeadlineExceeded, StorageUnavailable])
def test_an_update_repeated_with_the_old_version_after_a_503_succeeds_and_continues_the_promotion(
    tables: Tables, handed_over: list[str], monkeypatch: pytest.MonkeyPatch, lost: type[Exception]
) -> None:
    old = events.get(tables, "e").version
    read_whole = event_items.current
    monkeypatch.setattr(event_items, "current", failing(lost))
    with pytest.raises(lost):
        events.update(tables, "e", {"capacity": 1 + WAITING}, [old])
    monkeypatch.setattr(event_items, "current", read_whole)
    assert handed_over == ["e"], "the promotion has an owner although nobody may repeat the request"
    event = events.update(tables, "e", {"capacity": 1 + WAITING}, [old])
    assert (event.confirmed, event.waitlisted) == (1 + WAITING, 0)
    with pytest.raises(VersionMismatch):
        events.update(tables, "e", {"capacity": 2 + WAITING}, [old])
    with pytest.raises(VersionMismatch):
        events.update(tables, "e", {}, [old])


def test_only_a_change_that_may_still_be_applied_is_handed_over_as_unknown(
    tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[bool] = []
    monkeypatch.setattr(tables, "hand_over", lambda _event_id, *, unknown=False: found.append(unknown))
    with monkeypatch.context() as patch:
        time_for(patch, 1)
        events.update(tables, "e", {"capacity": 1 + WAITING})
    assert found == [False]
    monkeypatch.setattr(tables, "transact", failing(StorageUnavailable))
    with pytest.raises(StorageUnavailable):
        events.update(tables, "e", {"capacity": 2 + WAITING})
    assert found == [False, True]


def failing(error: type[Exception]) -> Callable[..., Any]:
    def fail(*_arguments: Any) -> Any:
        raise error

    return fail


def calls_of(tables: Tables, act: Callable[[], object]) -> dict[str, int]:
    with metered(tables) as meter:
        act()
    return dict(meter.calls)


@pytest.mark.parametrize(
    ("leaver", "confirmed"), [("u0000", "u0001"), ("u0001", "u0000"), ("u0015", "u0000")], ids=["seat", "head", "queue"]
)
def test_a_person_leaves_in_one_transaction_and_assists_with_two_batches(
    unfinished: Tables, handed_over: list[str], monkeypatch: pytest.MonkeyPatch, leaver: str, confirmed: str
) -> None:
    """The first attempt finds out that a promotion is unfinished; the second one leaves."""
    with monkeypatch.context() as patch:
        patch.setattr(queue, "ASSISTED_BATCHES", 0)
        calls = calls_of(unfinished, lambda: registrations.unregister(unfinished, "e", leaver))
    assert calls == {"GetItem": 3, "Query": 2, "TransactWriteItems": 2}
    page = registration_lists.of_event(unfinished, "e", status="confirmed", limit=100)
    assert [entry.user_id for entry in page.entries] == [confirmed], "the seat that was left went to the head at once"
    assert counts(unfinished) == (1, WAITING - 1)
    assert handed_over == ["e"]
    calls = calls_of(unfinished, lambda: registrations.unregister(unfinished, "e", "u0020"))
    assert calls == {"GetItem": 3, "Query": 4, "TransactWriteItems": 4}
    assert counts(unfinished) == (1 + 2 * BATCH, WAITING - 2 - 2 * BATCH)
    finish(unfinished)
    assert counts(unfinished) == (WAITING - 1, 0)


@pytest.mark.parametrize(
    ("act", "confirmed", "waiting"),
    [
        (lambda tables: events.update(tables, "e", {"status": "cancelled"}), set(), 30),
        (lambda tables: registrations.unregister(tables, "e", "u0001"), {"u0002"}, 28),
        (lambda tables: queue.resume(tables, "e", 1), {"u0001", "u0002", "u0003", "u0004", "u0005"}, 25),
        (lambda tables: queue.resume(tables, "e"), {f"u{number:04d}" for number in range(1, 31)}, 0),
        (lambda tables: registrations.unregister(tables, "e", "u0000"), {"u0001"}, 29),
    ],
    ids=["the event closes", "the head leaves", "a batch is promoted", "everybody is promoted", "the same request"],
)
def test_what_happens_between_finding_and_leaving_an_unfinished_promotion_is_taken_into_account(
    unfinished: Tables,
    monkeypatch: pytest.MonkeyPatch,
    act: Callable[[Tables], object],
    confirmed: set[str],
    waiting: int,
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(queue, "ASSISTED_BATCHES", 0)
        leaving = rival(unfinished, in_turn(nothing, lambda: act(unfinished)), times=2)
        with leaving, suppress(RegistrationNotFound):
            registrations.unregister(unfinished, "e", "u0000")
    page = registration_lists.of_event(unfinished, "e", status="confirmed", limit=100)
    assert {entry.user_id for entry in page.entries} == confirmed
    assert counts(unfinished) == (len(confirmed), waiting)
    finish(unfinished)


def test_a_person_who_leaves_also_assists_a_newcomer_whose_process_died(
    moto_tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newcomer joined after the counters were seen: with the leaver's own step they showed an empty queue."""
    crowd(moto_tables, 1)
    users.create(moto_tables, "new", "N")
    with monkeypatch.context() as patch:
        time_for(patch, 0)
        events.update(moto_tables, "e", {"capacity": 5})

    def join() -> None:
        with monkeypatch.context() as patch:
            patch.setattr(queue, "assist", lambda *_arguments: None)
            registrations.register(moto_tables, "e", "new")

    with rival(moto_tables, in_turn(nothing, join), times=2):
        registrations.unregister(moto_tables, "e", "u0000")
    assert counts(moto_tables) == (2, 0)


def test_a_newcomer_waits_at_the_tail_and_assists_with_two_batches(unfinished: Tables, handed_over: list[str]) -> None:
    users.create(unfinished, "new", "N")
    mine = []
    calls = calls_of(unfinished, lambda: mine.append(registrations.register(unfinished, "e", "new")))
    assert [(entry.status, entry.position) for entry in mine] == [("waitlisted", WAITING + 1 - 2 * BATCH)]
    # It finds the seats, joins, and assists; then it reads its registration, the head, and who left in between.
    assert calls == {"TransactWriteItems": 4, "Query": 4, "GetItem": 1}
    assert handed_over == ["e"]
    finish(unfinished)
    assert counts(unfinished) == (1 + WAITING, 1)


def test_a_request_that_assists_ends_at_the_first_change_by_others(
    unfinished: Tables, handed_over: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The owner promotes a batch between each read and write of the request that assists: to compete costs time."""
    users.create(unfinished, "new", "N")

    def owner() -> None:
        queue.resume(Tables(unfinished.client), "e", 1)

    with monkeypatch.context() as patch:
        patch.setattr(queue, "ASSISTED_BATCHES", 10)
        # The first two transactions are the newcomer's own: a seat, which is refused, and a place in the queue.
        with rival(unfinished, in_turn(nothing, nothing, *[owner] * 8), times=10):
            mine = registrations.register(unfinished, "e", "new")
    assert mine.status == "waitlisted"
    assert counts(unfinished) == (1 + BATCH, WAITING + 1 - BATCH), "only the owner promoted, and once"
    assert handed_over == ["e"]
    finish(unfinished)


@pytest.mark.parametrize("error", [StorageUnavailable, DeadlineExceeded])
def test_a_failure_while_assisting_is_not_that_of_the_newcomer_or_the_leaver(
    unfinished: Tables, handed_over: list[str], monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    users.create(unfinished, "new", "N")
    with monkeypatch.context() as patch:
        patch.setattr(queue, "_promote", failing(error))
        mine = registrations.register(unfinished, "e", "new")
        registrations.unregister(unfinished, "e", "u0000")
    assert (mine.status, mine.position) == ("waitlisted", WAITING + 1)
    assert registrations.get(unfinished, "e", "u0001").status == "confirmed"
    with pytest.raises(RegistrationNotFound):
        registrations.get(unfinished, "e", "u0000")
    assert handed_over == ["e", "e"]
    finish(unfinished)


def test_with_the_waitlist_off_a_newcomer_is_asked_to_repeat_until_the_promotion_is_finished(
    tables: Tables, handed_over: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    users.create(tables, "new", "N")
    events.update(tables, "e", {"has_waitlist": False})
    raise_and_crash(tables, monkeypatch)
    handed_over.clear()
    for attempt in itertools.count(1):
        try:
            registrations.register(tables, "e", "new")
        except PromotionInProgress:
            assert counts(tables) == (1 + 2 * attempt * BATCH, WAITING - 2 * attempt * BATCH)
            assert handed_over == ["e"] * attempt
        except EventFull:
            break
    assert attempt == 1 + WAITING // (2 * BATCH)
    assert counts(tables) == (1 + WAITING, 0)


def test_contention_in_the_promotion_does_not_fail_the_update_that_caused_it(
    tables: Tables, handed_over: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    hasty = Tables(tables.client, retry_seconds=0.01)
    hasty.hand_over = lambda event_id, **_how: handed_over.append(event_id)
    with monkeypatch.context() as patch:
        patch.setattr(queue, "_promote", failing(Changed))
        event = events.update(hasty, "e", {"capacity": 1 + WAITING})
    assert (event.capacity, event.confirmed, event.waitlisted) == (1 + WAITING, 1, WAITING)
    assert handed_over == ["e"]
