"""Growth: an access to an event with thousands of registrations, a fifth of them waiting, costs the same as with 50.

The items are put into moto's tables directly, as the API would take hours. moto sorts all items for each query, so a
test run uses 2,500; `GROWTH=50000` takes minutes.
"""

import copy
import os
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.table import Table

from storage import cursors, events, registration_lists, registrations, users
from storage.dynamodb.attributes import Item, marshal
from storage.dynamodb.tables import Tables
from storage.items import BLOCK, details_item, left_key, queue_item, registration_item, seats_item
from storage.model import Event, Registration
from storage.rules import Seats
from tests.apparatus.meter import metered

FEW, MANY = 50, int(os.environ.get("GROWTH", "2500"))
LEFT = 5
MOMENT = "2030-01-01T00:00:00.000Z"

Cost = tuple[dict[str, int], float, int]


def person(number: int) -> str:
    return f"u{number:06d}"


def crowd(event_id: str, registered: int, *, queue: bool) -> Iterator[tuple[str, Item]]:
    """Yield the items of an event: all registrations are confirmed, or every fifth waits and a few people have left.

    Users and pointers are in other partitions; only those that the tests need are made.
    """
    waiting = registered // 5 if queue else 0
    gone = {(waiting + LEFT) * part // (LEFT + 1) for part in range(1, LEFT + 1)} if queue else set()
    numbers = (seq for seq in range(waiting + LEFT) if seq not in gone)
    fields: dict[str, Any] = {"status": "active", "has_waitlist": True, "version": "v"}
    fields["capacity"] = registered - waiting if queue else registered + 10
    texts: dict[str, Any] = {"title": "T", "description": "D", "date": "2030-05-01", "location": "L", "organizer": "O"}
    yield "Events", details_item(Event(event_id=event_id, created_at=MOMENT, updated_at=MOMENT, **texts, **fields))
    counts: dict[str, Any] = {"confirmed": registered - waiting, "waitlisted": waiting, "next_seq": waiting + len(gone)}
    yield "Events", seats_item(event_id, Seats(**counts, **fields))
    for number in range(registered):
        seq = next(numbers) if queue and number % 5 == 4 else None
        registration = Registration(
            event_id=event_id,
            user_id=person(number),
            status="confirmed" if seq is None else "waitlisted",
            registered_at=MOMENT,
        )
        yield "Registrations", registration_item(registration, seq)
        if seq is not None:
            yield "Registrations", queue_item(registration, seq)
    for block in {seq // BLOCK for seq in gone}:
        left = frozenset(seq for seq in gone if seq // BLOCK == block)
        yield "Registrations", {**left_key(event_id, block * BLOCK), "numbers": left}


@pytest.fixture
def both(moto_tables: Tables, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Tables]:
    """Return a function that makes two events, `small` and `large`."""

    def structure(table: Table, _memo: object) -> Table:
        """Copy the table without its items: moto copies the table for every write of a transaction."""
        twin = copy.copy(table)
        twin.items = defaultdict(
            dict, {key: dict(part) if isinstance(part, dict) else part for key, part in table.items.items()}
        )
        return twin

    monkeypatch.setattr(Table, "__deepcopy__", structure, raising=False)

    def make(*, queue: bool) -> Tables:
        for table, made in dynamodb_backends["123456789012"]["us-east-1"].tables.items():
            for event_id, registered in (("small", FEW), ("large", MANY)):
                for name, item in crowd(event_id, registered, queue=queue):
                    if name == table:
                        made.put_item(marshal(item), overwrite=True)
        users.create(moto_tables, "newcomer", "N")
        return moto_tables

    return make


def costs(tables: Tables, accesses: dict[str, Callable[[], Any]]) -> dict[str, Cost]:
    found = {}
    for name, access in accesses.items():
        with metered(tables) as meter:
            access()
        found[name] = (dict(meter.calls), meter.reads, meter.writes)
    return found


def page(tables: Tables, event_id: str, status: Any = None, after: int | str | None = None) -> Any:
    name = cursors.list_name("registrations of event", event_id, status)
    cursor = None if after is None else cursors.encode(name, person(after) if isinstance(after, int) else after)
    found = registration_lists.of_event(tables, event_id, status=status, limit=5, cursor=cursor)
    assert len(found.entries) == 5
    return found


def with_a_queue(tables: Tables, event_id: str, registered: int) -> dict[str, Callable[[], Any]]:
    """Return accesses to an event, each of which can follow the one before."""
    on_event = partial(partial, tables=tables, event_id=event_id)
    last, middle = person(registered - 1), person(registered // 10 * 5 + 4)
    return {
        "get": on_event(events.get),
        "update": on_event(events.update, changes={"title": "Other"}),
        "position, first": on_event(registrations.get, user_id=person(4)),
        "position, middle": on_event(registrations.get, user_id=middle),
        "position, last": on_event(registrations.get, user_id=last),
        "register, queue": on_event(registrations.register, user_id="newcomer"),
        "of a user": lambda: registration_lists.of_user(tables, "newcomer", limit=10),
        "unregister, last": on_event(registrations.unregister, user_id="newcomer"),
        "unregister, middle": on_event(registrations.unregister, user_id=middle),
        "unregister, one promoted": on_event(registrations.unregister, user_id=person(registered - 2)),
        "unregister, first": on_event(registrations.unregister, user_id=person(9)),
        "update, one promoted": lambda: events.update(
            tables, event_id, {"capacity": events.get(tables, event_id).capacity + 1}
        ),
    }


def test_an_access_to_an_event_costs_the_same_for_any_length_of_the_queue(both: Callable[..., Tables]) -> None:
    tables = both(queue=True)
    small = costs(tables, with_a_queue(tables, "small", FEW))
    large = costs(tables, with_a_queue(tables, "large", MANY))
    assert large == small


def pages(tables: Tables, event_id: str, registered: int) -> dict[str, Callable[[], Any]]:
    """Return pages from the beginning and from deep inside of each list; the first of the queue has its head."""
    on_event, deep = partial(partial, page, tables, event_id), registered - 25
    queued = str(registered // 5 + LEFT - 10)
    return {
        "by user, second": on_event(after=5),
        "by user, deep": on_event(after=deep),
        "confirmed, second": on_event("confirmed", 5),
        "confirmed, deep": on_event("confirmed", deep),
        "queue, first": on_event("waitlisted"),
        "queue, deep": on_event("waitlisted", queued),
    }


def test_a_page_costs_the_same_in_any_list_and_at_any_depth(both: Callable[..., Tables]) -> None:
    tables = both(queue=True)
    small, large = costs(tables, pages(tables, "small", FEW)), costs(tables, pages(tables, "large", MANY))
    assert large == small
    for name in ("by user", "confirmed"):
        assert large[f"{name}, deep"] == large[f"{name}, second"]
    calls, reads, _ = large["queue, first"]
    assert large["queue, deep"] == ({"Query": calls["Query"] + 2}, reads + 1, 0), "for the position of its first entry"


def with_free_seats(tables: Tables, event_id: str) -> dict[str, Callable[[], Any]]:
    on_event = partial(partial, tables=tables, event_id=event_id)
    return {
        "get": on_event(events.get),
        "register, seat": on_event(registrations.register, user_id="newcomer"),
        "position, none": on_event(registrations.get, user_id="newcomer"),
        "unregister, seat": on_event(registrations.unregister, user_id="newcomer"),
        "update": on_event(events.update, changes={"title": "Other"}),
    }


def test_an_access_to_an_event_with_free_seats_costs_the_same_for_any_number_of_registrations(
    both: Callable[..., Tables],
) -> None:
    tables = both(queue=False)
    small, large = (costs(tables, with_free_seats(tables, event_id)) for event_id in ("small", "large"))
    assert large == small
