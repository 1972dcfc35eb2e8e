"""A queue whose head can't be promoted is damaged, or is changing: only one moment can tell."""

import logging
from collections.abc import Callable
from functools import partial

import pytest

from storage import events, queue, registrations
from storage.audit.findings import Kind
from storage.audit.repair import repair
from storage.departures import unregister_all
from storage.dynamodb.attributes import Key, marshal
from storage.dynamodb.tables import Tables
from storage.errors import Damaged
from storage.items import queue_item, queue_key, registration_key, seats_key, to_seats
from storage.model import Registration
from storage.queue_check import SAME_HEAD
from tests.apparatus.meter import metered
from tests.apparatus.registered import crowd, make_event, raise_and_crash, register, state
from tests.apparatus.rival import before_call, rival


def lose(tables: Tables, key: Key) -> None:
    tables.client.delete_item(TableName=tables.names["Registrations"], Key=marshal(key))


def test_a_seat_that_can_not_be_passed_on_is_damage_after_a_few_attempts(moto_tables: Tables) -> None:
    make_event(moto_tables, capacity=1)
    register(moto_tables, "a", "b", "c")
    lose(moto_tables, registration_key("e", "b"))
    with pytest.raises(Damaged, match="EVENT#e WAIT#000000000000 has no registration"), metered(moto_tables) as meter:
        registrations.unregister(moto_tables, "e", "a")
    assert meter.calls["TransactWriteItems"] == SAME_HEAD
    assert meter.calls["TransactGetItems"] == 1
    assert registrations.get(moto_tables, "e", "a").status == "confirmed"


def test_a_promotion_from_a_damaged_queue_is_damage_and_those_ahead_stay_confirmed(moto_tables: Tables) -> None:
    crowd(moto_tables, 60)
    lose(moto_tables, registration_key("e", "u0055"))
    with pytest.MonkeyPatch.context() as patch:
        raise_and_crash(moto_tables, patch, 61)
    handed_over: list[str] = []
    moto_tables.hand_over = lambda event_id, /, *, unknown=False: handed_over.append(event_id)  # noqa: ARG005 - its type
    with pytest.raises(Damaged, match="EVENT#e WAIT#000000000054 has no registration"):
        queue.resume(moto_tables, "e")
    assert events.get(moto_tables, "e").confirmed == 1 + 49
    assert handed_over == [], "nobody can continue it until it is repaired"


def test_a_promotion_that_only_assists_ends_at_damage_without_a_failure(
    moto_tables: Tables, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    make_event(moto_tables, capacity=1)
    register(moto_tables, "a", "b")
    raise_and_crash(moto_tables, monkeypatch, 2)
    moto_tables.client.put_item(TableName="Registrations", Item=marshal(queue_key("e", 0)))
    monkeypatch.setattr(logging.getLogger("storage"), "propagate", True)
    (mine,) = register(moto_tables, "c")
    assert (mine.status, mine.position) == ("waitlisted", 2)
    assert "a promotion is left unfinished: Registrations EVENT#e WAIT#… lacks 'userId'" in caplog.text


def test_a_group_leaves_the_seats_of_a_damaged_queue_to_the_path_of_one(moto_tables: Tables) -> None:
    """So only those who leave a seat meet the damage, and not those who leave the queue."""
    make_event(moto_tables, capacity=2)
    register(moto_tables, *"abcd")
    lose(moto_tables, registration_key("e", "c"))
    answers = unregister_all(moto_tables, "e", "adx")
    assert list(answers) == ["x"]
    assert unregister_all(moto_tables, "e", "dx")["d"] is None


def test_a_person_with_two_places_is_damage(moto_tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    make_event(moto_tables, capacity=1)
    register(moto_tables, "a", "b", "c")
    raise_and_crash(moto_tables, monkeypatch, 3)
    b = Registration(event_id="e", user_id="b", status="waitlisted", registered_at="2030-01-01T00:00:00Z")
    moto_tables.client.put_item(TableName="Registrations", Item=marshal(queue_item(b, 1)))
    with pytest.raises(Damaged, match="EVENT#e WAIT#000000000001 has a registration with another number"):
        queue.resume(moto_tables, "e")


def test_a_person_with_a_seat_and_a_place_is_damage(moto_tables: Tables) -> None:
    make_event(moto_tables, capacity=2)
    register(moto_tables, "a", "b", "c")
    a = Registration(event_id="e", user_id="a", status="waitlisted", registered_at="2030-01-01T00:00:00Z")
    moto_tables.client.put_item(TableName="Registrations", Item=marshal(queue_item(a, 0)))
    with pytest.raises(Damaged, match="EVENT#e WAIT#000000000000 has a registration with another number"):
        registrations.unregister(moto_tables, "e", "a")


def other_writes(tables: Tables) -> Callable[[], object]:
    """Return an act that changes SEATS but not the queue."""
    titles = (f"T{number}" for number in range(100))
    return lambda: events.update(tables, "e", {"title": next(titles)})


def test_a_race_that_lasts_for_many_attempts_is_no_damage(moto_tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody joins before each attempt of a promotion: its head stays the same, and is intact."""
    make_event(moto_tables, capacity=1)
    register(moto_tables, "a", "b", "c")
    raise_and_crash(moto_tables, monkeypatch, 2)
    moto_tables.hand_over = lambda _event_id, /, *, unknown=False: None  # noqa: ARG005 - its type
    newcomers = iter("defgh")

    def join() -> None:
        with monkeypatch.context() as patch:
            patch.setattr(queue, "assist", lambda *_arguments: None)
            register(moto_tables, next(newcomers))

    with rival(moto_tables, join, times=5) as other, metered(moto_tables) as meter:
        assert queue.resume(moto_tables, "e") is False
    assert other.acted == 5
    assert meter.calls["TransactGetItems"] == 1, "one look for every three failures"
    assert state(moto_tables) == ("ab", "cdefgh")


def test_a_queue_that_is_repaired_at_the_last_look_is_no_damage(moto_tables: Tables) -> None:
    make_event(moto_tables, capacity=1)
    register(moto_tables, "a", "b")
    key = registration_key("e", "b")
    item = moto_tables.get("Registrations", key) or {}
    lose(moto_tables, key)
    put = partial(moto_tables.client.put_item, TableName="Registrations", Item=marshal(item))
    with before_call(moto_tables, "TransactGetItems", 1, put):
        registrations.unregister(moto_tables, "e", "a")
    assert state(moto_tables) == ("b", "")


def test_a_person_who_joins_at_the_last_look_gets_the_seat(moto_tables: Tables) -> None:
    """People were counted who had no place. Then SEATS has changed, and it takes another look."""
    make_event(moto_tables, capacity=1)
    register(moto_tables, "a", "b")
    lose(moto_tables, queue_key("e", 0))
    with before_call(moto_tables, "TransactGetItems", 1, lambda: register(moto_tables, "c")):
        registrations.unregister(moto_tables, "e", "a")
    assert registrations.get(moto_tables, "e", "c").status == "confirmed"


def test_a_seat_is_not_passed_on_to_people_who_are_counted_but_have_no_place(moto_tables: Tables) -> None:
    make_event(moto_tables, capacity=1)
    register(moto_tables, "a", "b")
    lose(moto_tables, queue_key("e", 0))
    with pytest.raises(Damaged, match="Events e SEATS counts people who have no place in the queue"):
        registrations.unregister(moto_tables, "e", "a")
    assert to_seats(moto_tables.get("Events", seats_key("e")) or {}).confirmed == 1


def test_a_person_who_leaves_the_queue_or_a_closed_event_does_not_meet_its_damage(moto_tables: Tables) -> None:
    make_event(moto_tables, capacity=1)
    register(moto_tables, "a", "b", "c", "d")
    lose(moto_tables, registration_key("e", "b"))
    with rival(moto_tables, other_writes(moto_tables), times=6):
        registrations.unregister(moto_tables, "e", "c")
    events.update(moto_tables, "e", {"status": "cancelled"})
    registrations.unregister(moto_tables, "e", "a")
    assert to_seats(moto_tables.get("Events", seats_key("e")) or {}).confirmed == 0


def test_a_queue_that_is_damaged_before_its_repair_promotes_is_audited_again(
    moto_tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_event(moto_tables, capacity=1)
    register(moto_tables, "a", "b", "c")
    raise_and_crash(moto_tables, monkeypatch, 2)
    with rival(moto_tables, lambda: lose(moto_tables, registration_key("e", "b"))):
        kinds = [outcome.violation.kind for outcome in repair(moto_tables) if outcome.repaired]
    assert Kind.PLACE_WITHOUT_WAITING in kinds
    assert registrations.get(moto_tables, "e", "c").status == "confirmed"
