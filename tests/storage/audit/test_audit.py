"""The audit finds each kind of violation of the invariant, and reports nothing else."""

import pytest

from storage import events, registrations
from storage.audit import audit, event, unfinished_promotions
from storage.audit.findings import ADVICE, Kind, Violation
from storage.audit.repair import REPAIRS
from storage.dynamodb.attributes import Key
from storage.dynamodb.tables import Tables
from storage.items import left_key, queue_key, registration_key, seats_key
from storage.model import EventFields
from tests.apparatus.corruptions import CORRUPTIONS, MADE, Corruption, alter, drop, fill, put
from tests.apparatus.hooks import requests_of
from tests.apparatus.moto_store import fill_once


@pytest.fixture
def tables(moto_tables: Tables, monkeypatch: pytest.MonkeyPatch) -> Tables:
    monkeypatch.setattr(event, "PATIENCE", 0)
    fill_once(moto_tables, fill)
    assert list(audit(moto_tables)) == []
    return moto_tables


def short(violations: list[Violation]) -> list[tuple[Kind, Key]]:
    return sorted(((found.kind, found.key) for found in violations), key=str)


@pytest.mark.parametrize("corruption", CORRUPTIONS.values(), ids=CORRUPTIONS.keys())
def test_a_corruption_is_found_with_its_key_and_nothing_else(tables: Tables, corruption: Corruption) -> None:
    corruption.act(tables)
    found = list(audit(tables))
    assert short(found) == sorted(corruption.found, key=str)
    for violation in found:
        assert violation.table == ("Events" if "eventId" in violation.key else "Registrations")


def test_every_kind_of_finding_has_a_corruption_that_shows_it() -> None:
    """A new kind needs a corruption. NOT_JUDGED comes from writes during the audit, and has a test of its own."""
    shown = {kind for corruption in CORRUPTIONS.values() for kind, _key in corruption.found}
    assert shown == set(Kind) - {Kind.NOT_JUDGED}


def test_every_kind_of_finding_has_either_a_mend_or_advice() -> None:
    assert REPAIRS.keys() | ADVICE.keys() == set(Kind)
    assert not REPAIRS.keys() & ADVICE.keys()


def test_numbers_below_the_head_may_be_missing_or_left(tables: Tables) -> None:
    """Positions do not depend on whether the owner of a number below the head's was promoted or left."""
    registrations.unregister(tables, "e", "a")
    drop(tables, "Registrations", left_key("e", 0))
    assert list(audit(tables)) == []
    put(tables, "Registrations", {**left_key("e", 0), "numbers": frozenset({0})})
    assert list(audit(tables)) == []


@pytest.mark.parametrize("damage", ["SEATS has lost a counter", "SEATS counts a fraction"])
def test_damaged_counters_of_one_event_hide_no_unfinished_promotion_of_another(tables: Tables, damage: str) -> None:
    CORRUPTIONS[damage].act(tables)
    alter(tables, "Events", seats_key("other"), capacity=3)
    assert list(unfinished_promotions(tables)) == ["other"]


def test_an_intact_event_is_audited_without_a_snapshot(tables: Tables) -> None:
    """Numbers below the head's, here 1, may be missing or left: only what looks wrong is read a second time."""
    registrations.unregister(tables, "e", "a")
    drop(tables, "Registrations", queue_key("e", 1))
    alter(tables, "Registrations", registration_key("e", "d"), seq=5)
    put(tables, "Registrations", {**queue_key("e", 5), "userId": "d", "registeredAt": MADE})
    put(tables, "Registrations", {**left_key("e", 0), "numbers": frozenset({1, 6})})
    alter(tables, "Events", seats_key("e"), nextSeq=7)
    with requests_of(tables, "TransactGetItems") as snapshots:
        assert list(audit(tables)) == []
    assert snapshots == []


@pytest.mark.parametrize(("size", "expected"), [(2, [[0, 1], [2, 3], [4]]), (5, [[0, 1, 2, 3, 4]])])
def test_items_are_audited_in_chunks_of_a_size(size: int, expected: list[list[int]]) -> None:
    assert list(event.chunks(range(5), size)) == expected


def test_an_event_for_which_nobody_waited_has_given_no_number(tables: Tables) -> None:
    fields = EventFields(
        title="T", description="D", date="2030-05-01", location="L", capacity=2, organizer="O", has_waitlist=True
    )
    events.create(tables, "calm", fields)
    registrations.register(tables, "calm", "a")
    assert list(audit(tables)) == []
    put(tables, "Registrations", left_key("calm", 0))
    assert short(list(audit(tables))) == [(Kind.MALFORMED, left_key("calm", 0))]


@pytest.mark.parametrize(("pk", "sk"), [("USER#a", "SEAT#1"), ("SEAT#1", "EVENT#e"), ("EVENT#e", "WAIT#1")])
def test_an_item_with_half_a_key_of_a_known_type_is_unknown(tables: Tables, pk: str, sk: str) -> None:
    put(tables, "Registrations", {"pk": pk, "sk": sk})
    assert short(list(audit(tables))) == [(Kind.UNKNOWN_ITEM, {"pk": pk, "sk": sk})]
