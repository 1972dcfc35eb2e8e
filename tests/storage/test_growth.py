"""Growth: an access to an event with thousands of registrations, a fifth of them waiting, costs the same as with 50.

So does a page of every list, whatever its filter; only a list that is read through a filter costs up to four Queries.
A page of a user's registrations costs at most 7 calls, however many of them wait and in however long queues; while no
more than a thousand people wait behind the user, it costs at most twice as many units as a page of confirmed ones.

The items are put into moto's tables directly, as the API would take hours. moto sorts all items for each query, so a
test run uses 2,500; `GROWTH=50000` takes minutes.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from functools import partial
from typing import Any

import pytest

from storage import cursors, events, registration_lists, registrations, users
from storage.dynamodb.attributes import Item, marshal
from storage.dynamodb.tables import Tables
from storage.items import (
    BLOCK,
    details_item,
    left_key,
    listed_by,
    pointer_key,
    queue_item,
    registration_item,
    seats_item,
    user_item,
)
from storage.model import Event, Registration, User
from storage.rules import Seats
from tests.apparatus import moto_store
from tests.apparatus.meter import metered

FEW, MANY = 50, int(os.environ.get("GROWTH", "2500"))
LEFT = 5
#: Entries per page: so few that the second Query of a filtered page, which reads 8 times more, ends in the small event.
PAGE = 3
MOMENT = "2030-01-01T00:00:00.000Z"

Cost = tuple[dict[str, int], float, int]


def person(number: int) -> str:
    return f"u{number:06d}"


def every_fifth(number: int) -> bool:
    return number % 5 == 4


def nobody(_number: int) -> bool:
    return False


def crowd(event_id: str, registered: int, waits: Callable[[int], bool]) -> Iterator[tuple[str, Item]]:
    """Yield the items of an event: everybody is confirmed except those who wait, and then a few people have left.

    Users and pointers are in other partitions; only those that the tests need are made.
    """
    waiting = sum(map(waits, range(registered)))
    gone = {(waiting + LEFT) * part // (LEFT + 1) for part in range(1, LEFT + 1)} if waiting else set()
    numbers = (seq for seq in range(waiting + LEFT) if seq not in gone)
    fields: dict[str, Any] = {"status": "active", "has_waitlist": True, "version": "v"}
    fields["capacity"] = registered - waiting if waiting else registered + 10
    texts: dict[str, Any] = {"title": "T", "description": "D", "date": "2030-05-01", "location": "L", "organizer": "O"}
    yield "Events", details_item(Event(event_id=event_id, created_at=MOMENT, updated_at=MOMENT, **texts, **fields))
    counts: dict[str, Any] = {"confirmed": registered - waiting, "waitlisted": waiting, "next_seq": waiting + len(gone)}
    yield "Events", seats_item(event_id, Seats(**counts, **fields))
    for number in range(registered):
        seq = next(numbers) if waits(number) else None
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
def fill(moto_tables: Tables) -> Callable[[Iterable[tuple[str, Item]]], Tables]:
    """Return a function that puts items into the tables."""

    def put(items: Iterable[tuple[str, Item]]) -> Tables:
        made = moto_store.tables()
        for table, item in items:
            made[table].put_item(marshal(item), overwrite=True)
        return moto_tables

    return put


@pytest.fixture
def both(fill: Callable[[Iterable[tuple[str, Item]]], Tables]) -> Callable[[Callable[[int], bool]], Tables]:
    """Return a function that makes two events, `small` and `large`."""

    def make(waits: Callable[[int], bool]) -> Tables:
        fill(crowd("small", FEW, waits))
        tables = fill(crowd("large", MANY, waits))
        users.create(tables, "newcomer", "N")
        return tables

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
    found = registration_lists.of_event(tables, event_id, status=status, limit=PAGE, cursor=cursor)
    assert len(found.entries) == PAGE
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
    tables = both(every_fifth)
    small = costs(tables, with_a_queue(tables, "small", FEW))
    large = costs(tables, with_a_queue(tables, "large", MANY))
    assert large == small


def pages(tables: Tables, event_id: str, registered: int) -> dict[str, Callable[[], Any]]:
    """Return pages from the beginning and from deep inside of each list; the first of the queue has its head."""
    on_event, deep = partial(partial, page, tables, event_id), registered - 45
    queued = str(registered // 5 + LEFT - 10)
    return {
        "by user, second": on_event(after=0),
        "by user, deep": on_event(after=deep),
        "confirmed, second": on_event("confirmed", 0),
        "confirmed, deep": on_event("confirmed", deep),
        "queue, first": on_event("waitlisted"),
        "queue, deep": on_event("waitlisted", queued),
    }


def test_a_page_costs_the_same_in_any_list_and_at_any_depth(both: Callable[..., Tables]) -> None:
    tables = both(every_fifth)
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
    tables = both(nobody)
    small, large = (costs(tables, with_free_seats(tables, event_id)) for event_id in ("small", "large"))
    assert large == small


@pytest.mark.parametrize("limit", [1, 20, 100])
@pytest.mark.parametrize("seated", [range(0, MANY, MANY // 20), [MANY - 1]], ids=["twenty", "the last"])
def test_a_page_of_few_confirmed_among_thousands_who_wait_is_at_most_four_queries(
    fill: Callable[..., Tables], seated: Iterable[int], limit: int
) -> None:
    tables = fill(crowd("large", MANY, lambda number: number not in seated))
    found, pages, cursor = [], 0, None
    while cursor or not pages:
        with metered(tables) as meter:
            part = registration_lists.of_event(tables, "large", status="confirmed", limit=limit, cursor=cursor)
        assert meter.calls.keys() == {"Query"}
        assert meter.calls["Query"] <= 4
        found += [entry.user_id for entry in part.entries]
        pages, cursor = pages + 1, part.next_cursor
    assert found == [person(number) for number in seated]
    assert pages <= 1 + len(found) // limit + MANY // 1000


def test_a_page_of_few_who_wait_among_thousands_confirmed_costs_the_same(both: Callable[..., Tables]) -> None:
    tables = both(lambda number: number < 2 * PAGE)
    small, large = (
        costs(tables, {str(status): partial(page, tables, event_id, status) for status in (None, "waitlisted")})
        for event_id in ("small", "large")
    )
    assert large == small
    assert large["waitlisted"] == ({"Query": 1}, 1, 0)


def calendar(count: int) -> Iterator[tuple[str, Item]]:
    """Yield the items of events, one a day, of which ten, evenly spread, are ongoing; one user has a seat in each."""
    texts: dict[str, Any] = {"title": "T", "description": "D", "location": "L", "organizer": "O", "capacity": 5}
    for number in range(count):
        event = Event(
            event_id=f"e{number:06d}",
            date=day(number),
            status="cancelled" if number % (count // 10) else "ongoing",
            version="v",
            created_at=MOMENT,
            updated_at=MOMENT,
            **texts,
        )
        yield "Events", details_item(event)
        seats = Seats(capacity=5, status=event.status, has_waitlist=False, version="v", confirmed=1)
        yield "Events", seats_item(event.event_id, seats)
        yield "Registrations", pointer_key("u", event.event_id)
        seat = Registration(event_id=event.event_id, user_id="u", status="confirmed", registered_at=MOMENT)
        yield "Registrations", registration_item(seat)


def day(number: int) -> str:
    return date.fromordinal(date(2030, 1, 1).toordinal() + number).isoformat()


def calendar_pages(tables: Tables, count: int) -> dict[str, Callable[[], Any]]:
    """Return pages of the events and of the user's registrations; `deep` is behind most of them."""
    deep = count - 2 * PAGE
    place, user_list = listed_by(day(deep), f"e{deep:06d}"), cursors.list_name("registrations of user", "u")

    def listed(*, behind: bool = False, **filters: Any) -> None:
        name = cursors.list_name("events", *(filters.get(part) for part in ("status", "first_day", "last_day")))
        cursor = cursors.encode(name, place) if behind else None
        assert len(events.list_page(tables, limit=PAGE, cursor=cursor, **filters).entries) == PAGE

    def of_user(cursor: str | None) -> None:
        assert len(registration_lists.of_user(tables, "u", limit=PAGE, cursor=cursor).entries) == PAGE

    return {
        "all": listed,
        "all, deep": partial(listed, behind=True),
        "by status": partial(listed, status="ongoing"),
        "from a day": partial(listed, first_day=day(deep)),
        "from a day, deep": partial(listed, first_day=day(deep), behind=True),
        "by status, to a day": partial(listed, status="ongoing", last_day=day(count)),
        "of a user": partial(of_user, None),
        "of a user, deep": partial(of_user, cursors.encode(user_list, f"e{deep:06d}")),
    }


def test_a_page_of_events_or_of_a_user_costs_the_same_for_any_number_and_any_filter(
    fill: Callable[..., Tables],
) -> None:
    fill([("Users", user_item(User(user_id="u", name="N", created_at=MOMENT)))])
    tables = fill(calendar(FEW))
    small = costs(tables, calendar_pages(tables, FEW))
    fill(calendar(MANY))
    large = costs(tables, calendar_pages(tables, MANY))
    assert large == small
    listed = {"Query": 1, "BatchGetItem": 1}
    assert all(
        calls == (listed | {"GetItem": 1} if "of a user" in name else listed) for name, (calls, _, _) in large.items()
    )


def engaged(
    user_id: str, count: int, waits: Callable[[int], bool], ahead: int, behind: int
) -> Iterator[tuple[str, Item]]:
    """Yield the items of a user with registrations, of which some wait, each in a queue of its own.

    Every tenth of the people ahead and behind has left; of the others, only the first has a place.
    """
    texts: dict[str, Any] = {"title": "T", "description": "D", "date": "2030-05-01", "location": "L", "organizer": "O"}
    shared: dict[str, Any] = {"capacity": 1, "status": "active", "has_waitlist": True, "version": "v"}
    gone = [seq for seq in range(5, ahead + 1 + behind, 10) if seq != ahead]
    yield "Users", user_item(User(user_id=user_id, name="N", created_at=MOMENT))
    for number in range(count):
        event_id, waiting = f"{user_id}-{number:03d}", waits(number)
        yield "Events", details_item(Event(event_id=event_id, created_at=MOMENT, updated_at=MOMENT, **texts, **shared))
        total = ahead + 1 + behind if waiting else 0
        counts: dict[str, Any] = {"confirmed": 1, "waitlisted": total and total - len(gone), "next_seq": total}
        yield "Events", seats_item(event_id, Seats(**counts, **shared))
        registration = Registration(
            event_id=event_id,
            user_id=user_id,
            status="waitlisted" if waiting else "confirmed",
            registered_at=MOMENT,
        )
        yield "Registrations", registration_item(registration, ahead if waiting else None)
        yield "Registrations", pointer_key(user_id, event_id)
        for seq in {0, ahead} if waiting else ():
            yield "Registrations", queue_item(registration, seq)
        for block in {seq // BLOCK for seq in gone} if waiting else ():
            left = frozenset(seq for seq in gone if seq // BLOCK == block)
            yield "Registrations", {**left_key(event_id, block * BLOCK), "numbers": left}


def user_pages(tables: Tables, user_id: str, limit: int) -> Iterator[tuple[list[int | None], int, float]]:
    """Yield the positions, the number of calls and the read units of each page of a user."""
    cursor = None
    while True:
        with metered(tables) as meter:
            found = registration_lists.of_user(tables, user_id, limit=limit, cursor=cursor)
        yield [entry.position for entry, _event in found.entries], sum(meter.calls.values()), meter.reads
        cursor = found.next_cursor
        if cursor is None:
            return


MIXTURES: dict[str, Callable[[int], bool]] = {
    "one waits": lambda number: number == 0,
    "half wait": lambda number: number % 2 == 0,
    "all wait": lambda _number: True,
}


@pytest.mark.parametrize("limit", [1, 2, 50, 100])
@pytest.mark.parametrize("waits", MIXTURES.values(), ids=MIXTURES)
def test_a_page_of_a_user_is_six_calls_and_twice_the_units_of_confirmed_ones_in_every_mixture(
    fill: Callable[..., Tables], waits: Callable[[int], bool], limit: int
) -> None:
    """The queues are short, or as long as those of the other tests; the user is the first, inside, or the last."""
    fill(engaged("seated", limit, nobody, 0, 0))
    long = MANY // 5
    places = {"short": (5, 5), "first": (0, long), "inside": (long // 2, long // 2), "last": (long, 0)}
    for name, (ahead, behind) in places.items():
        tables = fill(engaged(name, limit, waits, ahead, behind))
        ((_, _, shown),) = user_pages(tables, "seated", limit)
        pages = list(user_pages(tables, name, limit))
        position = ahead + 1 - sum(seq % 10 == 5 for seq in range(ahead))
        assert [each for page in pages for each in page[0]] == [
            position if waits(number) else None for number in range(limit)
        ]
        assert all(calls <= registration_lists.PAGE_CALLS for _entries, calls, _units in pages)
        if long < BLOCK:
            assert len(pages) == 1
            assert pages[0][2] <= 2 * shown


def test_a_page_of_a_user_in_very_long_queues_is_short_instead_of_expensive(fill: Callable[..., Tables]) -> None:
    """With 10,000 people behind, the calls of a page suffice for some 30 positions, whichever of them are longer."""
    tables = fill(engaged("u", 100, lambda number: number != 3, 7, 10 * BLOCK))
    pages = list(user_pages(tables, "u", 50))
    assert [each for page in pages for each in page[0]] == [None if number == 3 else 7 for number in range(100)]
    assert all(calls <= registration_lists.PAGE_CALLS for _entries, calls, _units in pages)
    assert len(pages) <= 4


def test_a_page_of_a_user_costs_the_same_in_short_and_long_queues(fill: Callable[..., Tables]) -> None:
    """The last of a queue has nobody behind; others pay for each thousand people behind."""
    found = []
    for name, ahead in (("short", FEW // 5), ("long", MANY // 5)):
        tables = fill(engaged(name, 50, lambda _number: True, ahead, 0))
        found += [(calls, units) for _entries, calls, units in user_pages(tables, name, 50)]
    assert found == [(4, 1 + 1 + 50 * 2 + 50 * 2 * 0.5)] * 2
