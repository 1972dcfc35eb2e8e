"""The audit beside others who write: what changes during a count is counted again, and never reported as wrong."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest

from storage import events, registrations, users
from storage.audit import audit, event, reads
from storage.audit.findings import Kind
from storage.audit.repair import repair
from storage.dynamodb.tables import Tables
from storage.items import left_key, registration_key, seats_key
from tests.apparatus.corruptions import CORRUPTIONS, alter, fill, put
from tests.apparatus.moto_store import fill_once
from tests.apparatus.rival import before_call


@pytest.fixture
def tables(moto_tables: Tables, monkeypatch: pytest.MonkeyPatch) -> Tables:
    monkeypatch.setattr(event, "PATIENCE", 0)
    fill_once(moto_tables, fill)
    return moto_tables


@contextmanager
def between_pages(tables: Tables, act: Callable[[], object], after: str = "") -> Iterator[None]:
    """Act each time before a walk reads its next page, or only the page behind the key `after`; a page is one item."""

    def meanwhile(params: dict[str, Any], **_context: Any) -> None:
        if b'"ExclusiveStartKey"' in params["body"] and after.encode() in params["body"] and not acting:
            acting.append(True)
            act()
            acting.clear()

    acting: list[bool] = []
    client_events = tables.client.meta.events
    client_events.register("before-call.dynamodb.Query", meanwhile)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(reads, "PAGE_ITEMS", 1)
            yield
    finally:
        client_events.unregister("before-call.dynamodb.Query", meanwhile)


def test_an_event_that_keeps_changing_is_not_judged_and_nothing_is_mended(tables: Tables) -> None:
    alter(tables, "Events", seats_key("e"), confirmed=7)

    def change() -> None:
        seats = tables.get("Events", seats_key("e")) or {}
        alter(tables, "Events", seats_key("e"), changes=seats["changes"] + 1)

    with between_pages(tables, change):
        (found,) = audit(tables)
        assert (found.kind, found.table, found.key) == (Kind.NOT_JUDGED, "Events", seats_key("e"))
        assert found.finding == "others wrote to this event during each of 10 counts"
        assert [(done.violation.kind, done.repaired) for done in repair(tables)] == [(Kind.NOT_JUDGED, False)]
    assert (tables.get("Events", seats_key("e")) or {})["confirmed"] == 7


def test_users_who_come_and_go_during_the_count_cause_no_violation(tables: Tables) -> None:
    """The counts are equal before and after, but the walk has missed a registration, or met two for one seat."""
    users.create(tables, "zoe", "Z")
    events.update(tables, "e", {"capacity": 9})
    changed = iter(range(4))

    def swap() -> None:
        if next(changed, None) is None:
            return
        here, there = ("a", "zoe") if tables.get("Registrations", registration_key("e", "a")) else ("zoe", "a")
        registrations.unregister(tables, "e", here)
        registrations.register(tables, "e", there)

    with between_pages(tables, swap, after="USER#b"):
        assert list(audit(tables)) == []
    assert next(changed, None) is None
    assert list(audit(tables)) == []


def record_2_and_3(tables: Tables) -> None:
    put(tables, "Registrations", {**left_key("e", 0), "numbers": frozenset({2, 3})})


def promote_0_and_1(tables: Tables) -> None:
    events.update(tables, "e", {"capacity": 4})


@pytest.mark.parametrize("act", [record_2_and_3, promote_0_and_1])
def test_numbers_that_are_recorded_or_passed_by_the_head_meanwhile_are_not_lost(
    tables: Tables, act: Callable[[Tables], None]
) -> None:
    CORRUPTIONS["numbers that were left are lost"].act(tables)
    with before_call(tables, "TransactGetItems", 1, partial(act, tables)):
        assert list(audit(tables)) == []


def test_the_number_of_a_person_who_leaves_meanwhile_is_not_there_twice(tables: Tables) -> None:
    put(tables, "Registrations", {**left_key("e", 0), "numbers": frozenset({1})})
    with before_call(tables, "TransactGetItems", 1, lambda: registrations.unregister(tables, "e", "d")):
        assert list(audit(tables)) == []
