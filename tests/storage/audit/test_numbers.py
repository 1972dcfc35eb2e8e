"""The numbers of a queue: a repair restores the next one, and records exactly the lost ones, block by block."""

from itertools import groupby

import pytest

from storage import queue, registrations, users
from storage.audit import audit, event, numbers
from storage.audit.findings import Kind
from storage.audit.repair import repair
from storage.dynamodb.tables import Tables
from storage.items import BLOCK, left_key, queue_key, registration_key, seats_key
from tests.apparatus.corruptions import MADE, alter, drop, fill, put


@pytest.fixture
def tables(ministack_tables: Tables, monkeypatch: pytest.MonkeyPatch) -> Tables:
    """Fill tables on ministack: moto reads at most 25 items in a transaction."""
    monkeypatch.setattr(event, "PATIENCE", 0)
    fill(ministack_tables)
    return ministack_tables


def next_seq(tables: Tables) -> int:
    return int((tables.get("Events", seats_key("e")) or {})["nextSeq"])


def let_wait(tables: Tables, head: int, tail: int) -> None:
    """Give the two people in the queue other numbers; those in between are lost."""
    for old in (0, 1):
        drop(tables, "Registrations", queue_key("e", old))
    for user_id, seq in (("c", head), ("d", tail)):
        alter(tables, "Registrations", registration_key("e", user_id), seq=seq)
        put(tables, "Registrations", {**queue_key("e", seq), "userId": user_id, "registeredAt": MADE})
    alter(tables, "Events", seats_key("e"), nextSeq=tail + 1)


def recorded(tables: Tables) -> set[int]:
    """Return the numbers of all LEFT items, each of which has only numbers of its own block."""
    found: set[int] = set()
    values = {"pk": left_key("e", 0)["pk"], "left": "LEFT#"}
    for item in tables.query("Registrations", "#pk = :pk AND begins_with(#sk, :left)", values):
        assert {left_key("e", seq)["sk"] for seq in item["numbers"]} == {item["sk"]}
        found |= item["numbers"]
    return found


@pytest.mark.parametrize(
    ("head", "tail"),
    [(0, 2), (0, 51), (0, 52), (48, 50), (997, 999), (998, 1000), (999, 1001), (960, 999), (949, 1051), (903, 1130)],
)
@pytest.mark.parametrize("known", [False, True], ids=["none is recorded", "one in three is recorded"])
def test_exactly_the_lost_numbers_are_recorded_whichever_blocks_they_are_in(
    tables: Tables, head: int, tail: int, *, known: bool
) -> None:
    let_wait(tables, head, tail)
    lost = set(range(head + 1, tail))
    before = {seq for seq in lost if known and seq % 3 == 0}
    for block, seqs in groupby(sorted(before), key=lambda seq: seq // BLOCK):
        put(tables, "Registrations", {**left_key("e", block * BLOCK), "numbers": frozenset(seqs)})

    found = list(audit(tables))
    assert {(violation.kind, violation.table) for violation in found} <= {(Kind.NUMBERS_LOST, "Registrations")}
    shown = [seq for violation in found for seq in (violation.seen["lost"] or {})["numbers"]]
    assert sorted(shown) == sorted(lost - before), "each lost number once"

    assert all(outcome.repaired for outcome in repair(tables))
    assert recorded(tables) == lost
    assert next_seq(tables) == tail + 1
    assert queue.positions(tables, "e", [head, tail]) == {head: 1, tail: 2}
    assert list(audit(tables)) == []


def test_a_gap_of_more_runs_than_one_audit_reports_is_repaired_in_several_rounds(
    tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(numbers, "_RUNS", 3)
    let_wait(tables, BLOCK - 180, BLOCK + 27)
    assert len(list(audit(tables))) == 3
    assert all(outcome.repaired for outcome in repair(tables))
    assert recorded(tables) == set(range(BLOCK - 179, BLOCK + 27))
    assert list(audit(tables)) == []


@pytest.mark.parametrize("wrong", [0, 1, 2, 4, 9])
@pytest.mark.parametrize("leaves", [False, True], ids=["the last number waits", "the last number left"])
def test_the_next_number_is_the_one_after_the_last_that_was_given(tables: Tables, wrong: int, *, leaves: bool) -> None:
    users.create(tables, "f", "F")
    registrations.register(tables, "e", "f")
    if leaves:
        registrations.unregister(tables, "e", "f")
    assert next_seq(tables) == 3

    alter(tables, "Events", seats_key("e"), nextSeq=wrong)
    kind = Kind.NEXT_SEQ_TAKEN if wrong < 3 else Kind.NEXT_SEQ_SKIPS
    assert [violation.kind for violation in audit(tables)] == [kind]
    assert [outcome.repaired for outcome in repair(tables)] == [True]
    assert next_seq(tables) == 3


def test_a_next_number_beyond_those_that_were_promoted_is_right(tables: Tables) -> None:
    for user_id in "ab":
        registrations.unregister(tables, "e", user_id)
    assert next_seq(tables) == 2
    assert list(audit(tables)) == []
