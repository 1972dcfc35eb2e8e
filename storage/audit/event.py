"""Audits one event: its DETAILS and SEATS, its registrations and its queue, a page of items at a time."""

import time
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, TypeVar

from storage.audit.counts import Counted, Observation, judge
from storage.audit.findings import Kind, Violation
from storage.audit.item import (
    check,
    companions_of_place,
    companions_of_registration,
    judge_block,
    judge_place,
    judge_registration,
    no_companions,
)
from storage.audit.item_types import is_block, is_place
from storage.audit.numbers import audit_numbers
from storage.audit.reads import snapshot, walk
from storage.dynamodb.attributes import Item
from storage.dynamodb.tables import BATCH_KEYS, Tables
from storage.errors import Contention
from storage.items import DETAILS, SEATS, details_key, is_registration, registration_key, seats_key

Entry = TypeVar("Entry")

#: Maximum number of counts of one event; a count during which others wrote to the event is repeated.
LOOKS: Final = 10

#: Seconds that a promotion may take; a person who still waits beside a free seat afterwards is a violation.
PATIENCE: Final = 1.0


def audit_event(tables: Tables, event_id: str) -> Iterator[Violation]:
    """Yield every violation in an event; writes in progress are never reported."""
    counted = Counted()
    for part in chunks(_partition(tables, event_id), BATCH_KEYS):
        for item in part:
            counted.add(item)
        blocks, registrations, places = (filter(is_type, part) for is_type in (is_block, is_registration, is_place))
        yield from check(tables, list(blocks), no_companions, judge_block)
        yield from check(tables, list(registrations), companions_of_registration, judge_registration)
        yield from check(tables, list(places), companions_of_place, judge_place)
    yield from audit_numbers(tables, event_id)
    yield from _audit_counts(tables, event_id, counted)


def chunks(entries: Iterable[Entry], size: int) -> Iterator[list[Entry]]:
    """Split entries into lists of up to `size`."""
    left = iter(entries)
    while part := list(islice(left, size)):
        yield part


def _partition(tables: Tables, event_id: str) -> Iterator[Item]:
    return walk(tables, "#pk = :pk", {"pk": registration_key(event_id, "")["pk"]})


def _audit_counts(tables: Tables, event_id: str, counted: Counted) -> Iterator[Violation]:
    parts = {item["part"]: item for item in tables.query("Events", "#eventId = :eventId", {"eventId": event_id})}
    for part in sorted(parts.keys() - {DETAILS, SEATS}):
        key = {"eventId": event_id, "part": part}
        yield Violation("Events", key, Kind.UNKNOWN_ITEM, "the service does not write such items")
    if not any(judge(event_id, Observation(parts.get(DETAILS), parts.get(SEATS), counted))):
        return
    observation = _observe(tables, event_id)
    if observation is None:
        finding = f"others wrote to this event during each of {LOOKS} counts"
        yield Violation("Events", seats_key(event_id), Kind.NOT_JUDGED, finding)
    else:
        yield from judge(event_id, observation)


def _observe(tables: Tables, event_id: str) -> Observation | None:
    """Count an event until nobody writes to it meanwhile; return None if others always do.

    Every write to a registration changes SEATS in the same transaction: at least its attribute `changes`. So if two
    snapshots of DETAILS and SEATS are equal, nothing changed between them.
    """
    keys = [("Events", details_key(event_id)), ("Events", seats_key(event_id))]
    try:
        before = snapshot(tables, keys)
        for _look in range(LOOKS):
            counted = Counted()
            for item in _partition(tables, event_id):
                counted.add(item)
            observation = Observation(before[0], before[1], counted)
            if observation.promotable:
                time.sleep(PATIENCE)
            after = snapshot(tables, keys)
            if after == before:
                return observation
            before = after
    except Contention:
        return None
    return None
