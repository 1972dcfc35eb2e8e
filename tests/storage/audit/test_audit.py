"""The audit finds every way in which rule 10 can be broken, and nothing that is only being written."""

import pytest

from storage import registrations
from storage.audit import Violation, audit, event
from storage.audit.findings import ADVICE, Kind
from storage.audit.repair import MENDS
from storage.dynamodb.attributes import Key
from storage.dynamodb.tables import Tables
from storage.items import left_key
from tests.apparatus.corruptions import CORRUPTIONS, Corruption, drop, fill, put


@pytest.fixture
def ledger(moto_tables: Tables, monkeypatch: pytest.MonkeyPatch) -> Tables:
    monkeypatch.setattr(event, "PATIENCE", 0)
    fill(moto_tables)
    assert list(audit(moto_tables)) == []
    return moto_tables


def short(violations: list[Violation]) -> list[tuple[Kind, Key]]:
    return sorted(((found.kind, found.key) for found in violations), key=str)


@pytest.mark.parametrize("corruption", CORRUPTIONS.values(), ids=CORRUPTIONS.keys())
def test_a_corruption_is_found_with_its_key_and_nothing_else(ledger: Tables, corruption: Corruption) -> None:
    corruption.act(ledger)
    assert short(list(audit(ledger))) == sorted(corruption.found, key=str)


def test_every_kind_of_finding_has_a_corruption_that_shows_it() -> None:
    """A new kind needs a corruption; NOT_JUDGED is no corruption, and has a test of its own."""
    shown = {kind for corruption in CORRUPTIONS.values() for kind, _key in corruption.found}
    assert shown == set(Kind) - {Kind.NOT_JUDGED}


def test_every_kind_of_finding_is_mended_or_comes_with_what_to_do() -> None:
    assert MENDS.keys() | ADVICE.keys() == set(Kind)
    assert not MENDS.keys() & ADVICE.keys()


def test_numbers_below_the_head_need_not_be_known(ledger: Tables) -> None:
    """Whether the owner of a number below the head was promoted or left makes no difference to a place."""
    registrations.unregister(ledger, "e", "a")
    drop(ledger, "Registrations", left_key("e", 0))
    assert list(audit(ledger)) == []
    put(ledger, "Registrations", {**left_key("e", 0), "numbers": frozenset({0})})
    assert list(audit(ledger)) == []
