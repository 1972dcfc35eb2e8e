"""Positions equal the rank in the queue, after any departures and promotions, even concurrent ones."""

import json
import random
from contextlib import suppress
from typing import Any

import pytest

from storage import audit, event_deletion, events, queue, registration_lists, registrations, users
from storage.dynamodb.steps import Step
from storage.dynamodb.tables import Tables
from storage.errors import Conflicting, EventHasRegistrations, EventNotFound, RegistrationNotFound, StorageUnavailable
from storage.items import BLOCK, left_key, queue_number, seats_key
from storage.model import EventFields
from tests.apparatus.rival import in_turn, nothing, rival

PEOPLE = "abcdefghijkl"


def make_event(tables: Tables, given: int = 0, capacity: int = 1) -> None:
    """Make an event whose queue has assigned `given` numbers, to people who have all left."""
    fields = EventFields(
        title="T", description="D", date="2030-05-01", location="L", capacity=capacity, organizer="O", has_waitlist=True
    )
    events.create(tables, "e", fields)
    change = {"change": "SET #nextSeq = :given", "values": {"given": given}}
    tables.transact([Step(action="Update", table="Events", key=seats_key("e"), **change)])  # type: ignore[arg-type]


@pytest.fixture
def people(moto_tables: Tables) -> Tables:
    for user_id in PEOPLE:
        users.create(moto_tables, user_id, "N")
    return moto_tables


def come(tables: Tables, user_ids: str) -> None:
    for user_id in user_ids:
        registrations.register(tables, "e", user_id)


def go(tables: Tables, user_ids: str) -> None:
    for user_id in user_ids:
        registrations.unregister(tables, "e", user_id)


def places(tables: Tables) -> str:
    """Return the users in the queue, in order, and assert that every operation reports their ranks as positions."""
    assert list(audit.audit(tables)) == []
    line = queue.waiting(tables, "e", 100)
    ranks = {place["userId"]: rank for rank, place in enumerate(line, start=1)}
    assert {user_id: registrations.get(tables, "e", user_id).position for user_id in ranks} == ranks
    listed = registration_lists.of_event(tables, "e", limit=100).entries
    assert {entry.user_id: entry.position for entry in listed if entry.position} == ranks
    assert queued(tables) == list(ranks.items())
    return "".join(ranks)


def queued(tables: Tables, cursor: str | None = None) -> list[tuple[str, int | None]]:
    """Return the waitlisted registrations of all pages."""
    page = registration_lists.of_event(tables, "e", status="waitlisted", limit=2, cursor=cursor)
    shown = [(entry.user_id, entry.position) for entry in page.entries]
    return shown + (queued(tables, page.next_cursor) if page.next_cursor else [])


@pytest.mark.parametrize("given", [0, BLOCK - 3, 5 * BLOCK - 1])
def test_people_behind_a_person_who_leaves_move_up(people: Tables, given: int) -> None:
    make_event(people, given)
    come(people, "abcdefgh")
    assert places(people) == "bcdefgh"
    go(people, "dg")
    assert places(people) == "bcefh"
    go(people, "a")
    assert places(people) == "cefh"
    go(people, "c")
    assert places(people) == "efh"
    come(people, "d")
    assert places(people) == "efhd"


@pytest.mark.parametrize("seed", range(8))
def test_after_any_sequence_of_steps_every_position_is_the_rank_in_the_queue(people: Tables, seed: int) -> None:
    """The numbers cross from one block into the next, the capacity goes up and down, and the event closes and opens."""
    dice = random.Random(seed)  # noqa: S311 - it has to be repeatable, not secret
    make_event(people, given=BLOCK - 8, capacity=2)
    for _ in range(50):
        with suppress(Conflicting, RegistrationNotFound):
            match dice.choice(["come", "come", "go", "capacity", "status"]):
                case "come":
                    come(people, dice.choice(PEOPLE))
                case "go":
                    go(people, dice.choice(PEOPLE))
                case "capacity":
                    events.update(people, "e", {"capacity": dice.randint(1, 4)})
                case "status":
                    events.update(people, "e", {"status": dice.choice(["active", "active", "cancelled"])})
    places(people)


def test_a_position_is_never_below_one_though_the_queue_moved_between_the_reads(people: Tables) -> None:
    make_event(people)
    come(people, "abcdef")
    assert queue.positions(people, "e", [0, 2]) == {0: 1, 2: 3}
    go(people, "abc")
    assert queue.positions(people, "e", [0, 1, 2, 3]) == {0: 1, 1: 1, 2: 1, 3: 1}
    events.update(people, "e", {"capacity": 9})
    assert queue.position(people, "e", 4) == 1


# Races: the rival acts after all reads, just before the transaction is sent.


def test_a_person_who_becomes_the_head_while_leaving_is_gone_and_the_next_is_first(people: Tables) -> None:
    make_event(people)
    come(people, "abcde")
    with rival(people, lambda: go(people, "a")) as other:
        go(people, "c")
    assert other.acted == 1
    assert places(people) == "de"


def test_the_head_leaves_while_the_next_person_leaves_too(people: Tables) -> None:
    make_event(people)
    come(people, "abcdef")
    with rival(people, lambda: go(people, "ce")):
        go(people, "b")
    assert places(people) == "df"


def test_of_two_requests_to_leave_the_queue_only_one_records_the_number(people: Tables) -> None:
    make_event(people)
    come(people, "abcde")
    with rival(people, lambda: go(people, "c")), pytest.raises(RegistrationNotFound):
        go(people, "c")
    assert places(people) == "bde"


def test_a_person_back_within_the_same_millisecond_has_another_registration(
    people: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The number identifies a registration in the queue; the time does not."""
    monkeypatch.setattr(registrations, "now", lambda: "2030-01-01T00:00:00.000Z")
    make_event(people)
    come(people, "abcd")

    def again() -> None:
        go(people, "c")
        come(people, "c")

    with rival(people, again):
        go(people, "c")
    assert places(people) == "bd"


def test_a_position_read_while_the_queue_moves_lies_between_the_old_and_the_new(people: Tables) -> None:
    make_event(people)
    come(people, "abcdefg")
    leavers = ["ad", ""]

    def move(**_context: Any) -> None:
        if leavers:
            go(people, leavers.pop())

    people.client.meta.events.register("before-call.dynamodb.Query", move)
    found = queue.position(people, "e", 5)
    people.client.meta.events.unregister("before-call.dynamodb.Query", move)
    assert leavers == []
    assert 4 <= found <= 6
    assert places(people) == "cefg"


# The LEFT items are deleted with the event.


def left_items(tables: Tables) -> list[str]:
    return [item["sk"] for item in tables.query("Registrations", "#pk = :pk", {"pk": left_key("e", 0)["pk"]})]


def use(tables: Tables) -> None:
    """Let people queue and all of them leave, some from the middle."""
    come(tables, "abcd")
    go(tables, "cdba")


def test_an_event_that_is_created_again_begins_with_an_empty_queue(people: Tables) -> None:
    make_event(people)
    use(people)
    event_deletion.delete(people, "e")
    assert left_items(people) == []
    make_event(people)
    come(people, "abcde")
    assert places(people) == "bcde"


def test_a_queue_used_while_its_event_is_deleted_leaves_no_items(people: Tables) -> None:
    make_event(people)
    with rival(people, lambda: use(people)) as other:
        event_deletion.delete(people, "e")
    assert (other.acted, other.transactions) == (1, 2)
    assert left_items(people) == []
    with pytest.raises(EventNotFound):
        events.get(people, "e")


def test_a_queue_used_again_while_its_event_is_deleted_leaves_no_items(people: Tables) -> None:
    make_event(people, given=BLOCK - 2)
    with rival(people, in_turn(nothing, lambda: use(people)), times=2) as other:
        event_deletion.delete(people, "e")
    assert (other.acted, other.transactions) == (2, 3)
    assert left_items(people) == []


def test_an_event_that_a_person_joins_while_it_is_deleted_stays_with_all_places(people: Tables) -> None:
    make_event(people, given=2 * BLOCK)

    def join() -> None:
        come(people, "abcdef")
        go(people, "d")

    with rival(people, in_turn(nothing, join), times=2), pytest.raises(EventHasRegistrations):
        event_deletion.delete(people, "e")
    assert places(people) == "bcef"


LONG = 150 * BLOCK


def fill(tables: Tables) -> None:
    """Put a LEFT item into every block of numbers."""
    steps = [
        Step(action="Put", table="Registrations", item={**left_key("e", seq), "numbers": frozenset({seq})})
        for seq in range(0, LONG, BLOCK)
    ]
    tables.transact(steps[:100])
    tables.transact(steps[100:])


@pytest.mark.parametrize(
    ("blocks", "sizes"),
    [
        (0, [2]),
        (1, [3]),
        (98, [100]),
        (99, [99, 3]),
        (100, [99, 4]),
        (196, [99, 100]),
        (197, [99, 99, 3]),
    ],
)
def test_no_transaction_of_a_deletion_has_more_than_100_writes(people: Tables, blocks: int, sizes: list[int]) -> None:
    make_event(people, given=blocks * BLOCK)
    sent: list[int] = []

    def count(params: dict[str, Any], **_context: Any) -> None:
        sent.append(len(json.loads(params["body"])["TransactItems"]))

    people.client.meta.events.register("before-call.dynamodb.TransactWriteItems", count)
    event_deletion.delete(people, "e")
    people.client.meta.events.unregister("before-call.dynamodb.TransactWriteItems", count)
    # The first attempt assumes that nobody has ever queued.
    assert sent == ([2, *sizes] if blocks else sizes)


def test_the_last_number_of_a_block_is_recorded_in_it_and_deleted_with_the_event(people: Tables) -> None:
    make_event(people, given=BLOCK - 1)
    come(people, "ab")
    go(people, "ba")
    assert left_items(people) == ["LEFT#0000000000"]
    event_deletion.delete(people, "e")
    assert left_items(people) == []


def test_the_left_items_of_a_long_queue_are_deleted_in_several_transactions(people: Tables) -> None:
    make_event(people, given=LONG)
    fill(people)
    with rival(people, nothing) as other:
        event_deletion.delete(people, "e")
    assert (other.transactions, left_items(people)) == (3, [])


def test_a_deletion_that_crashes_half_way_keeps_the_event_and_can_be_repeated(people: Tables) -> None:
    make_event(people, given=LONG)
    fill(people)

    def crash() -> None:
        raise StorageUnavailable("the process crashes before its last transaction")

    with rival(people, in_turn(nothing, nothing, crash), times=3), pytest.raises(StorageUnavailable):
        event_deletion.delete(people, "e")
    assert 0 < len(left_items(people)) < LONG / BLOCK
    come(people, "abcdef")
    go(people, "d")
    assert places(people) == "bcef"
    go(people, "abcef")
    event_deletion.delete(people, "e")
    assert left_items(people) == []


def test_a_deletion_spares_an_event_that_was_created_with_the_same_id_meanwhile(people: Tables) -> None:
    make_event(people, given=LONG)

    def replace() -> None:
        event_deletion.delete(people, "e")
        make_event(people)
        come(people, "abcdef")
        go(people, "d")

    with rival(people, in_turn(nothing, replace), times=2), pytest.raises(EventHasRegistrations):
        event_deletion.delete(people, "e")
    assert places(people) == "bcef"
    assert queue_number(queue.waiting(people, "e", 1)[0]) == 0


def test_positions_are_the_same_on_ministack(ministack_tables: Tables) -> None:
    """Ministack and moto agree on sets of numbers and on the deletion."""
    for user_id in PEOPLE:
        users.create(ministack_tables, user_id, "N")
    make_event(ministack_tables, given=BLOCK - 3)
    come(ministack_tables, "abcdefgh")
    go(ministack_tables, "dga")
    assert places(ministack_tables) == "cefh"
    go(ministack_tables, "cefhb")
    event_deletion.delete(ministack_tables, "e")
    assert left_items(ministack_tables) == []
