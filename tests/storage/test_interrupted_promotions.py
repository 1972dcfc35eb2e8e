"""An interrupted promotion is continued by the next write on the event, and nobody jumps the queue meanwhile."""

import pytest

from storage import events, queue, registrations
from storage.dynamodb.tables import Tables
from storage.errors import EventFull
from storage.rules import Seats
from tests.apparatus.meter import metered
from tests.apparatus.registered import make_event, register, state
from tests.apparatus.rival import in_turn, nothing, rival


def interrupted_raise(tables: Tables, capacity: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Raise the capacity, and crash before anybody is promoted."""
    with monkeypatch.context() as patch:
        patch.setattr(queue, "promote_waiting", lambda _tables, _event_id, seats, *_batches: seats)
        events.update(tables, "e", {"capacity": capacity})


def test_a_newcomer_continues_an_interrupted_promotion_and_queues_behind(
    moto_tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_event(moto_tables, capacity=1)
    register(moto_tables, "a", "b", "c", "d")
    interrupted_raise(moto_tables, 3, monkeypatch)
    (mine,) = register(moto_tables, "f")
    assert (mine.status, mine.position) == ("waitlisted", 2)
    assert state(moto_tables) == ("abc", "df")


def test_a_newcomer_gets_a_seat_that_is_free_after_an_interrupted_promotion(
    moto_tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_event(moto_tables, capacity=1)
    register(moto_tables, "a", "b")
    interrupted_raise(moto_tables, 4, monkeypatch)
    (mine,) = register(moto_tables, "f")
    assert (mine.status, mine.position) == ("confirmed", None)
    assert state(moto_tables) == ("abf", "")


def test_a_newcomer_who_is_unregistered_while_continuing_a_promotion_was_still_admitted(
    moto_tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_event(moto_tables, capacity=1)
    register(moto_tables, "a", "b")
    interrupted_raise(moto_tables, 2, monkeypatch)
    promote_waiting = queue.promote_waiting

    def promote_and_leave(moto_tables: Tables, event_id: str, seats: Seats, batches: int, **how: bool) -> Seats:
        monkeypatch.undo()
        after = promote_waiting(moto_tables, event_id, seats, batches, **how)
        registrations.unregister(moto_tables, event_id, "f")
        return after

    monkeypatch.setattr(queue, "promote_waiting", promote_and_leave)
    (mine,) = register(moto_tables, "f")
    assert (mine.status, mine.position) == ("waitlisted", 2)
    assert state(moto_tables) == ("ab", "")


def test_with_the_waitlist_off_a_newcomer_is_admitted_after_the_promotion(
    moto_tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_event(moto_tables, capacity=1)
    register(moto_tables, "a", "b")
    events.update(moto_tables, "e", {"has_waitlist": False})
    interrupted_raise(moto_tables, 3, monkeypatch)
    assert register(moto_tables, "f")[0].status == "confirmed"
    with pytest.raises(EventFull):
        register(moto_tables, "g")
    assert state(moto_tables) == ("abf", "")


@pytest.mark.parametrize(("leaver", "expected"), [("a", ("bcd", "f")), ("c", ("abd", "f")), ("f", ("abc", "d"))])
def test_a_person_who_leaves_continues_an_interrupted_promotion(
    moto_tables: Tables, monkeypatch: pytest.MonkeyPatch, leaver: str, expected: tuple[str, str]
) -> None:
    make_event(moto_tables, capacity=1)
    register(moto_tables, "a", "b", "c", "d", "f")
    interrupted_raise(moto_tables, 3, monkeypatch)
    registrations.unregister(moto_tables, "e", leaver)
    assert state(moto_tables) == expected


def test_a_person_who_leaves_continues_an_interrupted_promotion_of_one_person(
    moto_tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_event(moto_tables, capacity=1)
    register(moto_tables, "a", "b", "c", "d")
    interrupted_raise(moto_tables, 2, monkeypatch)
    registrations.unregister(moto_tables, "e", "d")
    assert state(moto_tables) == ("ab", "c")


def test_a_person_who_leaves_after_a_conflict_assists_nobody_if_no_promotion_is_unfinished(moto_tables: Tables) -> None:
    make_event(moto_tables, capacity=1)
    register(moto_tables, "a")
    with rival(moto_tables, lambda: register(moto_tables, "b")), metered(moto_tables) as meter:
        registrations.unregister(moto_tables, "e", "a")
    # Two attempts of two reads and a transaction; the rival finds the event full, and joins.
    assert meter.calls == {"GetItem": 2, "Query": 2, "TransactWriteItems": 2 + 2}
    assert state(moto_tables) == ("b", "")


def test_a_person_who_queues_continues_a_promotion_that_was_interrupted_meanwhile(
    moto_tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_event(moto_tables, capacity=1)
    register(moto_tables, "a", "b")
    with rival(moto_tables, in_turn(nothing, lambda: interrupted_raise(moto_tables, 2, monkeypatch)), times=2):
        (mine,) = register(moto_tables, "c")
    assert (mine.status, mine.position) == ("waitlisted", 1)
    assert state(moto_tables) == ("ab", "c")
