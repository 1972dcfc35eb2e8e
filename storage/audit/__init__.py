"""Checks the invariant (`storage.rules`) over whole tables: every count, every place in a queue, every pointer.

An audit may run while the service writes, and holds one page of items at a time, regardless of the size of the tables.
"""

from collections.abc import Iterator
from itertools import groupby

from storage.audit.counts import Counted, Observation
from storage.audit.event import audit_event, chunks
from storage.audit.findings import Violation
from storage.audit.item import check, companions_of_stray, judge_stray
from storage.audit.reads import scan
from storage.dynamodb.tables import BATCH_KEYS, Tables
from storage.items import SEATS


def audit(tables: Tables) -> Iterator[Violation]:
    """Yield every violation; `storage.audit.findings` lists their kinds."""
    for event_id in event_ids(tables):
        yield from audit_event(tables, event_id)
    yield from strays(tables)


def event_ids(tables: Tables) -> Iterator[str]:
    """Yield the id of every event that has an item in the Events table."""
    for event_id, _items in groupby(item["eventId"] for item in scan(tables, "Events")):
        yield event_id


def unfinished_promotions(tables: Tables) -> Iterator[str]:
    """Yield the id of every event in which people wait beside free seats, as far as its counters are valid and show."""
    for item in scan(tables, "Events"):
        if item["part"] == SEATS and Observation(None, item, Counted()).promotable:
            yield item["eventId"]


def strays(tables: Tables) -> Iterator[Violation]:
    """Yield the items of the Registrations table that belong to no event, registration or known type."""
    for part in chunks(scan(tables, "Registrations"), BATCH_KEYS):
        yield from check(tables, part, companions_of_stray, judge_stray)
