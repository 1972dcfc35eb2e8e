"""An event belongs to the organizer who made it: a demand of another owner is refused, and learns nothing."""

from collections.abc import Callable
from typing import Any

import pytest

from storage import event_deletion, events, queue, registration_lists, registrations, rules, users
from storage.cursors import encode, list_name
from storage.dynamodb.steps import Changed, Step, cancellation_cause
from storage.dynamodb.tables import Tables
from storage.errors import (
    AlreadyRegistered,
    CursorInvalid,
    EventClosed,
    EventFull,
    EventHasRegistrations,
    EventNotFound,
    NotOwner,
    Refusal,
    RegistrationNotFound,
    UserNotFound,
    VersionMismatch,
)
from storage.items import details_key, seats_key
from storage.model import EventFields
from storage.ownership import demanding
from tests.apparatus.hooks import hooked
from tests.apparatus.meter import metered
from tests.apparatus.rival import before_call, in_turn, nothing, rival

ANN, BOB = "ann", "bob"

FIELDS = EventFields(
    title="T", description="D", date="2030-05-01", location="L", capacity=2, organizer="O", has_waitlist=True
)

#: Every access to an event that takes an owner, of a user who is registered, or may be.
ACCESSES: dict[str, Callable[[Tables, str, str | None], Any]] = {
    "register": lambda tables, user_id, owner: registrations.register(tables, "e", user_id, owner),
    "unregister": lambda tables, user_id, owner: registrations.unregister(tables, "e", user_id, owner),
    "get": lambda tables, user_id, owner: registrations.get(tables, "e", user_id, owner),
    "list": lambda tables, _user_id, owner: registration_lists.of_event(tables, "e", limit=9, owner=owner),
    "list those who wait": lambda tables, _user_id, owner: registration_lists.of_event(
        tables, "e", status="waitlisted", limit=9, owner=owner
    ),
    "update": lambda tables, _user_id, owner: events.update(tables, "e", {"title": "U"}, owner=owner),
    "change nothing": lambda tables, _user_id, owner: events.update(tables, "e", {}, owner=owner),
    "delete": lambda tables, _user_id, owner: event_deletion.delete(tables, "e", owner=owner),
}


def make(tables: Tables, owner: str | None = ANN, **fields: Any) -> None:
    given = {name: getattr(FIELDS, name) for name in EventFields.__dataclass_fields__}
    events.create(tables, "e", EventFields(**given | fields), owner)


def make_users(tables: Tables, user_ids: str = "abcd") -> None:
    for user_id in user_ids:
        users.create(tables, user_id, user_id)


def stored(tables: Tables) -> dict[str, Any]:
    return {table: tables.client.scan(TableName=name)["Items"] for table, name in tables.names.items()}


def made_again_by(tables: Tables, owner: str, *user_ids: str) -> Callable[[], None]:
    """Return an act of others: the event is deleted, and made again by `owner`, for these users."""

    def act() -> None:
        for entry in registration_lists.of_event(tables, "e", limit=9).entries:
            registrations.unregister(tables, "e", entry.user_id)
        event_deletion.delete(tables, "e")
        make(tables, owner)
        for user_id in user_ids:
            registrations.register(tables, "e", user_id)

    return act


@pytest.mark.parametrize("access", ACCESSES)
@pytest.mark.parametrize("actual", [ANN, None])
def test_a_stranger_to_an_event_is_refused_and_changes_nothing(
    moto_tables: Tables, access: str, actual: str | None
) -> None:
    make_users(moto_tables)
    make(moto_tables, actual)
    registrations.register(moto_tables, "e", "a")
    before = stored(moto_tables)
    for user_id in ("a", "b", "nobody"):
        with pytest.raises(NotOwner):
            ACCESSES[access](moto_tables, user_id, BOB)
    assert stored(moto_tables) == before


@pytest.mark.parametrize("access", ACCESSES)
@pytest.mark.parametrize("demanded", [ANN, None])
def test_the_owner_and_those_who_may_act_on_any_event_are_not_refused(
    moto_tables: Tables, access: str, demanded: str | None
) -> None:
    make_users(moto_tables)
    make(moto_tables)
    if access in {"unregister", "get"}:
        registrations.register(moto_tables, "e", "a")
    ACCESSES[access](moto_tables, "a", demanded)


@pytest.mark.parametrize("access", ACCESSES)
@pytest.mark.parametrize("demanded", [ANN, None])
def test_an_event_that_does_not_exist_is_not_found_by_any_caller(
    moto_tables: Tables, access: str, demanded: str | None
) -> None:
    make_users(moto_tables)
    missing = RegistrationNotFound if access in {"unregister", "get"} else EventNotFound
    with pytest.raises(missing):
        ACCESSES[access](moto_tables, "a", demanded)


@pytest.mark.parametrize(
    ("fields", "people", "user_id", "refusal"),
    [
        ({}, "a", "a", AlreadyRegistered),
        ({}, "", "nobody", UserNotFound),
        ({"status": "cancelled"}, "", "a", EventClosed),
        ({"capacity": 1, "has_waitlist": False}, "a", "b", EventFull),
        ({"capacity": 1}, "ab", "b", AlreadyRegistered),
    ],
)
def test_a_registration_tells_a_stranger_nothing_but_that_the_event_is_not_theirs(
    moto_tables: Tables, fields: dict[str, Any], people: str, user_id: str, refusal: type[Refusal]
) -> None:
    make_users(moto_tables)
    make(moto_tables, **fields)
    for person in people:
        registrations.register(moto_tables, "e", person)
    with pytest.raises(NotOwner):
        registrations.register(moto_tables, "e", user_id, BOB)
    with pytest.raises(refusal):
        registrations.register(moto_tables, "e", user_id, ANN)


def test_a_stranger_does_not_learn_the_version_or_whether_anybody_is_registered(moto_tables: Tables) -> None:
    make_users(moto_tables)
    make(moto_tables)
    registrations.register(moto_tables, "e", "a")
    version = events.get(moto_tables, "e").version
    wrong: list[tuple[list[str] | None, list[str], type[Refusal]]] = [
        (["0"], [], VersionMismatch),
        (None, [version], VersionMismatch),
        (None, [], EventHasRegistrations),
    ]
    for expected, excluded, refusal in wrong:
        with pytest.raises(NotOwner):
            event_deletion.delete(moto_tables, "e", expected, excluded, BOB)
        with pytest.raises(refusal):
            event_deletion.delete(moto_tables, "e", expected, excluded, ANN)
    for expected, excluded, refusal in wrong[:2]:
        with pytest.raises(NotOwner):
            events.update(moto_tables, "e", {"title": "U"}, expected, excluded, BOB)
        with pytest.raises(refusal):
            events.update(moto_tables, "e", {"title": "U"}, expected, excluded, ANN)


def test_a_stranger_is_refused_before_the_cursor_is_read(moto_tables: Tables) -> None:
    make(moto_tables)
    for owner, refusal in ((BOB, NotOwner), (ANN, CursorInvalid)):
        with pytest.raises(refusal):
            registration_lists.of_event(moto_tables, "e", limit=1, cursor="x", owner=owner)


def test_an_update_keeps_the_owner_in_both_halves_of_the_event(moto_tables: Tables) -> None:
    make(moto_tables)
    assert events.update(moto_tables, "e", {"title": "U", "capacity": 5}, owner=ANN).owner == ANN
    events.update(moto_tables, "e", {"title": "V"})
    for key in (details_key("e"), seats_key("e")):
        assert (moto_tables.get("Events", key) or {})["owner"] == ANN


def test_an_event_without_an_owner_is_stored_as_before(moto_tables: Tables) -> None:
    make(moto_tables, None)
    for key in (details_key("e"), seats_key("e")):
        assert "owner" not in (moto_tables.get("Events", key) or {})
    assert events.get(moto_tables, "e").owner is None


def test_nobody_is_registered_for_an_event_that_becomes_anothers_before_the_write(moto_tables: Tables) -> None:
    make_users(moto_tables)
    make(moto_tables)
    with rival(moto_tables, made_again_by(moto_tables, BOB)) as other, pytest.raises(NotOwner):
        registrations.register(moto_tables, "e", "a", ANN)
    assert other.acted == 1
    assert registration_lists.of_event(moto_tables, "e", limit=9).entries == []


def test_nobody_joins_the_queue_of_an_event_that_becomes_anothers_before_the_write(moto_tables: Tables) -> None:
    """The rival's event is full as well, with the same counters: nothing but the owner differs."""
    make_users(moto_tables)
    make(moto_tables, capacity=1)
    registrations.register(moto_tables, "e", "a")

    def act() -> None:
        registrations.unregister(moto_tables, "e", "a")
        event_deletion.delete(moto_tables, "e")
        make(moto_tables, BOB, capacity=1)
        registrations.register(moto_tables, "e", "a")

    with rival(moto_tables, in_turn(nothing, act), times=2) as other, pytest.raises(NotOwner):
        registrations.register(moto_tables, "e", "b", ANN)
    assert other.acted == 2
    assert [it.user_id for it in registration_lists.of_event(moto_tables, "e", limit=9).entries] == ["a"]


@pytest.mark.parametrize("capacity", [1, 2])
def test_nobody_loses_the_seat_of_an_event_that_becomes_anothers_before_the_write(
    moto_tables: Tables, monkeypatch: pytest.MonkeyPatch, capacity: int
) -> None:
    """The user is registered there too, at the same moment by the clock: nothing but the owner differs."""
    monkeypatch.setattr(registrations, "now", lambda: "2030-01-01T00:00:00.000Z")
    make_users(moto_tables)
    make(moto_tables, capacity=capacity)
    registrations.register(moto_tables, "e", "a")
    with (
        rival(moto_tables, made_again_by(moto_tables, BOB, "a")) as other,
        pytest.raises(NotOwner),
    ):
        registrations.unregister(moto_tables, "e", "a", ANN)
    assert other.acted == 1
    assert registrations.get(moto_tables, "e", "a").status == "confirmed"


def test_an_event_that_becomes_anothers_before_the_write_is_neither_deleted_nor_changed(moto_tables: Tables) -> None:
    for change in (
        lambda: event_deletion.delete(moto_tables, "e", owner=ANN),
        lambda: events.update(moto_tables, "e", {"title": "U"}, owner=ANN),
    ):
        make(moto_tables)
        with rival(moto_tables, made_again_by(moto_tables, BOB)) as other, pytest.raises(NotOwner):
            change()
        assert other.acted == 1
        assert (events.get(moto_tables, "e").owner, events.get(moto_tables, "e").title) == (BOB, "T")
        event_deletion.delete(moto_tables, "e")


@pytest.mark.parametrize(
    ("access", "number"), [("get", 2), ("get", 3), ("unregister", 2), ("unregister", 3), ("list", 2)]
)
@pytest.mark.parametrize("registered", ["", "a"])
def test_what_is_read_of_an_event_that_becomes_anothers_meanwhile_is_not_told(
    moto_tables: Tables, access: str, registered: str, number: int
) -> None:
    """Each before one of its GetItem calls: for the registration, or for the owner again."""
    make_users(moto_tables)
    make(moto_tables)
    act = made_again_by(moto_tables, BOB, *registered)
    acting = in_turn(act, *[nothing] * 50)
    with before_call(moto_tables, "GetItem", number, acting), pytest.raises(NotOwner):
        ACCESSES[access](moto_tables, "a", ANN)


def test_a_promotion_that_a_newcomer_helps_does_not_hide_that_the_event_became_anothers(
    moto_tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the promotion the counters are those of another's event, which is closed."""
    make_users(moto_tables)
    make(moto_tables, capacity=1)
    for user_id in "ab":
        registrations.register(moto_tables, "e", user_id)
    with monkeypatch.context() as patch:
        patch.setattr(queue, "promote_waiting", lambda _tables, _event_id, seats: seats)
        events.update(moto_tables, "e", {"capacity": 2, "has_waitlist": False})
    anothers = rules.Seats(capacity=1, status="cancelled", has_waitlist=False, version="v", owner=BOB)
    monkeypatch.setattr(queue, "promote_waiting", lambda *_args, **_options: anothers)
    with pytest.raises(NotOwner):
        registrations.register(moto_tables, "e", "c", ANN)


def test_another_refusal_does_not_count_while_the_owner_is_not_known() -> None:
    """Another transaction is at SEATS, so nothing tells whose the event is: the attempt is repeated."""
    seats = Step(action="Update", table="Events", key=seats_key("e"), condition="#confirmed < #capacity")
    user = Step(action="ConditionCheck", table="Users", key={"userId": "a"}, refusal=lambda _image: UserNotFound())
    reasons = [{"Code": "TransactionConflict"}, {"Code": "ConditionalCheckFailed"}]
    assert isinstance(cancellation_cause([demanding(seats, None), user], reasons), UserNotFound)
    assert isinstance(cancellation_cause([demanding(seats, ANN), user], reasons), Changed)


def several(tables: Tables, owners: str) -> None:
    """Make an event for each letter, which stands for its owner, and register the user `a` for all of them."""
    make_users(tables, "a")
    for number, owner in enumerate(owners):
        events.create(tables, f"e{number:03}", FIELDS, owner)
        registrations.register(tables, f"e{number:03}", "a")


def pages(tables: Tables, owner: str, limit: int) -> tuple[list[list[str]], list[str]]:
    """Return the events on each page of a user's registrations, and the cursors in between."""
    found: list[list[str]] = []
    cursors: list[str] = []
    while True:
        page = registration_lists.of_user(
            tables, "a", limit=limit, cursor=cursors[-1] if cursors else None, owner=owner
        )
        found.append([event.event_id for _registration, event in page.entries])
        if page.next_cursor is None:
            return found, cursors
        cursors.append(page.next_cursor)


@pytest.mark.parametrize("limit", [1, 2, 9])
def test_the_list_of_a_user_has_the_registrations_for_the_owners_events_alone(moto_tables: Tables, limit: int) -> None:
    several(moto_tables, "ABBABAB")
    own = ["e000", "e003", "e005"]
    found, _ = pages(moto_tables, "A", limit)
    assert found == [own[start : start + limit] for start in range(0, len(own), limit)]
    assert pages(moto_tables, "C", limit) == ([[]], [])
    with pytest.raises(UserNotFound):
        registration_lists.of_user(moto_tables, "nobody", limit=limit, owner="A")


def test_no_cursor_names_an_event_of_another_owner(moto_tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few pointers are read at a time, so that runs of other owners' events are longer than that."""
    monkeypatch.setattr(registration_lists, "BATCH_KEYS", 2)
    several(moto_tables, "BBBABBBBBABB")
    found, cursors = pages(moto_tables, "A", 1)
    assert found == [["e003"], ["e009"]]
    assert cursors == [encode(list_name("registrations of user", "a"), "e003")]


def test_a_demanded_owner_costs_two_reads_more_where_something_is_read_and_nothing_where_only_written(
    moto_tables: Tables,
) -> None:
    make_users(moto_tables)
    make(moto_tables)
    more = {}
    for name in ("register", "get", "list", "unregister"):
        costs = []
        for owner in (None, ANN):
            if name == "register":
                registrations.unregister(moto_tables, "e", "a") if owner else None
            elif name == "unregister" and owner:
                registrations.register(moto_tables, "e", "a")
            with metered(moto_tables) as meter:
                ACCESSES[name](moto_tables, "a", owner)
            costs.append((sum(meter.calls.values()), meter.reads, meter.writes))
        more[name] = tuple(new - old for old, new in zip(*costs, strict=True))
    assert more == {"register": (0, 0, 0), "get": (2, 2, 0), "list": (2, 2, 0), "unregister": (2, 2, 0)}


def test_a_stranger_is_refused_by_one_read_and_writes_nothing_to_a_busy_event(moto_tables: Tables) -> None:
    make_users(moto_tables)
    make(moto_tables)
    registrations.register(moto_tables, "e", "a")
    sent: list[str] = []
    with hooked(moto_tables, "before-call.dynamodb.TransactWriteItems", lambda **_context: sent.append("write")):
        for access in ("get", "list", "unregister", "update"):
            with pytest.raises(NotOwner):
                ACCESSES[access](moto_tables, "a", BOB)
    assert sent == []
