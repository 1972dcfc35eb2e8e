"""A user's positions in many queues at once: equal to the rank in each, in few calls, whatever left or was promoted.

Most tests run on the simulation's store, which is fast. Blocks of a few numbers make small queues extend over many.
"""

import math
import random
from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage import audit, events, queue, registration_lists, registrations, user_positions, users
from storage.dynamodb.steps import Step
from storage.dynamodb.tables import BATCH_KEYS, Tables
from storage.errors import Conflicting, RegistrationNotFound
from storage.items import BLOCK, left_key, queue_key, registration_key, seats_key
from storage.model import Registration
from tests.simulation.clients import fields
from tests.simulation.dynamodb import Dynamo
from tests.simulation.network import Client
from tests.simulation.scheduler import Scheduler

PEOPLE = "abcdefghijkl"
EVENTS = ("x", "y", "z")


def in_memory(seed: int, *, lags: Callable[[], bool] = lambda: False) -> Tables:
    """Make events of one or two seats, and users, in a store of their own."""
    dice = random.Random(seed)  # noqa: S311 - it has to be repeatable, not secret
    tables = Tables(cast("Any", Client(Dynamo(dice, lags=lags), Scheduler(dice), dice, {})))
    for number, event_id in enumerate(EVENTS):
        events.create(tables, event_id, fields({"capacity": 1 + number % 2, "has_waitlist": True}))
    for user_id in PEOPLE:
        users.create(tables, user_id, "N")
    return tables


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Return a function that sets the count of numbers per LEFT item."""

    def use(count: int) -> None:
        for module in ("items", "queue", "user_positions"):
            monkeypatch.setattr(f"storage.{module}.BLOCK", count)

    return use


def ranks(tables: Tables, event_id: str) -> dict[str, int]:
    """Return the rank of each user in the places of a queue."""
    return {place["userId"]: rank for rank, place in enumerate(queue.waiting(tables, event_id, 100), start=1)}


def listed(tables: Tables, user_id: str, limit: int = 100) -> list[Registration]:
    """Return the registrations on all pages of a user."""
    found, cursor = [], None
    while True:
        page = registration_lists.of_user(tables, user_id, limit=limit, cursor=cursor)
        found += [registration for registration, _event in page.entries]
        cursor = page.next_cursor
        if cursor is None:
            return found


def act(tables: Tables, dice: random.Random) -> None:
    """Let a person join or leave a queue, or an organizer change the capacity or the status of an event."""
    event_id, user_id = dice.choice(EVENTS), dice.choice(PEOPLE)
    with suppress(Conflicting, RegistrationNotFound):
        match dice.choice(["join", "join", "join", "leave", "capacity", "status"]):
            case "join":
                registrations.register(tables, event_id, user_id)
            case "leave":
                registrations.unregister(tables, event_id, user_id)
            case "capacity":
                events.update(tables, event_id, {"capacity": dice.randint(1, 4)})
            case "status":
                events.update(tables, event_id, {"status": dice.choice(["active", "active", "cancelled"])})


@pytest.mark.parametrize("block", [1, 2, 7, BLOCK])
def test_in_any_history_a_position_is_the_rank_in_its_queue(small_blocks: Callable[[int], None], block: int) -> None:
    small_blocks(block)
    waited = 0
    for seed in range(10):
        tables, dice = in_memory(seed), random.Random(seed)  # noqa: S311 - it has to be repeatable, not secret
        for _ in range(40):
            act(tables, dice)
            expected = {event_id: ranks(tables, event_id) for event_id in EVENTS}
            for user_id in PEOPLE:
                found = {entry.event_id: entry.position for entry in listed(tables, user_id, dice.choice((1, 2, 100)))}
                assert found.keys() >= {event_id for event_id in EVENTS if user_id in expected[event_id]}
                assert found == {event_id: expected[event_id].get(user_id) for event_id in found}
                waited += len(list(filter(None, found.values())))
        assert list(audit.audit(tables)) == []
    assert waited > 500


def test_a_position_counts_only_those_ahead_who_still_wait(
    small_blocks: Callable[[int], None],
) -> None:
    """The user `d` has number 2 of 0 to 6 at x: `c` ahead leaves, then `f` and `g` behind, then `b` is promoted."""
    small_blocks(2)
    tables = in_memory(0)
    for user_id in "abcdefgh":
        registrations.register(tables, "x", user_id)
    expected = []
    for leaver in ("c", "f", "g", "a"):
        registrations.unregister(tables, "x", leaver)
        expected += [entry.position for entry in listed(tables, "d")]
    assert expected == [2, 2, 2, 1]


@pytest.mark.parametrize("promoted", [1, 2, 3])
def test_positions_are_ranks_while_a_promotion_is_unfinished(
    small_blocks: Callable[[int], None], monkeypatch: pytest.MonkeyPatch, promoted: int
) -> None:
    small_blocks(2)
    tables = in_memory(0)
    for user_id in "abcdefgh":
        registrations.register(tables, "x", user_id)
    registrations.unregister(tables, "x", "e")
    monkeypatch.setattr("storage.rules.BATCH", 1)
    monkeypatch.setattr(queue, "ASSISTED_BATCHES", promoted)
    raised = Step(action="Update", table="Events", key=seats_key("x"), change="SET #capacity = :n", values={"n": 5})
    tables.transact([raised])
    queue.assist(tables, "x")
    assert len(ranks(tables, "x")) == 6 - promoted, "the promotion ended half-way"
    for user_id, rank in ranks(tables, "x").items():
        assert [entry.position for entry in listed(tables, user_id)] == [rank]


@pytest.fixture
def waiting() -> Tables:
    """Let four people wait for x, numbers 0 to 3."""
    tables = in_memory(0)
    for user_id in "abcde":
        registrations.register(tables, "x", user_id)
    return tables


def alter(tables: Tables, **counters: int) -> None:
    for name, value in counters.items():
        change = {"change": f"SET #{name} = :value", "values": {"value": value}}
        tables.transact([Step(action="Update", table="Events", key=seats_key("x"), **change)])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "counters",
    [{"waitlisted": 0}, {"waitlisted": 9}, {"nextSeq": 0}, {"nextSeq": 2}, {"nextSeq": 99}],
    ids=str,
)
def test_a_damaged_counter_that_can_not_be_right_is_not_used(waiting: Tables, counters: dict[str, int]) -> None:
    """The position of the head comes from the places then, as in `queue.position`."""
    alter(waiting, **counters)
    assert user_positions.positions(waiting, {"x": 2}, 4) == {"x": 3}


def test_without_counters_a_position_is_that_of_the_places(waiting: Tables) -> None:
    """An event, or its half, may be gone since the registration was read."""
    waiting.transact([Step(action="Delete", table="Events", key=seats_key("x"))])
    assert user_positions.positions(waiting, {"x": 2}, 4) == {"x": 3}


def test_a_person_who_is_promoted_meanwhile_is_first(waiting: Tables) -> None:
    registrations.unregister(waiting, "x", "a")
    assert user_positions.positions(waiting, {"x": 0}, 4) == {"x": 1}


def test_a_number_that_was_never_assigned_as_far_as_the_counters_show_is_looked_up(waiting: Tables) -> None:
    """The reads lag: the user has just joined."""
    assert user_positions.positions(waiting, {"x": 4}, 4) == {"x": 5}


def test_a_number_that_was_assigned_and_left_after_the_counters_were_read_does_not_count(waiting: Tables) -> None:
    """The LEFT item is newer than the counters: it has the number 4, which they have not assigned yet."""
    newer = Step(action="Put", table="Registrations", item={**left_key("x", 0), "numbers": frozenset({4, 5})})
    waiting.transact([newer])
    assert user_positions.positions(waiting, {"x": 1}, 4) == {"x": 2}


def test_nobody_waits_so_nothing_is_read() -> None:
    assert user_positions.positions(cast("Any", None), {}, 4) == {}


# Which LEFT items a page can read.


@pytest.mark.parametrize(
    ("lengths", "calls", "expected"),
    [
        ([0] * 100, 0, (100, 0)),
        ([1] * 100, 1, (100, 0)),
        ([1] * 101, 1, (100, 0)),
        ([1] * 101, 2, (101, 0)),
        ([2] * 50, 1, (50, 0)),
        ([3] * 50, 1, (33, 0)),
        ([500], 1, (1, 1)),
        ([500, 500], 1, (1, 1)),
        ([500, 0, 0], 1, (3, 1)),
        ([0, 0, 500, 500], 1, (3, 1)),
        ([500, 1], 1, (1, 1)),
        ([500, 1], 2, (2, 1)),
        ([9, 9, 9, 9], 3, (4, 2)),
        ([8, 8, 8, 8], 3, (4, 0)),
        ([60, 60, 60], 2, (3, 0)),
        ([70, 70, 70], 2, (2, 2)),
        ([500, 500, 500, 500], 3, (3, 3)),
    ],
)
def test_a_page_reads_as_many_ranges_as_its_calls_can_the_long_ones_by_a_query_each(
    lengths: list[int], calls: int, expected: tuple[int, int]
) -> None:
    assert user_positions._affordable(lengths, calls) == expected  # noqa: SLF001 - its only caller makes hundreds of items


@given(lengths=st.lists(st.sampled_from((0, 0, 1, 2, 9, 50, 400)), min_size=1, max_size=100), calls=st.integers(1, 3))
def test_the_calls_always_suffice_and_the_first_range_is_always_read(lengths: list[int], calls: int) -> None:
    count, queries = user_positions._affordable(lengths, calls)  # noqa: SLF001 - as above
    rest = sorted(lengths[:count])[: count - queries]
    assert count >= 1
    assert queries + math.ceil(sum(rest) / BATCH_KEYS) <= calls


def test_a_page_whose_positions_take_too_many_calls_is_short_and_the_list_goes_on(
    small_blocks: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    small_blocks(1)
    tables = in_memory(0)
    for event_id in EVENTS:
        for user_id in PEOPLE:
            registrations.register(tables, event_id, user_id)
    monkeypatch.setattr("storage.dynamodb.tables.BATCH_KEYS", 6)
    monkeypatch.setattr(registration_lists, "PAGE_CALLS", 5)
    shown, cursor = [], None
    while True:
        page = registration_lists.of_user(tables, "c", limit=3, cursor=cursor)
        shown.append([(entry.event_id, entry.position) for entry, _event in page.entries])
        cursor = page.next_cursor
        if cursor is None:
            break
    assert shown == [[("x", 2)], [("y", 1)], [("z", 2)]]


def test_left_items_far_behind_are_read_by_query_and_by_batch_alike(small_blocks: Callable[[int], None]) -> None:
    small_blocks(1)
    tables = in_memory(0)
    for event_id in EVENTS:
        for user_id in PEOPLE:
            registrations.register(tables, event_id, user_id)
        for user_id in "egjl":
            registrations.unregister(tables, event_id, user_id)
    numbers = {"x": 1, "y": 0, "z": 1}
    for calls in (2, 3, 4):
        assert user_positions.positions(tables, numbers, calls) == {"x": 2, "y": 1, "z": 2}
    assert {left_key("x", 3)["sk"], queue_key("x", 2)["sk"]} <= {
        item["sk"] for item in tables.query("Registrations", "#pk = :pk", {"pk": registration_key("x", "")["pk"]})
    }
