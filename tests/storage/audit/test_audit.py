"""The audit finds each kind of violation of the invariant, and reports nothing else."""

import pytest

from storage import registrations
from storage.audit import audit, event, unfinished_promotions
from storage.audit.findings import ADVICE, Kind, Violation
from storage.audit.repair import REPAIRS
from storage.dynamodb.attributes import Key
from storage.dynamodb.tables import Tables
from storage.items import left_key, seats_key
from tests.apparatus.corruptions import CORRUPTIONS, Corruption, alter, drop, fill, put


@pytest.fixture
def tables(moto_tables: Tables, monkeypatch: pytest.MonkeyPatch) -> Tables:
    monkeypatch.setattr(event, "PATIENCE", 0)
    fill(moto_tables)
    assert list(audit(moto_tables)) == []
    return moto_tables


def short(violations: list[Violation]) -> list[tuple[Kind, Key]]:
    return sorted(((found.kind, found.key) for found in violations), key=str)


@pytest.mark.parametrize("corruption", CORRUPTIONS.values(), ids=CORRUPTIONS.keys())
def test_a_corruption_is_found_with_its_key_and_nothing_else(tables: Tables, corruption: Corruption) -> None:
    corruption.act(tables)
    assert short(list(audit(tables))) == sorted(corruption.found, key=str)


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
