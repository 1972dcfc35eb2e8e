"""A promotion that was interrupted is gone on with by the next write on the event, and nobody overtakes meanwhile."""

import pytest

from storage import events, queue, registrations
from storage.errors import (
    EventFull,
)
from storage.rules import Seats
from storage.tables import Tables
from tests.registered import make_event, register, state
from tests.rival import in_turn, nothing, rival


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
