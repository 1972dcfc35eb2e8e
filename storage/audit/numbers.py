"""Audits the numbers of a queue: each number from the head's on must have a place or be recorded in a LEFT item."""

import heapq
from collections.abc import Iterator
from itertools import islice
from typing import Final

from storage.audit.findings import Kind, Violation
from storage.audit.item_types import is_place, numbers_of
from storage.audit.reads import snapshot, walk
from storage.dynamodb.attributes import Item
from storage.dynamodb.tables import Tables
from storage.items import BLOCK, LEFT_PREFIX, QUEUE_PREFIX, left_key, queue_key, queue_number

#: Number of numbers in a run, which one snapshot of up to 100 items covers; a block is a whole number of runs.
_RUN: Final = 50

#: Maximum number of runs that one audit reports for a gap; after a repair of those the next look finds the others.
_RUNS: Final = 100


def audit_numbers(tables: Tables, event_id: str) -> Iterator[Violation]:
    """Yield the numbers behind the head of a queue that have no place and were not left, and those with both."""
    head: int | None = None
    before = place = -1
    for seq, waits in heapq.merge(_waiting(tables, event_id), _left(tables, event_id)):
        if seq == before:
            yield from _judge_number(tables, event_id, seq)
        if head is not None and seq > before + 1:
            for first in islice(_runs(before + 1, seq), _RUNS):
                yield from _judge_run(tables, event_id, place, first, min(seq, first - first % _RUN + _RUN))
        # Numbers below the head's do not matter for positions.
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
    """Yield the first number of each run of a gap; no run extends beyond its block."""
    yield first
    yield from range(first - first % _RUN + _RUN, end, _RUN)


def _judge_number(tables: Tables, event_id: str, seq: int) -> Iterator[Violation]:
    """Judge a number that seems to have a place and to be left, on a snapshot of both items."""
    block_key = left_key(event_id, seq)
    block, place = snapshot(tables, [("Registrations", block_key), ("Registrations", queue_key(event_id, seq))])
    if place is not None and seq in numbers_of(block):
        finding = f"number {seq} is recorded as left, but has a place in the queue"
        yield Violation("Registrations", block_key, Kind.NUMBER_TWICE, finding)


def _judge_run(tables: Tables, event_id: str, ahead: int, first: int, end: int) -> Iterator[Violation]:
    """Judge a run of a gap on a snapshot that includes the place ahead of the gap.

    If that place is gone, the head may have moved past the gap, and numbers before the head do not matter.
    """
    assert first // BLOCK == (end - 1) // BLOCK
    keys = [queue_key(event_id, ahead), left_key(event_id, first), *(queue_key(event_id, n) for n in range(first, end))]
    place_ahead, block, *places = snapshot(tables, [("Registrations", key) for key in keys])
    lost = {seq for seq, place in enumerate(places, start=first) if place is None} - numbers_of(block)
    if place_ahead is not None and lost:
        finding = f"numbers without a place that are not recorded as left: {', '.join(map(str, sorted(lost)))}"
        seen = {"lost": {"eventId": event_id, "numbers": frozenset(lost)}}
        yield Violation("Registrations", keys[1], Kind.NUMBERS_LOST, finding, seen)
