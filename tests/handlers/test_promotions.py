"""Unfinished promotions are continued by a thread of the process, and by the next process if that one dies."""

import itertools
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from handlers.continuation import others_promote
from handlers.promotions import MAX_STUCK, Promotions
from storage import events, queue, rules
from storage.audit import audit, unfinished_promotions
from storage.dynamodb.attributes import marshal
from storage.dynamodb.tables import Tables
from storage.errors import StorageUnavailable
from storage.items import registration_key
from storage.schema import TABLE_VARIABLES
from tests.apparatus.patience import until
from tests.apparatus.registered import crowd, raise_and_crash
from tests.apparatus.server import running


@pytest.fixture(autouse=True)
def looks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let the owner see nobody else promote, at once; return the events that it looked at."""
    seen: list[str] = []

    def nobody(_tables: Tables, event_id: str, _pause: object) -> bool:
        seen.append(event_id)
        return False

    monkeypatch.setattr("handlers.promotions.others_promote", nobody)
    return seen


def test_a_promotion_that_is_handed_over_is_finished_although_the_store_fails_on_the_way(
    ministack_tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handlers.promotions.PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(rules, "BATCH", 4)
    crowd(ministack_tables, 20)
    raise_and_crash(ministack_tables, monkeypatch, 19)
    promotions, attempts, resume = Promotions(ministack_tables), itertools.count(), queue.resume

    def failing(tables: Tables, event_id: str, batches: int) -> None:
        if next(attempts) in {0, 2}:
            raise StorageUnavailable("for a moment")
        resume(tables, event_id, batches)

    monkeypatch.setattr(queue, "resume", failing)
    ministack_tables.hand_over("e")
    until(lambda: list(unfinished_promotions(ministack_tables)) == [])
    promotions.end()
    assert events.get(ministack_tables, "e").confirmed == 19
    assert next(attempts) == 2 + 5, "two failures, and 18 people in batches of four"


def test_a_promotion_from_a_damaged_queue_is_dropped_after_a_while_and_logged(
    ministack_tables: Tables, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A person is counted who has no place: no batch can promote anybody, and only a repair can help."""
    crowd(ministack_tables, 1)
    raise_and_crash(ministack_tables, monkeypatch, 2)
    place = {"pk": {"S": "EVENT#e"}, "sk": {"S": "WAIT#000000000000"}}
    ministack_tables.client.delete_item(TableName=ministack_tables.names["Registrations"], Key=place)
    monkeypatch.setattr("handlers.promotions.PAUSE_SECONDS", 0)
    monkeypatch.setattr(logging.getLogger("handlers"), "propagate", True)
    batches: list[bool] = []
    resume = queue.resume

    def counted(*arguments: Any, **options: Any) -> bool:
        batches.append(resume(*arguments, **options))
        return batches[-1]

    monkeypatch.setattr(queue, "resume", counted)
    Promotions(ministack_tables).hand_over("e")
    until(lambda: "makes no progress" in caplog.text)
    assert batches == [True] * MAX_STUCK


def test_a_promotion_whose_head_lost_its_registration_is_dropped_at_once_and_named_in_the_log(
    ministack_tables: Tables, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    crowd(ministack_tables, 1)
    raise_and_crash(ministack_tables, monkeypatch, 2)
    key = marshal(registration_key("e", "u0001"))
    ministack_tables.client.delete_item(TableName=ministack_tables.names["Registrations"], Key=key)
    monkeypatch.setattr(logging.getLogger("handlers"), "propagate", True)
    Promotions(ministack_tables).hand_over("e")
    until(lambda: any(record.levelname == "ERROR" for record in caplog.records))
    # It may be handed over again, and is named again then.
    lines = [record for record in caplog.records if record.levelname == "ERROR"]
    expected = "a promotion is left unfinished: Registrations EVENT#e WAIT#000000000000 has no registration"
    assert all(line.getMessage().startswith(expected) and line.exc_info is None for line in lines)


def test_the_events_take_turns(ministack_tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    turns: list[str] = []
    promotions = Promotions(ministack_tables)

    def one_batch(_tables: Tables, event_id: str, batches: int) -> None:
        turns.append(event_id)
        if turns == ["long"]:
            promotions.hand_over("short")
        if turns.count("long") < 3:
            promotions.hand_over("long")
        assert batches == 1

    monkeypatch.setattr(queue, "resume", one_batch)
    promotions.hand_over("long")
    until(lambda: turns.count("long") == 3)
    assert turns == ["long", "short", "long", "long"]


def test_a_change_that_is_applied_after_the_first_look_is_found_by_a_later_one(
    ministack_tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its request was answered 503; the store applies it when the owner has looked already."""
    monkeypatch.setattr(queue, "UNKNOWN_SECONDS", 0.05)
    crowd(ministack_tables, 3)
    resume = queue.resume
    looks: list[tuple[int, int]] = []

    def look(tables: Tables, event_id: str, batches: int) -> bool:
        stuck = resume(tables, event_id, batches)
        event = events.get(tables, event_id)
        looks.append((event.confirmed, event.waitlisted))
        if len(looks) == 1:
            raise_and_crash(tables, monkeypatch, 4)
        return stuck

    monkeypatch.setattr(queue, "resume", look)
    Promotions(ministack_tables).hand_over("e", unknown=True)
    until(lambda: len(looks) == 2)
    assert looks == [(1, 3), (4, 0)]


def test_a_promotion_is_begun_when_nobody_else_promotes_and_then_goes_on_without_a_look(
    ministack_tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The request that raised the capacity is still promoting when a bystander hands its promotion over."""
    monkeypatch.setattr(rules, "BATCH", 4)
    monkeypatch.setattr("handlers.continuation.LOOK_SECONDS", 0.01)
    crowd(ministack_tables, 20)
    raise_and_crash(ministack_tables, monkeypatch, 21)
    seen: list[int] = []

    def look(tables: Tables, event_id: str, pause: Callable[[float], object]) -> bool:
        if len(seen) < 2:
            request = Tables(tables.client, tables.names)
            found = others_promote(tables, event_id, lambda _seconds: queue.resume(request, event_id, 1))
        else:
            found = others_promote(tables, event_id, pause)
        seen.append(events.get(tables, event_id).confirmed)
        return found

    monkeypatch.setattr("handlers.promotions.others_promote", look)
    Promotions(ministack_tables).hand_over("e")
    until(lambda: events.get(ministack_tables, "e").confirmed == 21)
    assert seen == [5, 9, 9], "the owner held back twice, and made three batches after one look"


def test_an_event_that_can_not_be_promoted_does_not_keep_others_waiting(
    ministack_tables: Tables, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(logging.getLogger("handlers"), "propagate", True)
    done: list[str] = []

    def resume(_tables: Tables, event_id: str, batches: int) -> bool:
        assert batches == 1
        if event_id == "damaged":
            raise KeyError("userId")
        done.append(event_id)
        return False

    monkeypatch.setattr(queue, "resume", resume)
    promotions = Promotions(ministack_tables)
    for event_id in ("damaged", "sound"):
        promotions.hand_over(event_id)
    until(lambda: done == ["sound"])
    assert "a promotion failed; run `python -m storage audit`" in caplog.text


def test_after_the_end_no_batch_is_started(ministack_tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    turns: list[str] = []
    monkeypatch.setattr(queue, "resume", lambda _tables, event_id, **_batches: turns.append(event_id))
    promotions = Promotions(ministack_tables)
    promotions.end()
    promotions.hand_over("e")
    promotions.end()
    assert turns == []


def test_events_api_finishes_the_promotions_of_a_process_that_died_and_those_that_its_requests_leave(
    ministack_tables: Tables, store_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    crowd(ministack_tables, 400)
    raise_and_crash(ministack_tables, monkeypatch, 200)
    names = {TABLE_VARIABLES[table]: name for table, name in ministack_tables.names.items()}

    def counts(url: str) -> tuple[int, int]:
        event = httpx.get(f"{url}/events/e").json()
        return event["confirmedCount"], event["waitlistCount"]

    with running(folder=tmp_path, AWS_ENDPOINT_URL_DYNAMODB=store_url, **names) as server:
        until(lambda: counts(server.url) == (200, 201))
        raise_and_crash(ministack_tables, monkeypatch, 401)
        assert httpx.delete(f"{server.url}/events/e/registrations/u0300").status_code == 204
        until(lambda: counts(server.url) == (400, 0))
        assert server.stop() == 0
    assert list(audit(ministack_tables)) == []
