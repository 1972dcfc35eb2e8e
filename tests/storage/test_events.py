"""Events in the store: create, get, list, update and delete."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

import pytest

from storage import audit, cursors, event_deletion, events, registrations, users
from storage.dynamodb.steps import Step
from storage.dynamodb.tables import Tables
from storage.errors import (
    CapacityBelowConfirmed,
    Contention,
    CursorInvalid,
    EventExists,
    EventHasRegistrations,
    EventNotFound,
    VersionMismatch,
)
from storage.items import details_key
from storage.model import Event, EventFields
from tests.apparatus.hooks import hooked, requests_of
from tests.apparatus.meter import metered
from tests.apparatus.rival import before_call, in_turn, nothing, rival


def make(tables: Tables, event_id: str | None = "e", **fields: Any) -> Event:
    given: dict[str, Any] = {
        "title": "T",
        "description": "D",
        "date": "2030-05-01",
        "location": "L",
        "capacity": 2,
        "organizer": "O",
        **fields,
    }
    return events.create(tables, event_id, EventFields(**given))


def register(tables: Tables, *user_ids: str) -> None:
    for user_id in user_ids:
        users.create(tables, user_id, user_id)
        registrations.register(tables, "e", user_id)


@pytest.mark.parametrize("fields", [{}, {"has_waitlist": True, "status": "scheduled"}])
def test_an_event_is_returned_as_it_was_created(moto_tables: Tables, fields: dict[str, Any]) -> None:
    event = make(moto_tables, **fields)
    assert events.get(moto_tables, "e") == event


def test_without_an_id_each_event_gets_a_unique_one(moto_tables: Tables) -> None:
    assert make(moto_tables, None).event_id != make(moto_tables, None).event_id


def test_a_taken_id_is_refused_and_the_existing_event_is_unchanged(moto_tables: Tables) -> None:
    first = make(moto_tables)
    with pytest.raises(EventExists):
        make(moto_tables, title="Other")
    assert events.get(moto_tables, "e") == first


def test_text_and_date_are_stored_exactly_as_sent(moto_tables: Tables) -> None:
    text = "Zażółć gęślą jaźń \U0001f389 e\u0301 \u2028 '\";--"
    event = make(moto_tables, title=text, date="2030-05-01T10:00:00.123456789+05:45")
    assert events.get(moto_tables, "e") == event
    assert (event.title, event.date) == (text, "2030-05-01T10:00:00.123456789+05:45")


def test_an_update_changes_the_given_fields_only(moto_tables: Tables) -> None:
    before = make(moto_tables)
    after = events.update(moto_tables, "e", {"title": "New", "capacity": 5})
    assert (after.title, after.capacity, after.location) == ("New", 5, before.location)
    assert after.version != before.version
    assert after.created_at == before.created_at
    assert events.get(moto_tables, "e") == after


def test_an_update_stores_its_time(moto_tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    created = make(moto_tables).created_at
    monkeypatch.setattr(events, "now", lambda: "2040-01-01T00:00:00.000Z")
    after = events.update(moto_tables, "e", {"title": "New"})
    assert (after.created_at, after.updated_at) == (created, "2040-01-01T00:00:00.000Z")


def test_an_update_that_changes_nothing_keeps_the_version(moto_tables: Tables) -> None:
    before = make(moto_tables)
    assert events.update(moto_tables, "e", {"title": "T"}) == before


def test_an_update_takes_what_both_items_have_from_seats(moto_tables: Tables) -> None:
    """Only other programs make them differ, and SEATS decided who got a seat."""
    make(moto_tables)
    damage = {"change": "SET #capacity = :wrong", "values": {"wrong": 99}}
    moto_tables.transact([Step(action="Update", table="Events", key=details_key("e"), **damage)])  # type: ignore[arg-type]
    assert events.update(moto_tables, "e", {"title": "New"}).capacity == 2
    assert list(audit.audit(moto_tables)) == []


def test_registrations_do_not_change_the_version(moto_tables: Tables) -> None:
    before = make(moto_tables)
    register(moto_tables, "a")
    after = events.get(moto_tables, "e")
    assert (after.version, after.confirmed) == (before.version, 1)


def test_an_update_that_expects_another_version_is_refused(moto_tables: Tables) -> None:
    event = make(moto_tables)
    changed = events.update(moto_tables, "e", {"title": "New"}, [event.version])
    with pytest.raises(VersionMismatch):
        events.update(moto_tables, "e", {"title": "Newer"}, [event.version])
    assert events.update(moto_tables, "e", {"title": "Newer"}, [event.version, changed.version]).title == "Newer"


def test_of_two_concurrent_updates_neither_is_lost(moto_tables: Tables) -> None:
    make(moto_tables)
    with rival(moto_tables, lambda: events.update(moto_tables, "e", {"location": "Theirs"})):
        events.update(moto_tables, "e", {"title": "Mine"})
    event = events.get(moto_tables, "e")
    assert (event.title, event.location) == ("Mine", "Theirs")


def test_an_update_that_expects_a_version_is_refused_after_a_concurrent_one(moto_tables: Tables) -> None:
    event = make(moto_tables)
    with (
        rival(moto_tables, lambda: events.update(moto_tables, "e", {"location": "Theirs"})),
        pytest.raises(VersionMismatch),
    ):
        events.update(moto_tables, "e", {"title": "Mine"}, [event.version])
    assert events.get(moto_tables, "e").title == "T"


def test_the_capacity_can_not_fall_below_the_people_confirmed(moto_tables: Tables) -> None:
    make(moto_tables, capacity=3)
    register(moto_tables, "a", "b")
    with pytest.raises(CapacityBelowConfirmed) as refusal:
        events.update(moto_tables, "e", {"capacity": 1, "title": "New"})
    assert refusal.value.minimum == 2
    assert events.get(moto_tables, "e").title == "T"


def test_a_seat_taken_while_the_capacity_is_lowered_counts(moto_tables: Tables) -> None:
    make(moto_tables, capacity=3)
    register(moto_tables, "a")
    with rival(moto_tables, lambda: register(moto_tables, "b")), pytest.raises(CapacityBelowConfirmed) as refusal:
        events.update(moto_tables, "e", {"capacity": 1})
    assert refusal.value.minimum == 2
    assert list(audit.audit(moto_tables)) == []


def test_raising_the_capacity_promotes_before_the_answer(moto_tables: Tables) -> None:
    make(moto_tables, capacity=1, has_waitlist=True)
    register(moto_tables, "a", "b", "c", "d")
    event = events.update(moto_tables, "e", {"capacity": 3})
    assert (event.confirmed, event.waitlisted, event.available) == (3, 1, 0)
    assert list(audit.audit(moto_tables)) == []


def test_reopening_promotes_to_the_seats_that_became_free_while_closed(moto_tables: Tables) -> None:
    make(moto_tables, capacity=2, has_waitlist=True)
    register(moto_tables, "a", "b", "c", "d")
    events.update(moto_tables, "e", {"status": "completed"})
    registrations.unregister(moto_tables, "e", "a")
    event = events.update(moto_tables, "e", {"status": "ongoing"})
    assert (event.confirmed, event.waitlisted) == (2, 1)
    assert registrations.get(moto_tables, "e", "c").status == "confirmed"


def test_people_who_join_while_the_capacity_is_raised_are_promoted(moto_tables: Tables) -> None:
    """They joined after the first read, and only this update would promote them."""
    make(moto_tables, capacity=1, has_waitlist=True)
    register(moto_tables, "a")
    with rival(moto_tables, lambda: register(moto_tables, "b")):
        event = events.update(moto_tables, "e", {"capacity": 2})
    assert (event.confirmed, event.waitlisted) == (2, 0)
    assert list(audit.audit(moto_tables)) == []


def test_a_seat_that_becomes_free_while_an_event_reopens_goes_to_the_head_of_the_queue(moto_tables: Tables) -> None:
    make(moto_tables, capacity=1, has_waitlist=True)
    register(moto_tables, "a", "b")
    events.update(moto_tables, "e", {"status": "cancelled"})
    with rival(moto_tables, lambda: registrations.unregister(moto_tables, "e", "a")):
        event = events.update(moto_tables, "e", {"status": "active"})
    assert (event.confirmed, event.waitlisted) == (1, 0)
    assert list(audit.audit(moto_tables)) == []


def test_an_update_is_answered_with_one_state_though_another_raises_the_capacity_meanwhile(
    moto_tables: Tables,
) -> None:
    """The other update comes between the change and its promotion, and leaves nobody to promote."""
    make(moto_tables, capacity=1, has_waitlist=True)
    register(moto_tables, "a", "b", "c", "d")
    acts = in_turn(nothing, lambda: events.update(moto_tables, "e", {"capacity": 5}))
    with rival(moto_tables, acts, times=2):
        event = events.update(moto_tables, "e", {"capacity": 2})
    assert (event.capacity, event.confirmed, event.waitlisted) == (5, 4, 0)
    assert event == events.get(moto_tables, "e")


def test_an_update_is_answered_with_a_later_state_if_the_event_changes_before_it_is_read(moto_tables: Tables) -> None:
    make(moto_tables)

    def change() -> None:
        register(moto_tables, "a")
        events.update(moto_tables, "e", {"location": "Theirs", "capacity": 7})

    with before_call(moto_tables, "Query", 2, change):
        event = events.update(moto_tables, "e", {"title": "Mine"})
    assert (event.title, event.location, event.capacity, event.confirmed) == ("Mine", "Theirs", 7, 1)
    assert event == events.get(moto_tables, "e")


def test_an_update_of_an_event_that_is_deleted_right_after_it_is_to_be_repeated_and_then_not_found(
    moto_tables: Tables,
) -> None:
    """The update was made: not found at once would mean that nothing was changed."""
    make(moto_tables)
    deleted = before_call(moto_tables, "Query", 2, lambda: event_deletion.delete(moto_tables, "e"))
    with deleted, pytest.raises(Contention):
        events.update(moto_tables, "e", {"title": "New"})
    with pytest.raises(EventNotFound):
        events.update(moto_tables, "e", {"title": "New"})


def test_a_reader_never_sees_half_of_an_update(moto_tables: Tables) -> None:
    """A query may read one item before an update and one after; the versions differ, and the query is retried."""
    make(moto_tables)
    torn = [moto_tables.get("Events", {"eventId": "e", "part": "SEATS"})]
    events.update(moto_tables, "e", {"capacity": 7})
    calls: list[int] = []

    def tear(parsed: dict[str, Any], **_context: Any) -> None:
        calls.append(1)
        if len(calls) == 1 and torn[0]:
            for item in parsed["Items"]:
                if item["part"]["S"] == "SEATS":
                    item |= {"capacity": {"N": "2"}, "version": {"S": torn[0]["version"]}}

    moto_tables.client.meta.events.register("after-call.dynamodb.Query", tear)
    event = events.get(moto_tables, "e")
    moto_tables.client.meta.events.unregister("after-call.dynamodb.Query", tear)
    assert (event.capacity, len(calls)) == (7, 2)


def test_deleting_removes_the_event(moto_tables: Tables) -> None:
    event = make(moto_tables)
    event_deletion.delete(moto_tables, "e", ["0000000000000000", event.version])
    with pytest.raises(EventNotFound):
        events.get(moto_tables, "e")
    assert events.list_page(moto_tables, limit=10).entries == []


def test_an_event_with_registrations_is_not_deleted(moto_tables: Tables) -> None:
    make(moto_tables)
    register(moto_tables, "a")
    with pytest.raises(EventHasRegistrations):
        event_deletion.delete(moto_tables, "e")
    assert events.get(moto_tables, "e").confirmed == 1


def test_an_event_that_gets_a_registration_while_it_is_deleted_stays(moto_tables: Tables) -> None:
    make(moto_tables)
    with rival(moto_tables, lambda: register(moto_tables, "a")), pytest.raises(EventHasRegistrations):
        event_deletion.delete(moto_tables, "e")
    assert list(audit.audit(moto_tables)) == []


@pytest.mark.parametrize("expected", [["0000000000000000"], []])
def test_deleting_another_version_is_refused(moto_tables: Tables, expected: list[str]) -> None:
    make(moto_tables)
    with pytest.raises(VersionMismatch):
        event_deletion.delete(moto_tables, "e", expected)
    assert events.get(moto_tables, "e")


def test_refusals_of_a_deletion_come_in_the_order_event_version_registrations(moto_tables: Tables) -> None:
    with pytest.raises(EventNotFound):
        event_deletion.delete(moto_tables, "e", ["0000000000000000"])
    event = make(moto_tables)
    register(moto_tables, "a")
    with pytest.raises(VersionMismatch):
        event_deletion.delete(moto_tables, "e", ["0000000000000000"])
    with pytest.raises(EventHasRegistrations):
        event_deletion.delete(moto_tables, "e", [event.version])


@pytest.mark.parametrize("expected", [None, ["0000000000000000"]])
def test_a_missing_event_can_not_be_changed_or_deleted(moto_tables: Tables, expected: list[str] | None) -> None:
    with pytest.raises(EventNotFound):
        events.update(moto_tables, "e", {}, expected)
    with pytest.raises(EventNotFound):
        event_deletion.delete(moto_tables, "e", expected)


# Lists.


def listed(tables: Tables, **filters: Any) -> list[str]:
    """Return the ids of all pages, with two events each."""
    ids: list[str] = []
    cursor = None
    while True:
        page = events.list_page(tables, limit=2, cursor=cursor, **filters)
        assert len(page.entries) <= 2
        ids += [event.event_id for event in page.entries]
        cursor = page.next_cursor
        if cursor is None:
            return ids
        assert len(ids) < 20, "the pages repeat"


@pytest.fixture
def calendar(moto_tables: Tables) -> Tables:
    """Make events around 1 May in UTC: b and c on that day, a before, d and e after."""
    make(moto_tables, "d", date="2030-05-02", status="cancelled")
    make(moto_tables, "c", date="2030-05-01")
    make(moto_tables, "b", date="2030-05-01")
    make(moto_tables, "e", date="2030-05-01T23:30:00-01:00")
    make(moto_tables, "a", date="2030-05-01T00:30+01:00", status="cancelled")
    return moto_tables


def test_events_are_listed_by_date_in_utc_and_then_by_id(calendar: Tables) -> None:
    assert listed(calendar) == ["a", "b", "c", "d", "e"]


def test_days_are_inclusive_and_in_utc(calendar: Tables) -> None:
    assert listed(calendar, first_day="2030-05-01", last_day="2030-05-01") == ["b", "c"]
    assert listed(calendar, first_day="2030-05-02") == ["d", "e"]
    assert listed(calendar, last_day="2030-04-30") == ["a"]
    assert listed(calendar, first_day="2030-05-02", last_day="2030-05-01") == []


def test_a_status_filters_the_list(calendar: Tables) -> None:
    assert listed(calendar, status="cancelled") == ["a", "d"]
    assert listed(calendar, status="cancelled", first_day="2030-05-01") == ["d"]
    assert listed(calendar, status="ongoing") == []


def test_a_changed_date_or_status_changes_the_list(calendar: Tables) -> None:
    events.update(calendar, "a", {"date": "2031-01-01", "status": "active"})
    assert listed(calendar) == ["b", "c", "d", "e", "a"]
    assert listed(calendar, status="cancelled") == ["d"]


def test_a_page_that_ends_with_the_list_has_no_cursor(calendar: Tables) -> None:
    assert events.list_page(calendar, limit=5).next_cursor is None
    assert events.list_page(calendar, limit=4).next_cursor is not None


def test_a_cursor_of_another_list_or_a_damaged_one_is_refused(calendar: Tables) -> None:
    cursor = events.list_page(calendar, limit=1).next_cursor
    assert cursor is not None
    others: list[dict[str, Any]] = [{"status": "active"}, {"first_day": "2030-05-01"}, {"last_day": "2030-05-01"}]
    for bad, filters in [*((cursor, other) for other in others), (cursor[:-2], {}), ("x" + cursor, {}), ("A" * 40, {})]:
        with pytest.raises(CursorInvalid):
            events.list_page(calendar, limit=1, cursor=bad, **filters)


def test_a_list_that_can_only_be_empty_is_not_read(calendar: Tables) -> None:
    """DynamoDB refuses a range that ends before it begins, and a start outside of the range."""
    days: dict[str, Any] = {"first_day": "2030-05-01", "last_day": "2030-05-02"}
    name = cursors.list_name("events", None, *days.values())
    with metered(calendar) as meter:
        assert events.list_page(calendar, limit=1, first_day="2030-05-02", last_day="2030-05-01").entries == ()
        for forged in ("2030-04-30T23:59:59.999999#a", "2030-05-03T00:00:00.000000#a"):
            assert events.list_page(calendar, limit=1, cursor=cursors.encode(name, forged), **days).entries == ()
    assert meter.calls == {}


def test_a_page_reads_one_event_more_than_it_shows(calendar: Tables) -> None:
    with requests_of(calendar, "Query") as sent:
        events.list_page(calendar, limit=2)
    assert [request["Limit"] for request in sent] == [3]


def test_a_deleted_event_that_the_index_still_contains_is_left_out(calendar: Tables) -> None:
    calendar.client.delete_item(TableName="Events", Key={"eventId": {"S": "c"}, "part": {"S": "SEATS"}})
    assert listed(calendar) == ["a", "b", "d", "e"]


def page_read_late(tables: Tables, act: Callable[[], object], **filters: Any) -> Sequence[Event]:
    """Return a list whose index does not show an act yet: it happens between the read of the index and the next."""
    with before_call(tables, "BatchGetItem", 1, act):
        return events.list_page(tables, limit=10, **filters).entries


@pytest.mark.parametrize("filters", [{}, {"status": "active"}, {"last_day": "2030-05-01"}])
def test_each_entry_of_a_list_is_one_state_of_its_event_though_the_index_lags(
    calendar: Tables, filters: dict[str, Any]
) -> None:
    entries = page_read_late(calendar, lambda: events.update(calendar, "b", {"title": "New", "capacity": 9}), **filters)
    assert [entry for entry in entries if entry.event_id == "b"] == [events.get(calendar, "b")]
    assert [event.event_id for event in entries] == [
        event_id for event_id in "abcde" if event_id in listed(calendar, **filters)
    ]


def test_an_event_that_has_left_a_list_is_left_out_though_the_index_lags(calendar: Tables) -> None:
    """It has another status, or is on another day, or is deleted."""
    for act, filters in (
        (lambda: events.update(calendar, "b", {"status": "ongoing"}), {"status": "active"}),
        (lambda: events.update(calendar, "c", {"date": "2030-05-03"}), {"last_day": "2030-05-02"}),
        (lambda: events.update(calendar, "d", {"date": "2030-04-03"}), {"first_day": "2030-05-01"}),
        (lambda: event_deletion.delete(calendar, "e"), {}),
    ):
        before = listed(calendar, **filters)
        entries = page_read_late(calendar, act, **filters)
        assert len(entries) == len(before) - 1
        assert [event.event_id for event in entries] == listed(calendar, **filters)


def test_an_event_that_is_deleted_while_it_is_read_again_is_left_out(calendar: Tables) -> None:
    with ExitStack() as stack:

        def change() -> None:
            events.update(calendar, "b", {"title": "New"})
            stack.enter_context(before_call(calendar, "BatchGetItem", 1, lambda: event_deletion.delete(calendar, "b")))

        entries = page_read_late(calendar, change)
    assert [event.event_id for event in entries] == ["a", "c", "d", "e"]


@pytest.mark.parametrize("deleted", [False, True])
def test_an_event_that_is_caught_half_way_through_an_update_as_it_is_read_again_is_read_by_itself(
    calendar: Tables, *, deleted: bool
) -> None:
    """A batch reads item by item. Meanwhile the event may also be deleted."""
    batches: list[int] = []

    def tear(parsed: dict[str, Any], **_context: Any) -> None:
        batches.append(1)
        for item in parsed["Responses"]["Events"]:
            if item["eventId"] == {"S": "b"} and item["part"] == {"S": "SEATS"}:
                item["version"] = {"S": "other"}
        if len(batches) == 2 and deleted:
            event_deletion.delete(calendar, "b")

    with hooked(calendar, "after-call.dynamodb.BatchGetItem", tear):
        found = events.list_page(calendar, limit=10).entries
    assert [event.event_id for event in found] == (["a", "c", "d", "e"] if deleted else ["a", "b", "c", "d", "e"])
    assert len(batches) == 2


def test_counts_that_are_older_than_the_index_are_read_again(calendar: Tables) -> None:
    """The reads of the counts are eventually consistent: those of a new event may not be visible yet."""
    left = [1]

    def lose(parsed: dict[str, Any], **_context: Any) -> None:
        if left and left.pop():
            items = parsed["Responses"]["Events"]
            parsed["Responses"]["Events"] = [item for item in items if item["eventId"] != {"S": "b"}]

    with requests_of(calendar, "BatchGetItem") as sent, hooked(calendar, "after-call.dynamodb.BatchGetItem", lose):
        assert [event.event_id for event in events.list_page(calendar, limit=10).entries] == ["a", "b", "c", "d", "e"]
    assert [request["RequestItems"]["Events"]["ConsistentRead"] for request in sent] == [False, True]


def test_a_page_of_events_that_have_all_changed_since_the_index_is_one_batch_more(calendar: Tables) -> None:
    def change() -> None:
        for event_id in "abcde":
            events.update(calendar, event_id, {"title": "New"})

    with metered(calendar) as meter:
        entries = page_read_late(calendar, change)
    assert [entry.title for entry in entries] == ["New"] * 5
    assert meter.calls == {"Query": 1 + 5 * 2, "TransactWriteItems": 5, "BatchGetItem": 2}, "10 Queries of updates"


def test_an_event_with_another_date_is_listed_in_its_new_place_though_the_index_lags(calendar: Tables) -> None:
    entries = page_read_late(calendar, lambda: events.update(calendar, "b", {"date": "2030-05-01T09:00:00Z"}))
    assert [event.event_id for event in entries] == ["a", "c", "b", "d", "e"] == listed(calendar)


def test_an_excluded_version_is_neither_changed_nor_deleted(moto_tables: Tables) -> None:
    make(moto_tables)
    events.update(moto_tables, "e", {"title": "New"})
    version = events.get(moto_tables, "e").version
    with pytest.raises(VersionMismatch):
        event_deletion.delete(moto_tables, "e", excluded=[version])
    with pytest.raises(VersionMismatch):
        events.update(moto_tables, "e", {"title": "Newer"}, excluded=[version])
    event_deletion.delete(moto_tables, "e", excluded=["another"])
