"""A request with a key is done once: its repetition gets what the first one made, as it is now."""

from collections.abc import Callable
from typing import Any

import pytest

from storage import event_deletion, events, registration_lists, registrations, repetitions, users
from storage.admissions import register_all
from storage.dynamodb.attributes import marshal
from storage.dynamodb.steps import Changed, Step, cancellation_cause
from storage.dynamodb.tables import Tables
from storage.errors import AlreadyRegistered, EventExists, KeyReused, Refusal, UserExists
from storage.items import details_item, pointer_key, queue_item, registration_item, registration_key, user_item
from storage.model import Event, EventFields, Registration, User
from tests.apparatus.hooks import hooked
from tests.apparatus.meter import metered, size
from tests.apparatus.registered import make_event, register, state
from tests.apparatus.rival import before_call, rival

KEY, OTHER = repetitions.digest("key"), repetitions.digest("other")
FIELDS = EventFields(title="T", description="D", date="2030-05-01", location="L", capacity=2, organizer="O")
OTHER_FIELDS = EventFields(title="U", description="D", date="2030-05-01", location="L", capacity=2, organizer="O")


def registered(tables: Tables, user_id: str, key: str | None = KEY) -> Registration:
    return registrations.register(tables, "e", user_id, key=key)


def test_registering_again_with_the_key_returns_the_registration_as_it_is_now(moto_tables: Tables) -> None:
    make_event(moto_tables, capacity=1)
    register(moto_tables, "a", "b")
    assert registered(moto_tables, "c").position == 2
    registrations.unregister(moto_tables, "e", "b")
    assert registered(moto_tables, "c").position == 1
    registrations.unregister(moto_tables, "e", "a")
    assert registered(moto_tables, "c").status == "confirmed", "the key has survived the promotion"
    assert state(moto_tables) == ("c", "")


def test_the_key_survives_a_promotion_in_a_batch(moto_tables: Tables) -> None:
    make_event(moto_tables, capacity=1)
    first = [registered(moto_tables, user_id) for user_id in "abc"]
    events.update(moto_tables, "e", {"capacity": 3})
    again = [registered(moto_tables, user_id) for user_id in "abc"]
    assert [each.registered_at for each in again] == [each.registered_at for each in first]
    assert state(moto_tables) == ("abc", "")


@pytest.mark.parametrize("key", [OTHER, None])
@pytest.mark.parametrize("first", [KEY, None])
def test_another_key_or_none_is_refused_as_before(moto_tables: Tables, first: str | None, key: str | None) -> None:
    make_event(moto_tables)
    registration = registered(moto_tables, "a", first)
    with pytest.raises(AlreadyRegistered) as refusal:
        registered(moto_tables, "a", key)
    assert refusal.value.registration == registration


def test_a_repetition_is_answered_also_when_the_event_is_closed_or_full(moto_tables: Tables) -> None:
    make_event(moto_tables, capacity=1, has_waitlist=False)
    registration = registered(moto_tables, "a")
    assert registered(moto_tables, "a") == registration
    events.update(moto_tables, "e", {"status": "completed"})
    assert registered(moto_tables, "a") == registration


def test_a_registration_that_is_removed_takes_its_key_with_it(moto_tables: Tables) -> None:
    make_event(moto_tables, capacity=1)
    registered(moto_tables, "a")
    register(moto_tables, "b")
    registrations.unregister(moto_tables, "e", "a")
    assert registered(moto_tables, "a").position == 1
    assert state(moto_tables) == ("b", "a")


def test_of_two_requests_with_one_key_at_once_one_registers_and_both_are_answered(moto_tables: Tables) -> None:
    make_event(moto_tables)
    made: list[Registration] = []
    with rival(moto_tables, lambda: made.append(registered(moto_tables, "a"))):
        assert registered(moto_tables, "a") == made[0]
    assert state(moto_tables) == ("a", "")


def test_of_two_requests_to_join_the_queue_at_once_one_joins_and_both_are_answered(moto_tables: Tables) -> None:
    make_event(moto_tables, capacity=1)
    register(moto_tables, "a")
    with before_call(moto_tables, "TransactWriteItems", 2, lambda: registered(moto_tables, "b")):
        assert registered(moto_tables, "b").position == 1
    assert state(moto_tables) == ("a", "b")


@pytest.mark.parametrize("full", [False, True])
def test_in_a_shared_transaction_each_request_has_its_own_key(moto_tables: Tables, full: bool) -> None:  # noqa: FBT001 - a parameter of the test
    make_event(moto_tables, capacity=2)
    register_all(moto_tables, "e", "abc", {"a": KEY, "b": OTHER})
    if full:
        events.update(moto_tables, "e", {"has_waitlist": False})
    answers = register_all(moto_tables, "e", "abcd", {"a": KEY, "b": KEY, "c": KEY, "d": KEY})
    assert answers["a"] == registrations.get(moto_tables, "e", "a")
    assert isinstance(answers["b"], AlreadyRegistered)
    assert isinstance(answers["c"], AlreadyRegistered)
    assert isinstance(answers["d"], Refusal) == full


def test_a_person_who_waits_repeats_in_a_shared_transaction_with_the_true_position(moto_tables: Tables) -> None:
    make_event(moto_tables, capacity=1)
    register_all(moto_tables, "e", "abc", dict.fromkeys("abc", KEY))
    registrations.unregister(moto_tables, "e", "b")
    answers = register_all(moto_tables, "e", "cd", dict.fromkeys("cd", KEY))
    assert answers == {"c": registrations.get(moto_tables, "e", "c"), "d": registrations.get(moto_tables, "e", "d")}


#: What creates something without an id, with an id, and from other fields.
CREATIONS: dict[str, tuple[Callable[..., Any], Any, Any, type[Refusal]]] = {
    "event": (events.create, FIELDS, OTHER_FIELDS, EventExists),
    "user": (users.create, "Ada", "Bob", UserExists),
}
ANY_CREATION = pytest.mark.parametrize(("create", "fields", "others", "taken"), CREATIONS.values(), ids=CREATIONS)


def the_id(made: Any) -> str:
    return str(made.event_id if isinstance(made, Event) else made.user_id)


@ANY_CREATION
@pytest.mark.parametrize("chosen", [None, "x"], ids=["generated id", "chosen id"])
def test_the_same_creation_with_the_same_key_finds_what_it_made(  # noqa: PLR0913 - parameters of the test
    moto_tables: Tables, create: Any, fields: Any, others: Any, taken: type[Refusal], chosen: str | None
) -> None:
    made = create(moto_tables, chosen, fields, key=KEY)
    assert create(moto_tables, chosen, fields, key=KEY) == made
    with pytest.raises(KeyReused):
        create(moto_tables, chosen, others, key=KEY)
    for key in (OTHER, None):
        with pytest.raises(taken):
            create(moto_tables, the_id(made), fields, key=key)


@ANY_CREATION
def test_what_was_made_without_a_key_is_no_repetition_of_a_request_with_one(
    moto_tables: Tables, create: Any, fields: Any, others: Any, taken: type[Refusal]
) -> None:
    create(moto_tables, "x", fields)
    for sent in (fields, others):
        with pytest.raises(taken):
            create(moto_tables, "x", sent, key=KEY)


@ANY_CREATION
def test_without_an_id_each_key_makes_one_resource(
    moto_tables: Tables, create: Any, fields: Any, others: Any, taken: type[Refusal]
) -> None:
    keys = [KEY, OTHER, None, None, KEY]
    ids = [the_id(create(moto_tables, None, fields, key=key)) for key in keys]
    assert len(set(ids)) == 4
    assert ids[0] == ids[-1]
    assert others
    assert taken


@ANY_CREATION
@pytest.mark.parametrize("chosen", [None, "x"], ids=["generated id", "chosen id"])
def test_of_two_creations_with_one_key_at_once_one_is_done_and_both_are_answered(  # noqa: PLR0913 - parameters of the test
    moto_tables: Tables, create: Any, fields: Any, others: Any, taken: type[Refusal], chosen: str | None
) -> None:
    made: list[Any] = []
    with rival(moto_tables, lambda: made.append(create(moto_tables, chosen, fields, key=KEY))):
        assert create(moto_tables, chosen, fields, key=KEY) == made[0]
    with rival(moto_tables, lambda: create(moto_tables, "y", others, key=KEY)), pytest.raises(KeyReused):
        create(moto_tables, "y", fields, key=KEY)
    assert taken


def test_an_event_is_returned_as_it_is_now_but_compared_with_what_was_sent_then(moto_tables: Tables) -> None:
    events.create(moto_tables, "e", FIELDS, key=KEY)
    users.create(moto_tables, "a", "A")
    registrations.register(moto_tables, "e", "a")
    changed = events.update(moto_tables, "e", {"title": "U", "capacity": 5})
    again = events.create(moto_tables, "e", FIELDS, key=KEY)
    assert (again, again.confirmed) == (changed, 1)
    with pytest.raises(KeyReused):
        events.create(moto_tables, "e", OTHER_FIELDS, key=KEY)


@pytest.mark.parametrize("chosen", [None, "e"])
def test_an_event_that_was_deleted_is_made_again_by_a_repetition(moto_tables: Tables, chosen: str | None) -> None:
    first = events.create(moto_tables, chosen, FIELDS, key=KEY)
    event_deletion.delete(moto_tables, first.event_id)
    again = events.create(moto_tables, chosen, FIELDS, key=KEY)
    assert (again.event_id, again.version == first.version) == (first.event_id, False)


def test_an_event_that_is_deleted_during_its_repetition_is_made_again(moto_tables: Tables) -> None:
    first = events.create(moto_tables, "e", FIELDS, key=KEY)
    with before_call(moto_tables, "Query", 1, lambda: event_deletion.delete(moto_tables, "e")):
        again = events.create(moto_tables, "e", FIELDS, key=KEY)
    assert again.version != first.version
    assert events.get(moto_tables, "e") == again


def test_an_event_that_somebody_else_makes_again_during_a_repetition_is_not_shown(moto_tables: Tables) -> None:
    events.create(moto_tables, "e", FIELDS, "ann", key=KEY)

    def made_again() -> None:
        event_deletion.delete(moto_tables, "e")
        events.create(moto_tables, "e", FIELDS, "bob", key=OTHER)

    with before_call(moto_tables, "Query", 1, made_again), pytest.raises(EventExists):
        events.create(moto_tables, "e", FIELDS, "ann", key=KEY)


@pytest.mark.parametrize("key", [KEY, None])
def test_while_another_transaction_is_at_the_event_a_repetition_is_not_refused(
    moto_tables: Tables, monkeypatch: pytest.MonkeyPatch, key: str | None
) -> None:
    """Only DETAILS has the key; by SEATS alone, the request would be refused because of what it did itself."""
    sent: list[list[Step]] = []
    with monkeypatch.context() as patch:
        patch.setattr(Tables, "transact", lambda _tables, steps: sent.append(steps))
        events.create(moto_tables, "e", FIELDS, key=key)
    reasons: list[dict[str, Any]] = [
        {"Code": "TransactionConflict"},
        {"Code": "ConditionalCheckFailed", "Item": marshal({"eventId": "e"})},
    ]
    cause = cancellation_cause(sent[0], reasons)
    assert isinstance(cause, Changed if key else EventExists)


def test_a_key_costs_nothing_but_for_the_read_of_an_event_that_is_repeated(moto_tables: Tables) -> None:
    make_event(moto_tables, capacity=1)

    def cost(act: Callable[[], Any]) -> tuple[dict[str, int], float, int]:
        with metered(moto_tables) as meter:
            act()
        return dict(meter.calls), meter.reads, meter.writes

    assert cost(lambda: registered(moto_tables, "a")) == ({"TransactWriteItems": 1}, 0, 8)
    assert cost(lambda: registered(moto_tables, "a")) == ({"TransactWriteItems": 1}, 0, 8)
    assert cost(lambda: registered(moto_tables, "b")) == ({"TransactWriteItems": 2}, 0, 18)
    assert cost(lambda: users.create(moto_tables, None, "N", KEY)) == ({"TransactWriteItems": 1}, 0, 2)
    assert cost(lambda: users.create(moto_tables, None, "N", KEY)) == ({"TransactWriteItems": 1}, 0, 2)
    create = lambda: events.create(moto_tables, None, FIELDS, key=KEY)  # noqa: E731 - it is made twice
    assert cost(create) == ({"TransactWriteItems": 1}, 0, 4)
    assert cost(create) == ({"TransactWriteItems": 1, "Query": 1}, 1, 4)


def test_the_largest_registration_and_user_with_a_key_are_one_write_unit(moto_tables: Tables) -> None:
    """Ids of 100 characters, a name of 200 that take four bytes each; a registration that waits in a shared batch."""
    event_id, user_id = "e" * 100, "u" * 100
    moment, together = "2030-05-01T10:00:00.000Z", "6e8b1e1f-2a2b-4dcb-8b49-9a2d3bb1d9c7"
    request = repetitions.request_of(KEY, ["N"])
    registration = Registration(
        event_id=event_id, user_id=user_id, status="waitlisted", registered_at=moment, request=KEY
    )
    user = User(user_id=user_id, name="\U0001f680" * 200, created_at=moment, request=request)
    items = [
        registration_item(registration, 10**9, together),
        queue_item(registration, 10**9, together),
        pointer_key(user_id, event_id),
        user_item(user),
    ]
    assert max(size(marshal(item)) for item in items) <= 1024
    events.create(moto_tables, event_id, FIELDS)
    users.create(moto_tables, user_id, "\U0001f680" * 200, KEY)
    with metered(moto_tables) as meter:
        registrations.register(moto_tables, event_id, user_id, key=KEY)
    assert meter.writes == 8


def test_a_short_event_stays_one_unit_with_a_key() -> None:
    made = {name: getattr(FIELDS, name) for name in EventFields.__dataclass_fields__}
    event = Event(**made, event_id="e" * 36, version="0" * 16, created_at="", updated_at="")
    with_key = Event(**made, event_id="e" * 36, version="0" * 16, created_at="", updated_at="", request="k" * 45)
    added = size(marshal(details_item(with_key))) - size(marshal(details_item(event)))
    assert added == len("request") + 22 + 1 + 22


def test_neither_lists_nor_models_show_the_key(moto_tables: Tables) -> None:
    make_event(moto_tables)
    assert KEY not in repr(registered(moto_tables, "a"))
    assert KEY not in repr(registration_lists.of_user(moto_tables, "a", limit=9))
    assert KEY not in repr(users.create(moto_tables, None, "N", KEY))
    assert KEY not in repr(events.create(moto_tables, None, FIELDS, key=KEY))


def test_a_damaged_key_in_the_tables_is_that_of_no_request(moto_tables: Tables) -> None:
    make_event(moto_tables)
    registered(moto_tables, "a")
    users.create(moto_tables, "x", "N", KEY)
    for table, key in (("Registrations", registration_key("e", "a")), ("Users", {"userId": "x"})):
        moto_tables.client.update_item(
            TableName=moto_tables.names[table],
            Key=marshal(key),
            UpdateExpression="SET #r = :r",
            ExpressionAttributeNames={"#r": "request"},
            ExpressionAttributeValues={":r": {"N": "7"}},
        )
    with pytest.raises(AlreadyRegistered):
        registered(moto_tables, "a")
    with pytest.raises(UserExists):
        users.create(moto_tables, "x", "N", KEY)


def test_a_request_without_a_key_leaves_no_trace_of_one(moto_tables: Tables) -> None:
    written: list[str] = []
    with hooked(moto_tables, "before-call.dynamodb", lambda params, **_more: written.append(str(params["body"]))):
        make_event(moto_tables)
        register(moto_tables, "a")
    assert not any('"request"' in body for body in written)
