"""Audits the numbers of a queue: from the head's on, each either waits or was left, as places are counted by them."""

import heapq
from collections.abc import Iterator
from itertools import islice
from typing import Final

from storage.audit.findings import Kind, Violation
from storage.audit.item import is_place
from storage.audit.reads import snapshot, walk
from storage.dynamodb.attributes import Item
from storage.dynamodb.tables import Tables
from storage.items import BLOCK, LEFT_PREFIX, QUEUE_PREFIX, left_key, queue_key, queue_number

#: So many numbers are looked at in one snapshot, which takes 100 items; a block has a whole number of such runs.
_RUN: Final = 50

#: Of a longer gap only so many runs are looked at: whoever mends them will look again.
_RUNS: Final = 100


def audit_numbers(tables: Tables, event_id: str) -> Iterator[Violation]:
    """Yield the numbers behind the head of a queue that are neither a place nor left, and those that are both."""
    head: int | None = None
    before = place = -1
    for seq, waits in heapq.merge(_waiting(tables, event_id), _left(tables, event_id)):
        if seq == before:
            yield from _look_at_both(tables, event_id, seq)
        if head is not None and seq > before + 1:
            for first in islice(_runs(before + 1, seq), _RUNS):
                yield from _look_at_run(tables, event_id, place, first, min(seq, first - first % _RUN + _RUN))
        # Below the head it does not matter who was promoted and who left.
        head = seq if head is None and waits else head
        before, place = seq, seq if waits else place


def _waiting(tables: Tables, event_id: str) -> Iterator[tuple[int, bool]]:
    return ((queue_number(item), True) for item in _walk(tables, event_id, QUEUE_PREFIX) if is_place(item))


def _left(tables: Tables, event_id: str) -> Iterator[tuple[int, bool]]:
    blocks = _walk(tables, event_id, LEFT_PREFIX)
    return ((seq, False) for block in blocks for seq in sorted(numbers_of(block)))


def _walk(tables: Tables, event_id: str, prefix: str) -> Iterator[Item]:
    values = {"pk": queue_key(event_id, 0)["pk"], "prefix": prefix}
    return walk(tables, "#pk = :pk AND begins_with(#sk, :prefix)", values)


def _runs(first: int, end: int) -> Iterator[int]:
    """Yield where each run of a gap begins; no run goes beyond its block."""
    yield first
    yield from range(first - first % _RUN + _RUN, end, _RUN)


def numbers_of(block: Item | None) -> frozenset[int]:
    """Return the numbers that a block says were left; none if there is no block."""
    numbers = (block or {}).get("numbers")
    return numbers if isinstance(numbers, frozenset) else frozenset()


def _look_at_both(tables: Tables, event_id: str, seq: int) -> Iterator[Violation]:
    block_key, place_key = left_key(event_id, seq), queue_key(event_id, seq)
    block, place = snapshot(tables, [("Registrations", block_key), ("Registrations", place_key)])
    if place is not None and seq in numbers_of(block):
        seen = {"block": block, "place": place}
        yield Violation("Registrations", block_key, Kind.NUMBER_TWICE, f"number {seq} was left, but waits", seen)


def _look_at_run(tables: Tables, event_id: str, ahead: int, first: int, end: int) -> Iterator[Violation]:
    """Look at numbers of a gap again, with the place ahead of them: without it, the head may be behind them now."""
    assert first // BLOCK == (end - 1) // BLOCK
    keys = [queue_key(event_id, ahead), left_key(event_id, first), *(queue_key(event_id, n) for n in range(first, end))]
    witness, block, *places = snapshot(tables, [("Registrations", key) for key in keys])
    lost = {seq for seq, place in enumerate(places, start=first) if place is None} - numbers_of(block)
    if witness is not None and lost:
        finding = f"the numbers {', '.join(map(str, sorted(lost)))} neither wait nor were left"
        seen = {"lost": {"eventId": event_id, "numbers": frozenset(lost)}}
        yield Violation("Registrations", keys[1], Kind.NUMBERS_LOST, finding, seen)
