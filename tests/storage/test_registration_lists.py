"""Lists of registrations: pages, filters, the order of the queue, and read-your-writes consistency."""

import itertools
from typing import Any

import pytest

from storage import event_deletion, events, registration_lists, registrations, users
from storage.dynamodb.tables import Tables
from storage.errors import CursorInvalid, EventNotFound, UserNotFound
from storage.model import EventFields
from tests.apparatus.hooks import requests_of
from tests.apparatus.rival import before_call


def make_event(tables: Tables, event_id: str = "e", capacity: int = 3) -> None:
    fields = EventFields(
        title=f"Title {event_id}",
        description="D",
        date="2030-05-01",
        location="L",
        capacity=capacity,
        organizer="O",
        has_waitlist=True,
    )
    events.create(tables, event_id, fields)


@pytest.fixture
def crowd(moto_tables: Tables) -> Tables:
    """Make an event of three seats: b, d and f have them, and g, a, e and c wait in this order."""
    make_event(moto_tables)
    for user_id in "bdfgaec":
        users.create(moto_tables, user_id, user_id)
        registrations.register(moto_tables, "e", user_id)
    return moto_tables


def pages(tables: Tables, limit: int, **filters: Any) -> list[list[tuple[str, int | None]]]:
    found, cursor = [], None
    while True:
        page = registration_lists.of_event(tables, "e", limit=limit, cursor=cursor, **filters)
        found.append([(entry.user_id, entry.position) for entry in page.entries])
        cursor = page.next_cursor
        if cursor is None:
            return found
        assert len(found) < 20, "the pages repeat"


def test_all_registrations_are_listed_by_user_id_with_their_positions(crowd: Tables) -> None:
    everybody = [("a", 2), ("b", None), ("c", 4), ("d", None), ("e", 3), ("f", None), ("g", 1)]
    assert pages(crowd, 3) == [everybody[:3], everybody[3:6], everybody[6:]]


def test_waitlisted_registrations_are_listed_in_the_order_of_the_queue(crowd: Tables) -> None:
    assert pages(crowd, 3, status="waitlisted") == [[("g", 1), ("a", 2), ("e", 3)], [("c", 4)]]


def test_pages_of_confirmed_registrations_are_full_though_others_wait_between_them(crowd: Tables) -> None:
    assert pages(crowd, 2, status="confirmed") == [[("b", None), ("d", None)], [("f", None)]]


def test_a_page_of_confirmed_registrations_ends_where_reading_stopped_though_it_is_empty(
    moto_tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only z has a seat. A page of one entry reads two registrations here, and the event is not taken for missing."""
    monkeypatch.setattr("storage.dynamodb.tables.PAGE_QUERIES", 1)
    make_event(moto_tables, capacity=1)
    for user_id in "zabc":
        users.create(moto_tables, user_id, user_id)
        registrations.register(moto_tables, "e", user_id)
    assert pages(moto_tables, 1, status="confirmed") == [[], [("z", None)], []]


def test_confirmed_registrations_are_found_in_pages_of_any_length(
    crowd: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    for queries, limit in itertools.product((1, 2, 4), range(1, 9)):
        monkeypatch.setattr("storage.dynamodb.tables.PAGE_QUERIES", queries)
        found = pages(crowd, limit, status="confirmed")
        assert list(itertools.chain(*found)) == [("b", None), ("d", None), ("f", None)]
        assert all(len(page) <= limit for page in found)


@pytest.mark.parametrize("status", [None, "confirmed", "waitlisted"])
def test_a_page_that_ends_with_the_list_has_no_cursor(crowd: Tables, status: Any) -> None:
    count = {None: 7, "confirmed": 3, "waitlisted": 4}[status]
    for limit, whole in ((count, True), (count - 1, False)):
        page = registration_lists.of_event(crowd, "e", status=status, limit=limit)
        assert (len(page.entries), page.next_cursor is None) == (limit, whole)


@pytest.mark.parametrize("status", [None, "confirmed", "waitlisted"])
def test_a_later_page_of_an_event_that_is_deleted_meanwhile_is_refused(crowd: Tables, status: Any) -> None:
    cursor = registration_lists.of_event(crowd, "e", status=status, limit=1).next_cursor
    for user_id in "gaecbdf":
        registrations.unregister(crowd, "e", user_id)
    assert registration_lists.of_event(crowd, "e", status=status, limit=1, cursor=cursor).entries in ([], ())
    event_deletion.delete(crowd, "e")
    with pytest.raises(EventNotFound):
        registration_lists.of_event(crowd, "e", status=status, limit=1, cursor=cursor)


@pytest.mark.parametrize("status", [None, "confirmed", "waitlisted"])
def test_a_page_reads_one_entry_more_than_it_shows(crowd: Tables, status: Any) -> None:
    with requests_of(crowd, "Query") as sent:
        registration_lists.of_event(crowd, "e", status=status, limit=2)
        registration_lists.of_user(crowd, "b", limit=2)
    assert (sent[0]["Limit"], sent[-1]["Limit"]) == (3, 3)


def test_positions_are_current_on_every_page(crowd: Tables) -> None:
    first = registration_lists.of_event(crowd, "e", status="waitlisted", limit=2)
    registrations.unregister(crowd, "e", "b")
    second = registration_lists.of_event(crowd, "e", status="waitlisted", limit=2, cursor=first.next_cursor)
    assert [(entry.user_id, entry.position) for entry in second.entries] == [("e", 2), ("c", 3)]


def test_the_list_of_an_event_without_registrations_is_empty_and_a_missing_event_refused(
    moto_tables: Tables,
) -> None:
    make_event(moto_tables)
    for status in (None, "confirmed", "waitlisted"):
        assert registration_lists.of_event(moto_tables, "e", status=status, limit=5).entries in ([], ())
        with pytest.raises(EventNotFound):
            registration_lists.of_event(moto_tables, "nothing", status=status, limit=5)


@pytest.mark.parametrize("status", [None, "waitlisted"])
def test_a_cursor_of_another_list_is_refused(crowd: Tables, status: Any) -> None:
    make_event(crowd, "other")
    cursor = registration_lists.of_event(crowd, "e", status=status, limit=1).next_cursor
    with pytest.raises(CursorInvalid):
        registration_lists.of_event(crowd, "other", status=status, limit=1, cursor=cursor)
    with pytest.raises(CursorInvalid):
        registration_lists.of_event(crowd, "e", status="confirmed", limit=1, cursor=cursor)
    with pytest.raises(CursorInvalid):
        registration_lists.of_user(crowd, "a", limit=1, cursor=cursor)


def test_a_user_sees_each_registration_with_its_event_and_position(moto_tables: Tables) -> None:
    for user_id in "abc":
        users.create(moto_tables, user_id, user_id)
    for event_id in "xyz":
        make_event(moto_tables, event_id, capacity=1)
        for user_id in "abc"["xyz".index(event_id) :]:
            registrations.register(moto_tables, event_id, user_id)
    first = registration_lists.of_user(moto_tables, "c", limit=2)
    second = registration_lists.of_user(moto_tables, "c", limit=2, cursor=first.next_cursor)
    found = [(entry.event_id, entry.position, event.title) for page in (first, second) for entry, event in page.entries]
    assert found == [("x", 2, "Title x"), ("y", 1, "Title y"), ("z", None, "Title z")]
    assert [(event.confirmed, event.waitlisted) for _entry, event in first.entries] == [(0, 0)] * 2, "without counts"
    assert second.next_cursor is None


@pytest.fixture
def busy(moto_tables: Tables) -> Tables:
    """Make a user who has seats at the events x, y and z."""
    users.create(moto_tables, "a", "a")
    for event_id in "xyz":
        make_event(moto_tables, event_id)
        registrations.register(moto_tables, event_id, "a")
    return moto_tables


def of_user(tables: Tables, limit: int, cursor: str | None = None) -> tuple[list[str], str | None]:
    page = registration_lists.of_user(tables, "a", limit=limit, cursor=cursor)
    return [entry.event_id for entry, _event in page.entries], page.next_cursor


@pytest.mark.parametrize("gone", ["x", "y", "xy"])
def test_a_registration_that_ends_while_a_user_is_listed_is_left_out(busy: Tables, gone: str) -> None:
    """The pointers are read already; the page is short, or empty, and the list goes on behind it."""

    def leave() -> None:
        for event_id in gone:
            registrations.unregister(busy, event_id, "a")
            event_deletion.delete(busy, event_id)

    with before_call(busy, "BatchGetItem", 1, leave):
        found, cursor = of_user(busy, 2)
    assert found == [event_id for event_id in "xy" if event_id not in gone]
    assert of_user(busy, 2, cursor) == (["z"], None)


@pytest.mark.parametrize("kind", ["Events", "Registrations"])
def test_a_registration_is_left_out_if_its_event_or_itself_is_read_after_its_end(busy: Tables, kind: str) -> None:
    """BatchGetItem reads item by item: of an event that is deleted meanwhile, it may find the one and not the other."""

    def lose(parsed: Any, **_context: Any) -> None:
        kept = [item for item in parsed["Responses"][kind] if not {"x", "EVENT#x"} & {*map(str_of, item.values())}]
        parsed["Responses"][kind] = kept

    busy.client.meta.events.register("after-call.dynamodb.BatchGetItem", lose)
    try:
        found, cursor = of_user(busy, 1)
    finally:
        busy.client.meta.events.unregister("after-call.dynamodb.BatchGetItem", lose)
    assert found == []
    assert of_user(busy, 2, cursor) == (["y", "z"], None)


def str_of(attribute: Any) -> str:
    return str(next(iter(attribute.values())))


def test_a_cursor_of_another_user_is_refused(busy: Tables) -> None:
    users.create(busy, "b", "b")
    with pytest.raises(CursorInvalid):
        registration_lists.of_user(busy, "b", limit=1, cursor=of_user(busy, 1)[1])


def test_a_page_that_ends_with_the_list_of_a_user_has_no_cursor(busy: Tables) -> None:
    assert of_user(busy, 3) == (["x", "y", "z"], None)
    assert of_user(busy, 2)[1] is not None


def test_the_list_of_a_user_without_registrations_is_empty_and_a_missing_user_refused(moto_tables: Tables) -> None:
    users.create(moto_tables, "a", "a")
    assert registration_lists.of_user(moto_tables, "a", limit=5).entries == []
    with pytest.raises(UserNotFound):
        registration_lists.of_user(moto_tables, "nobody", limit=5)


def test_ids_that_begin_alike_do_not_mix(moto_tables: Tables) -> None:
    make_event(moto_tables, "e")
    make_event(moto_tables, "e1")
    for user_id in ("u", "u1"):
        users.create(moto_tables, user_id, user_id)
    registrations.register(moto_tables, "e1", "u1")
    assert registration_lists.of_event(moto_tables, "e", limit=5).entries == []
    assert registration_lists.of_user(moto_tables, "u", limit=5).entries == []


def test_a_full_page_of_a_user_takes_more_than_one_batch(moto_tables: Tables) -> None:
    users.create(moto_tables, "a", "a")
    for number in range(101):
        make_event(moto_tables, f"e{number:03d}")
        registrations.register(moto_tables, f"e{number:03d}", "a")
    page = registration_lists.of_user(moto_tables, "a", limit=100)
    assert [entry.event_id for entry, _event in page.entries] == [f"e{number:03d}" for number in range(100)]
    assert page.next_cursor is not None
