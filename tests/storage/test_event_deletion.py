"""Deleting an event with its registrations: what remains, and what others do between any two of its calls."""

from contextlib import suppress
from dataclasses import asdict

import pytest

from storage import audit, event_deletion, events, items, registration_lists, registrations, users
from storage.dynamodb.deadline import deadline, within
from storage.dynamodb.steps import Step
from storage.dynamodb.tables import Tables
from storage.errors import (
    Damaged,
    DeletionInProgress,
    DeletionStopped,
    EventClosed,
    EventHasRegistrations,
    EventNotFound,
    NotOwner,
    RegistrationNotFound,
    VersionMismatch,
)
from storage.items import details_item, details_key, pointer_key, queue_key, seats_item, seats_key
from storage.model import Event, Registration
from storage.rules import Seats
from tests.apparatus.meter import metered
from tests.apparatus.moto_store import fill_once
from tests.apparatus.rival import before_call
from tests.simulation.clients import fields

MOMENT = "2030-01-01T00:00:00.000Z"

CALLS = [("GetItem", 4), ("Query", 4), ("TransactWriteItems", 4)]
EVERY_CALL = [(call, number) for call, last in CALLS for number in range(1, last + 1)]


@pytest.fixture
def tables(moto_tables: Tables) -> Tables:
    return fill_once(moto_tables, make)


def make(tables: Tables) -> None:
    """Make an event of two seats, which a and b have, with a queue of c and d; e is registered for another event."""
    for user_id in "abcde":
        users.create(tables, user_id, user_id.upper())
    for event_id in ("e0", "e1"):
        events.create(tables, event_id, fields({"capacity": 2, "has_waitlist": True}), owner="o")
    for user_id in "abcd":
        registrations.register(tables, "e0", user_id)
    for user_id in "ae":
        registrations.register(tables, "e1", user_id)


def listed(tables: Tables, user_id: str) -> list[str]:
    return [entry.event_id for entry, _event in registration_lists.of_user(tables, user_id, limit=10).entries]


def people(tables: Tables, event_id: str = "e0") -> list[str]:
    return [entry.user_id for entry in registration_lists.of_event(tables, event_id, limit=10).entries]


def assert_gone(tables: Tables) -> None:
    """Check that nothing of e0 is left, and everything of e1 is."""
    with pytest.raises(EventNotFound):
        events.get(tables, "e0")
    left = [str(tables.client.scan(TableName=name)["Items"]) for name in ("Events", "Registrations")]
    assert not any(f"{name}'" in "".join(left) for name in ("'e0", "#e0"))
    assert [listed(tables, user_id) for user_id in "abcde"] == [["e1"], [], [], [], ["e1"]]
    assert list(audit.audit(tables)) == []


def stopped_before(tables: Tables, transaction: int, expected: list[str] | None = None) -> None:
    """Delete an event, and let the time of the request run out before this transaction, from 1."""

    def expire() -> None:
        deadline.set(0.0)

    with within(100), before_call(tables, "TransactWriteItems", transaction, expire), pytest.raises(DeletionInProgress):
        event_deletion.delete_with_registrations(tables, "e0", expected)


def test_an_event_is_deleted_with_its_registrations_pointers_and_queue(tables: Tables) -> None:
    event_deletion.delete_with_registrations(tables, "e0", owner="o")

    assert_gone(tables)


def test_a_closed_event_and_one_without_registrations_are_deleted(tables: Tables) -> None:
    events.create(tables, "e2", fields({"capacity": 1}))
    events.update(tables, "e0", {"status": "completed"})

    for event_id in ("e0", "e2"):
        event_deletion.delete_with_registrations(tables, event_id)

    assert_gone(tables)


def test_an_event_is_deleted_once(tables: Tables) -> None:
    event_deletion.delete_with_registrations(tables, "e0")

    with pytest.raises(EventNotFound):
        event_deletion.delete_with_registrations(tables, "e0")


def test_another_owner_and_another_version_change_nothing(tables: Tables) -> None:
    before = events.get(tables, "e0")

    with pytest.raises(NotOwner):
        event_deletion.delete_with_registrations(tables, "e0", owner="p")
    with pytest.raises(VersionMismatch):
        event_deletion.delete_with_registrations(tables, "e0", ["0" * 16])
    with pytest.raises(VersionMismatch):
        event_deletion.delete_with_registrations(tables, "e0", excluded=[before.version])

    assert events.get(tables, "e0") == before


def test_meanwhile_the_event_is_cancelled_and_no_user_lists_a_registration_that_is_gone(tables: Tables) -> None:
    stopped_before(tables, 3)

    event = events.get(tables, "e0")
    assert (event.status, event.confirmed, event.waitlisted) == ("cancelled", 2, 0)
    assert [listed(tables, user_id) for user_id in "abcd"] == [["e0", "e1"], ["e0"], [], []]
    with pytest.raises(EventClosed):
        registrations.register(tables, "e0", "e")
    with pytest.raises(EventHasRegistrations):
        event_deletion.delete(tables, "e0")
    assert list(audit.audit(tables)) == []


@pytest.mark.parametrize("transaction", [2, 3, 4])
def test_a_deletion_without_time_goes_on_with_the_same_if_match(tables: Tables, transaction: int) -> None:
    expected = [events.get(tables, "e0").version]

    stopped_before(tables, transaction, expected)
    assert list(audit.audit(tables)) == []
    event_deletion.delete_with_registrations(tables, "e0", expected)

    assert_gone(tables)


@pytest.mark.parametrize("changes", [{"status": "active"}, {"title": "Other"}])
def test_a_put_after_an_interrupted_deletion_ends_it(tables: Tables, changes: dict[str, str]) -> None:
    expected = [events.get(tables, "e0").version]
    stopped_before(tables, 3, expected)

    events.update(tables, "e0", changes)

    with pytest.raises(VersionMismatch):
        event_deletion.delete_with_registrations(tables, "e0", expected)
    assert people(tables) == ["a", "b"]
    assert list(audit.audit(tables)) == []


@pytest.mark.parametrize("changes", [{"status": "active"}, {"title": "Other"}])
@pytest.mark.parametrize(("call", "number"), EVERY_CALL)
def test_a_put_between_any_two_calls_stops_the_deletion_and_nobody_is_lost(
    tables: Tables, call: str, number: int, changes: dict[str, str]
) -> None:
    """Only before the event is closed is the changed event deleted; afterwards those who are left stay."""
    left: list[str] = []
    stopped = False

    def change() -> None:
        nonlocal left
        with suppress(EventNotFound):
            events.update(tables, "e0", changes)
            left = people(tables)

    with before_call(tables, call, number, change):
        try:
            event_deletion.delete_with_registrations(tables, "e0")
        except DeletionStopped:
            stopped = True

    if stopped:
        assert people(tables) == left
        assert list(audit.audit(tables)) == []
        event_deletion.delete_with_registrations(tables, "e0")
    else:
        assert (call, number) in {("Query", 1), ("TransactWriteItems", 1)} or not left
    assert_gone(tables)


@pytest.mark.parametrize("user_id", ["e", "a", "c", "d"])
@pytest.mark.parametrize(("call", "number"), EVERY_CALL)
def test_people_who_come_or_go_between_any_two_calls_change_nothing(
    tables: Tables, call: str, number: int, user_id: str
) -> None:
    def come_or_go() -> None:
        act = registrations.register if user_id == "e" else registrations.unregister
        with suppress(EventClosed, EventNotFound, RegistrationNotFound):
            act(tables, "e0", user_id)
        assert list(audit.audit(tables)) == []

    with before_call(tables, call, number, come_or_go):
        event_deletion.delete_with_registrations(tables, "e0")

    assert_gone(tables)


@pytest.mark.parametrize(("call", "number"), EVERY_CALL)
def test_two_deletions_at_once_both_end(tables: Tables, call: str, number: int) -> None:
    with (
        before_call(tables, call, number, lambda: event_deletion.delete_with_registrations(tables, "e0")),
        suppress(EventNotFound),
    ):
        event_deletion.delete_with_registrations(tables, "e0")

    assert_gone(tables)


@pytest.mark.parametrize(("call", "number"), EVERY_CALL)
def test_a_new_event_with_the_same_id_keeps_everybody(tables: Tables, call: str, number: int) -> None:
    """Between any two calls another request may finish the deletion, and the id be given to a new event."""
    made = False

    def finish_and_begin_anew() -> None:
        nonlocal made
        with suppress(EventNotFound):
            event_deletion.delete_with_registrations(tables, "e0")
        events.create(tables, "e0", fields({"capacity": 1, "has_waitlist": True}))
        for user_id in "ab":
            registrations.register(tables, "e0", user_id)
        made = True

    with before_call(tables, call, number, finish_and_begin_anew), suppress(DeletionStopped):
        event_deletion.delete_with_registrations(tables, "e0")

    # Before the event is closed, the new one is what the request found.
    if made and (call, number) not in {("Query", 1), ("TransactWriteItems", 1)}:
        assert people(tables) == ["a", "b"]
    assert list(audit.audit(tables)) == []


@pytest.mark.parametrize(("call", "number"), EVERY_CALL)
def test_a_promotion_under_way_is_finished_or_ends_when_the_event_is_closed(
    tables: Tables, call: str, number: int
) -> None:
    def raise_capacity() -> None:
        with suppress(EventNotFound):
            events.update(tables, "e0", {"capacity": 3, "status": "active"})

    with before_call(tables, call, number, raise_capacity), suppress(DeletionStopped):
        event_deletion.delete_with_registrations(tables, "e0")
    assert list(audit.audit(tables)) == []
    with suppress(EventNotFound):
        event_deletion.delete_with_registrations(tables, "e0")

    assert_gone(tables)


def test_a_place_without_a_registration_is_damage_and_nothing_behind_it_goes(tables: Tables) -> None:
    key = items.registration_key("e0", "c")
    tables.transact([Step(action="Delete", table="Registrations", key=key)])

    with pytest.raises(Damaged):
        event_deletion.delete_with_registrations(tables, "e0")

    assert tables.get("Registrations", queue_key("e0", 1)) is not None


def test_an_event_without_seats_is_damage(tables: Tables) -> None:
    tables.transact([Step(action="Delete", table="Events", key=seats_key("e0"))])

    with pytest.raises(Damaged):
        event_deletion.delete_with_registrations(tables, "e0")


@pytest.mark.parametrize(("minutes", "refusal"), [(0, DeletionInProgress), (2, Damaged)])
def test_people_who_are_counted_and_not_found_are_damage_some_time_after_the_event_was_closed(
    tables: Tables, monkeypatch: pytest.MonkeyPatch, minutes: int, refusal: type[Exception]
) -> None:
    """Soon after it, their registrations may be admitted and not visible yet."""
    count(tables, confirmed=2)
    remove_all(tables)
    pass_time(monkeypatch, minutes)

    with within(100), before_call(tables, "Query", 4, lambda: deadline.set(0.0)), pytest.raises(refusal):
        event_deletion.delete_with_registrations(tables, "e0")


@pytest.mark.parametrize(("query", "leaving"), [(2, "cd"), (3, "ab")])
def test_people_who_leave_before_they_are_found_are_not_damage(
    tables: Tables, monkeypatch: pytest.MonkeyPatch, query: int, leaving: str
) -> None:
    pass_time(monkeypatch, 2)

    def leave() -> None:
        for user_id in leaving:
            registrations.unregister(tables, "e0", user_id)

    with before_call(tables, "Query", query, leave):
        event_deletion.delete_with_registrations(tables, "e0")

    assert_gone(tables)


@pytest.mark.parametrize("query", [2, 3, 4])
def test_another_deletion_that_removes_the_people_first_is_not_damage(
    tables: Tables, monkeypatch: pytest.MonkeyPatch, query: int
) -> None:
    pass_time(monkeypatch, 2)

    with before_call(tables, "Query", query, lambda: event_deletion.delete_with_registrations(tables, "e0")):
        event_deletion.delete_with_registrations(tables, "e0")

    assert_gone(tables)


@pytest.mark.parametrize(("confirmed", "waitlisted"), [(1, 2), (2, 1), (2, 0), (0, 0)])
def test_more_people_than_are_counted_are_damage_and_they_keep_their_event(
    tables: Tables, confirmed: int, waitlisted: int
) -> None:
    count(tables, confirmed=confirmed, waitlisted=waitlisted)

    with pytest.raises(Damaged, match="counts fewer people than are registered"):
        event_deletion.delete_with_registrations(tables, "e0")

    assert people(tables)
    assert events.get(tables, "e0").status == "cancelled"


def test_an_event_with_more_people_than_seats_is_deleted(tables: Tables) -> None:
    change, values = "SET #capacity = :one", {"one": 1}
    tables.transact([Step(action="Update", table="Events", key=seats_key("e0"), change=change, values=values)])

    event_deletion.delete_with_registrations(tables, "e0")

    assert_gone(tables)


def test_a_registration_that_lacks_its_status_is_damage(tables: Tables) -> None:
    key = items.registration_key("e0", "a")
    tables.transact([Step(action="Update", table="Registrations", key=key, change="REMOVE #status")])

    with pytest.raises(Damaged, match="EVENT#e0 USER"):
        event_deletion.delete_with_registrations(tables, "e0")


@pytest.mark.parametrize("changes", [{"status": "active"}, {"title": "Other"}])
def test_a_put_just_before_the_last_transaction_is_kept(tables: Tables, changes: dict[str, str]) -> None:
    kept: list[Event] = []

    def change() -> None:
        kept.append(events.update(tables, "e0", changes))

    with before_call(tables, "TransactWriteItems", 4, change), pytest.raises(DeletionStopped):
        event_deletion.delete_with_registrations(tables, "e0")

    assert kept == [events.get(tables, "e0")]


def test_a_person_who_is_imported_just_before_the_last_transaction_is_removed_too(tables: Tables) -> None:
    """An import adds people to a closed event."""
    registration = Registration(event_id="e0", user_id="e", status="confirmed", registered_at=MOMENT)
    change, values = "ADD #confirmed :one", {"one": 1}
    imported = [
        Step(action="Put", table="Registrations", item=items.registration_item(registration)),
        Step(action="Put", table="Registrations", item=dict(pointer_key("e", "e0"))),
        Step(action="Update", table="Events", key=seats_key("e0"), change=change, values=values),
    ]

    with before_call(tables, "TransactWriteItems", 4, lambda: tables.transact(imported)):
        event_deletion.delete_with_registrations(tables, "e0")

    assert_gone(tables)


def test_a_deletion_that_goes_on_still_checks_the_versions(tables: Tables) -> None:
    before = events.get(tables, "e0").version
    stopped_before(tables, 3)
    closed = events.get(tables, "e0").version

    for expected, excluded in ((["0" * 16], []), (None, [before]), (None, [closed])):
        with pytest.raises(VersionMismatch):
            event_deletion.delete_with_registrations(tables, "e0", expected, excluded)
    event_deletion.delete_with_registrations(tables, "e0", [closed])

    assert_gone(tables)


def test_a_mark_of_another_version_is_ignored(tables: Tables) -> None:
    """A service that does not know the mark leaves it where it is when it changes the event."""
    before = events.get(tables, "e0").version
    stopped_before(tables, 2, [before])
    for key in (details_key("e0"), seats_key("e0")):
        change, values = "SET #version = :version, #status = :active", {"version": "1" * 16, "active": "active"}
        tables.transact([Step(action="Update", table="Events", key=key, change=change, values=values)])

    with pytest.raises(VersionMismatch):
        event_deletion.delete_with_registrations(tables, "e0", [before])
    assert people(tables) == ["a", "b", "c", "d"]
    event_deletion.delete_with_registrations(tables, "e0")

    assert_gone(tables)


def count(tables: Tables, *, confirmed: int, waitlisted: int = 0) -> None:
    """Let SEATS of e0 count other people than there are."""
    change, values = "SET #confirmed = :c, #waitlisted = :w", {"c": confirmed, "w": waitlisted}
    tables.transact([Step(action="Update", table="Events", key=seats_key("e0"), change=change, values=values)])


def remove_all(tables: Tables) -> None:
    for user_id in "abcd":
        key = items.registration_key("e0", user_id)
        tables.transact([Step(action="Delete", table="Registrations", key=key)])


def pass_time(monkeypatch: pytest.MonkeyPatch, minutes: int) -> None:
    """Let this time pass after an event is closed."""
    monkeypatch.setattr("storage.event_deletion.now", lambda: "2030-01-01T00:00:00.000Z")
    monkeypatch.setattr("storage.emptying.now", lambda: f"2030-01-01T00:0{minutes}:00.000Z")


def fill(tables: Tables, confirmed: int, waiting: int) -> None:
    """Make an event with many people, a chunk of items per transaction."""
    event = Event(
        **asdict(fields({"capacity": confirmed, "has_waitlist": True})),
        event_id="big",
        version="0" * 16,
        created_at=MOMENT,
        updated_at=MOMENT,
    )
    seats = Seats(
        capacity=confirmed,
        status="active",
        has_waitlist=True,
        version=event.version,
        confirmed=confirmed,
        waitlisted=waiting,
        next_seq=waiting,
    )
    made = [("Events", details_item(event)), ("Events", seats_item("big", seats))]
    for number in range(confirmed + waiting):
        seq = number - confirmed if number >= confirmed else None
        user_id = f"u{number:05}"
        registration = Registration(
            event_id="big", user_id=user_id, status="confirmed" if seq is None else "waitlisted", registered_at=MOMENT
        )
        made.append(("Registrations", items.registration_item(registration, seq)))
        made.append(("Registrations", dict(pointer_key(user_id, "big"))))
        made += [] if seq is None else [("Registrations", items.queue_item(registration, seq))]
    for start in range(0, len(made), 100):
        tables.transact([Step(action="Put", table=table, item=item) for table, item in made[start : start + 100]])


@pytest.mark.parametrize(("confirmed", "waiting"), [(0, 0), (3, 0), (98, 66)])
def test_a_batch_is_three_calls_and_a_person_at_most_six_write_units(
    moto_tables: Tables, confirmed: int, waiting: int
) -> None:
    fill(moto_tables, confirmed, waiting)

    with metered(moto_tables) as meter:
        event_deletion.delete_with_registrations(moto_tables, "big")

    queued, seated = -(-waiting // 33), -(-confirmed // 49)
    blocks = -(-waiting // 1000)
    assert meter.calls == {
        "Query": 1 + queued + seated + 1,
        "GetItem": queued + seated + 1,
        "TransactWriteItems": 1 + queued + seated + 1,
    }
    assert meter.writes == 4 + 6 * waiting + 4 * confirmed + 2 * (queued + seated) + 4 + 2 * blocks
    assert moto_tables.client.scan(TableName="Registrations")["Items"] == []
