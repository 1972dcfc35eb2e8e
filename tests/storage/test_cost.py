"""The cost of each access in DynamoDB calls and request units, as in the table of `storage/README.md`."""

import itertools
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from storage import event_deletion, events, queue, registration_lists, registrations, user_deletion, users
from storage.admissions import register_all
from storage.departures import unregister_all
from storage.dynamodb.attributes import marshal
from storage.dynamodb.recent import Recent
from storage.dynamodb.steps import Step
from storage.dynamodb.tables import Tables
from storage.errors import AlreadyRegistered, Damaged, EventFull, EventNotFound
from storage.items import BLOCK, left_key, registration_key
from storage.model import EventFields
from tests.apparatus.meter import Meter, metered
from tests.apparatus.rival import before_call

PEOPLE = [f"user-{number:02d}" for number in range(12)]


@pytest.fixture
def tables(moto_tables: Tables) -> Tables:
    """Make an event of three seats with seven registrations, and an event with free seats."""
    for event_id, capacity in (("full", 3), ("free", 5)):
        fields = EventFields(
            title="T", description="D", date="2030-05-01", location="L", capacity=capacity, organizer="O",
            has_waitlist=True,
        )  # fmt: skip
        events.create(moto_tables, event_id, fields)
    for user_id in PEOPLE:
        users.create(moto_tables, user_id, "N")
    for user_id in PEOPLE[:7]:
        registrations.register(moto_tables, "full", user_id)
    registrations.register(moto_tables, "free", PEOPLE[0])
    return moto_tables


def cost(tables: Tables, access: Callable[[], Any]) -> Meter:
    with metered(tables) as meter:
        access()
    return meter


def test_getting_an_event_is_one_query(tables: Tables) -> None:
    meter = cost(tables, lambda: events.get(tables, "full"))
    assert (meter.calls, meter.reads, meter.writes) == ({"Query": 1}, 1, 0)


def test_registering_with_a_free_seat_is_one_transaction_and_nothing_else(tables: Tables) -> None:
    meter = cost(tables, lambda: registrations.register(tables, "free", PEOPLE[11]))
    assert (meter.calls, meter.reads, meter.writes) == ({"TransactWriteItems": 1}, 0, 8)


def test_registering_on_a_full_event_takes_one_more_transaction(tables: Tables) -> None:
    """Behind others, the transaction also checks that the place ahead is visible."""
    events.update(tables, "free", {"capacity": 1})
    for event_id, writes in (("free", 8 + 10), ("full", 8 + 12)):
        meter = cost(tables, lambda event_id=event_id: registrations.register(tables, event_id, PEOPLE[11]))  # type: ignore[misc]
        assert (meter.calls, meter.reads, meter.writes) == ({"TransactWriteItems": 2}, 0, writes)


def test_a_refusal_costs_the_one_transaction_that_failed(tables: Tables) -> None:
    events.update(tables, "full", {"has_waitlist": False})
    with pytest.raises(EventFull), metered(tables) as meter:
        registrations.register(tables, "full", PEOPLE[11])
    assert (meter.calls, meter.writes) == ({"TransactWriteItems": 1}, 8)
    with pytest.raises(AlreadyRegistered), metered(tables) as meter:
        registrations.register(tables, "full", PEOPLE[0])
    assert (meter.calls, meter.writes) == ({"TransactWriteItems": 1}, 8)


@pytest.mark.parametrize(
    ("event_id", "user_id", "writes"),
    [("free", PEOPLE[0], 6), ("full", PEOPLE[3], 10), ("full", PEOPLE[5], 10), ("full", PEOPLE[0], 10)],
    ids=[
        "a seat that nobody waits for",
        "the first place in the queue",
        "another place",
        "a seat for the head of the queue",
    ],
)
def test_unregistering_is_two_reads_and_a_transaction(tables: Tables, event_id: str, user_id: str, writes: int) -> None:
    meter = cost(tables, lambda: registrations.unregister(tables, event_id, user_id))
    assert meter.calls == {"GetItem": 1, "Query": 1, "TransactWriteItems": 1}
    assert (meter.reads, meter.writes) == (2, writes)


def test_three_failures_with_the_same_head_cost_one_look_at_the_places_and_registrations(tables: Tables) -> None:
    key = registration_key("full", PEOPLE[3])
    tables.client.delete_item(TableName=tables.names["Registrations"], Key=marshal(key))
    with pytest.raises(Damaged), metered(tables) as meter:
        registrations.unregister(tables, "full", PEOPLE[0])
    assert meter.calls == {"GetItem": 4, "Query": 4, "TransactWriteItems": 3, "TransactGetItems": 1}
    assert (meter.reads, meter.writes) == (4 * 2 + 4, 3 * 10)


@pytest.mark.parametrize("people", [2, 5])
def test_registering_several_people_together_is_one_read_and_one_transaction(tables: Tables, people: int) -> None:
    events.update(tables, "free", {"capacity": people + 1})
    for waiting, writes in ((0, 2 + 6 * people), (1, 4 + 8 * people)):
        if waiting:
            registrations.register(tables, "free", PEOPLE[1])
        crowd = PEOPLE[2:7][:people] if not waiting else PEOPLE[7:12][:people]
        meter = cost(tables, lambda crowd=crowd: register_all(tables, "free", crowd))  # type: ignore[misc]
        assert (meter.calls, meter.reads, meter.writes) == ({"GetItem": 1, "TransactWriteItems": 1}, 1, writes)


def test_the_positions_of_those_who_wait_already_are_read_together(tables: Tables) -> None:
    """People who repeat a request in a rush do not slow down the others."""
    meter = cost(tables, lambda: register_all(tables, "full", PEOPLE[2:9]))
    assert meter.calls == {"GetItem": 1, "TransactWriteItems": 2, "Query": 2}
    events.update(tables, "full", {"has_waitlist": False})
    meter = cost(tables, lambda: register_all(tables, "full", PEOPLE[2:12]))
    assert meter.calls == {"GetItem": 1, "TransactGetItems": 1, "Query": 2}


@pytest.mark.parametrize(
    ("leavers", "queries", "writes"),
    [((0, 1), 1, 2 + 8 * 2), ((3, 4), 0, 2 + 6 * 2 + 2), ((0, 3), 1, 2 + 8 * 2)],
    ids=["two seats for the first two in the queue", "two places", "a seat and a place"],
)
def test_unregistering_several_people_together_is_a_batch_and_a_transaction(
    tables: Tables, leavers: tuple[int, int], queries: int, writes: int
) -> None:
    meter = cost(tables, lambda: unregister_all(tables, "full", [PEOPLE[number] for number in leavers]))
    assert meter.calls == {"BatchGetItem": 1, "TransactWriteItems": 1} | ({"Query": 1} if queries else {})
    assert (meter.reads, meter.writes) == (3 + queries, writes)


def test_seats_that_nobody_waits_for_are_freed_together_without_a_query(tables: Tables) -> None:
    register_all(tables, "free", PEOPLE[1:3])
    meter = cost(tables, lambda: unregister_all(tables, "free", PEOPLE[:3]))
    assert (meter.calls, meter.reads, meter.writes) == ({"BatchGetItem": 1, "TransactWriteItems": 1}, 4, 2 + 4 * 3)


def test_a_place_that_another_process_wrote_together_with_the_one_ahead_costs_more(tables: Tables) -> None:
    register_all(tables, "full", PEOPLE[7:12])
    for own, reads, writes in ((True, 2, 10), (False, 2, 12)):
        tables.answered = tables.answered if own else Recent(1)
        meter = cost(tables, lambda own=own: registrations.unregister(tables, "full", PEOPLE[9 if own else 11]))  # type: ignore[misc]
        assert (meter.reads, meter.writes) == (reads, writes)
    for user_id in PEOPLE[:5]:
        registrations.unregister(tables, "full", user_id)
    meter = cost(tables, lambda: registrations.unregister(tables, "full", PEOPLE[5]))
    assert meter.calls == {"GetItem": 1, "Query": 2, "TransactGetItems": 1, "TransactWriteItems": 1}
    assert (meter.reads, meter.writes) == (2 + 3, 10)


def test_updating_an_event_is_a_query_before_and_after_one_transaction(tables: Tables) -> None:
    meter = cost(tables, lambda: events.update(tables, "free", {"title": "Other"}))
    assert (meter.calls, meter.reads, meter.writes) == ({"Query": 2, "TransactWriteItems": 1}, 2, 4)


def test_promoting_several_people_is_one_query_and_one_transaction_and_the_event_is_read_again(tables: Tables) -> None:
    meter = cost(tables, lambda: events.update(tables, "full", {"capacity": 6}))
    assert meter.calls == {"Query": 2 + 1 + 1, "TransactWriteItems": 1 + 1}
    assert (meter.reads, meter.writes) == (2 + 1 + 1, 4 + 2 + 4 * 3)


def test_a_page_of_a_user_is_two_calls(moto_tables: Tables) -> None:
    users.create(moto_tables, "a", "A")
    for number in range(51):
        fields = EventFields(title="T", description="D", date="2030-05-01", location="L", capacity=1, organizer="O")
        events.create(moto_tables, f"e{number:02d}", fields)
        registrations.register(moto_tables, f"e{number:02d}", "a")
    with metered(moto_tables) as meter:
        page = registration_lists.of_user(moto_tables, "a", limit=50)
    assert len(page.entries) == 50
    assert meter.calls == {"Query": 1, "BatchGetItem": 1}


def test_a_page_of_a_user_takes_one_more_batch_for_all_registrations_that_wait(tables: Tables) -> None:
    """The user has two seats, is at the head of one queue, and is second in two."""
    user_id = PEOPLE[0]
    for event_id, ahead in (("head", 1), ("second", 2), ("other", 2)):
        fields = EventFields(
            title="T", description="D", date="2030-05-01", location="L", capacity=1, organizer="O", has_waitlist=True
        )
        events.create(tables, event_id, fields)
        for person in [*PEOPLE[1 : ahead + 1], user_id]:
            registrations.register(tables, event_id, person)
    meter = cost(tables, lambda: registration_lists.of_user(tables, user_id, limit=50))
    assert (meter.calls, meter.reads) == ({"Query": 1, "BatchGetItem": 1 + 1}, 1 + 2 * 5 + 3 * 2 * 0.5)


def test_a_position_in_the_queue_is_two_queries_and_the_first_is_one(tables: Tables) -> None:
    meter = cost(tables, lambda: queue.position(tables, "full", 3))
    assert (meter.calls, meter.reads) == ({"Query": 2}, 1)
    meter = cost(tables, lambda: queue.position(tables, "full", 0))
    assert (meter.calls, meter.reads) == ({"Query": 1}, 0.5)


def test_getting_a_waitlisted_registration_reads_its_position_as_well(tables: Tables) -> None:
    meter = cost(tables, lambda: registrations.get(tables, "full", PEOPLE[6]))
    assert (meter.calls, meter.reads) == ({"GetItem": 1, "Query": 2}, 2)
    meter = cost(tables, lambda: registrations.get(tables, "full", PEOPLE[0]))
    assert (meter.calls, meter.reads) == ({"GetItem": 1}, 1)


def test_thousands_of_people_who_left_the_queue_add_a_few_units(tables: Tables) -> None:
    """Of 10,000 people ahead, 1 % have left, then half, then all."""
    for left, units in ((BLOCK // 100, 0.5), (BLOCK // 2, 2.0), (BLOCK, 3.5)):
        blocks = [
            Step(action="Put", table="Registrations", item={**left_key("full", first), "numbers": frozenset(numbers)})
            for first in range(BLOCK, 10 * BLOCK, BLOCK)
            for numbers in [range(first, first + left)]
        ]
        tables.transact(blocks)
        meter = cost(tables, lambda: queue.position(tables, "full", 10 * BLOCK))
        assert (meter.calls, meter.reads) == ({"Query": 2}, 0.5 + units)


def test_deleting_an_event_is_one_transaction_and_one_more_if_anybody_ever_queued(tables: Tables) -> None:
    registrations.unregister(tables, "free", PEOPLE[0])
    meter = cost(tables, lambda: event_deletion.delete(tables, "free"))
    assert (meter.calls, meter.reads, meter.writes) == ({"TransactWriteItems": 1}, 0, 4)
    for user_id in PEOPLE[:7]:
        registrations.unregister(tables, "full", user_id)
    meter = cost(tables, lambda: event_deletion.delete(tables, "full"))
    assert (meter.calls, meter.reads, meter.writes) == ({"TransactWriteItems": 2}, 0, 4 + 6)


def test_an_event_that_does_not_exist_is_one_read_more(tables: Tables) -> None:
    """To tell a missing event from a damaged one, DETAILS is looked for; if SEATS exists, it is not."""
    for access, calls in (
        (lambda: registrations.register(tables, "none", PEOPLE[0]), {"TransactWriteItems": 1}),
        (lambda: event_deletion.delete(tables, "none"), {"TransactWriteItems": 1}),
        (lambda: registration_lists.of_event(tables, "none", limit=50), {"Query": 1, "GetItem": 1}),
    ):
        with pytest.raises(EventNotFound), metered(tables) as meter:
            access()
        assert meter.calls == Counter(calls) + Counter({"GetItem": 1})
    meter = cost(tables, lambda: register_all(tables, "none", PEOPLE[:2]))
    assert (meter.calls, meter.reads) == ({"GetItem": 1 + 1}, 1 + 1)


def test_a_page_of_events_is_a_query_and_a_batch(tables: Tables) -> None:
    meter = cost(tables, lambda: events.list_page(tables, limit=100))
    assert (meter.calls, meter.reads) == ({"Query": 1, "BatchGetItem": 1}, 0.5 + 2 * 0.5)


def test_an_event_that_changes_while_it_is_listed_is_one_batch_more(tables: Tables) -> None:
    with before_call(tables, "BatchGetItem", 1, lambda: events.update(tables, "free", {"title": "Other"})):
        meter = cost(tables, lambda: events.list_page(tables, limit=100))
    update = {"Query": 2, "TransactWriteItems": 1}
    assert meter.calls - Counter(update) == {"Query": 1, "BatchGetItem": 1 + 1}


def test_a_page_of_an_event_is_one_query_and_two_more_for_positions(tables: Tables) -> None:
    for status, calls in (("confirmed", 1), ("waitlisted", 1), (None, 3)):
        meter = cost(
            tables,
            lambda status=status: registration_lists.of_event(tables, "full", status=status, limit=50),  # type: ignore[misc]
        )
        assert meter.calls == {"Query": calls}


def test_a_registration_with_a_free_seat_costs_the_same_for_any_number_of_registrations(tables: Tables) -> None:
    meters = [
        cost(tables, lambda user_id=user_id: registrations.register(tables, "free", user_id))  # type: ignore[misc]
        for user_id in PEOPLE[8:11]
    ]
    assert all(one.writes == other.writes for one, other in itertools.pairwise(meters))


@pytest.mark.parametrize("people", [0, 1, 5])
def test_a_deleted_user_takes_a_departure_with_one_check_more_per_registration(
    moto_tables: Tables, people: int
) -> None:
    users.create(moto_tables, "a", "A")
    for number in range(people):
        fields = EventFields(title="T", description="D", date="2030-05-01", location="L", capacity=1, organizer="O")
        events.create(moto_tables, f"e{number}", fields)
        registrations.register(moto_tables, f"e{number}", "a")
    with metered(moto_tables) as meter:
        user_deletion.delete(moto_tables, "a")
    # Each departure: its two reads; SEATS, registration, pointer, and the check of the user.
    forgotten = 2 + 2 * people if people else 0
    assert meter.calls["TransactWriteItems"] == 2 + bool(people) + people
    assert meter.writes == 2 + forgotten + 8 * people + 2
    assert meter.reads == 4 + 2 * people + bool(people)
