"""An import that ends at any moment leaves the tables right, and the same import again completes it."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from storage import event_deletion, events, registrations, users
from storage.audit import audit
from storage.dynamodb.tables import Tables
from storage.errors import Unavailable
from storage.transfer import batches
from tests.apparatus.faults import Fault, at_attempts, at_rates, faults
from tests.apparatus.hooks import hooked
from tests.apparatus.registered import state
from tests.apparatus.rival import in_turn, nothing, rival
from tests.apparatus.transfers import confirmed, content, event, exported, file, imported, user, waitlisted

PEOPLE = "abcdefghijklmnopqrstuvw"
EXPECTED = ("abcdefgh", "wvutsrqponm")

#: An event of several transactions of seats and of places, and a closed one.
FILE = content(
    file(
        *map(user, PEOPLE[6:]),
        event(capacity=8),
        *map(confirmed, EXPECTED[0]),
        *map(waitlisted, EXPECTED[1]),
        event("closed", 5, status="cancelled"),
        *(confirmed(user_id, "closed") for user_id in "bca"),
        *(waitlisted(user_id, "closed") for user_id in "fed"),
    )
)


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "USERS", 10)
    monkeypatch.setattr(batches, "REGISTRATIONS", {"confirmed": 3, "waitlisted": 4})


@pytest.fixture
def fresh(ministack_tables: Tables) -> Callable[[], Tables]:
    """Return a function that makes tables on ministack; they share a client, which takes longer to make."""

    def fresh() -> Tables:
        names = {table: f"{name}-{uuid.uuid4()}" for table, name in ministack_tables.names.items()}
        tables = Tables(ministack_tables.client, names)
        tables.transport = ministack_tables.transport
        tables.create_missing()
        return tables

    return fresh


class Killed(BaseException):
    """The import is killed."""


@contextmanager
def killed_at(tables: Tables, moment: str, number: int) -> Iterator[list[int]]:
    """Kill an import before or after its transaction of this number, from 0; collect the transactions."""
    transactions: list[int] = []

    def kill(**_context: Any) -> None:
        transactions.append(len(transactions))
        if transactions[-1] == number:
            raise Killed

    with hooked(tables, f"{moment}-call.dynamodb.TransactWriteItems", kill):
        yield transactions


@pytest.mark.parametrize(("alone", "number_of_transactions"), [(True, 13), (False, 23)], ids=["alone", "beside others"])
def test_an_import_killed_at_any_transaction_leaves_the_tables_right_and_can_be_continued(
    fresh: Callable[[], Tables],
    alone: bool,  # noqa: FBT001 - a parameter of the test
    number_of_transactions: int,
) -> None:
    """Transactions follow each other, so that a kill after one is a kill before the next."""
    first = fresh()
    with killed_at(first, "before", -1) as transactions:
        imported(first, FILE, alone=alone)
    assert len(transactions) == number_of_transactions
    complete = exported(first)
    for moment, number in [*(("before", number) for number in transactions), ("after", transactions[-1])]:
        tables = fresh()
        with killed_at(tables, moment, number), pytest.raises(Killed):
            imported(tables, FILE, alone=alone)
        assert list(audit(tables)) == [], f"killed {moment} transaction {number}"
        _, refusals = imported(tables, FILE, alone=alone)
        assert refusals == {}
        assert exported(tables) == complete
        assert state(tables) == EXPECTED


@pytest.mark.parametrize("fault", [fault for fault in Fault if fault not in {Fault.SLOW, Fault.PARTIAL}], ids=str)
def test_a_fault_at_any_transaction_changes_nothing_of_the_outcome(fresh: Callable[[], Tables], fault: Fault) -> None:
    for number in range(13):
        tables = fresh()
        with faults(tables, at_attempts(fault, "TransactWriteItems", number)) as layer:
            loaded, refusals = imported(tables, FILE)
        assert len(layer.met) == 1
        assert (refusals, loaded.written.total(), loaded.present.total()) == ({}, 50, 0)
        assert state(tables) == EXPECTED


@pytest.mark.parametrize("seed", range(3))
def test_under_many_faults_an_import_that_is_repeated_until_it_ends_is_complete(
    fresh: Callable[[], Tables], seed: int
) -> None:
    tables = fresh()
    impatient = Tables(tables.client, tables.names, retry_seconds=0.05)
    rates = dict.fromkeys(Fault, 0.1)
    with faults(impatient, at_rates(seed, rates)) as layer:
        for _attempt in range(100):
            try:
                _, refusals = imported(impatient, FILE)
                break
            except Unavailable:
                continue
    assert len(layer.met) > 10
    assert refusals == {}
    assert state(tables) == EXPECTED


def acting_before(tables: Tables, number: int, act: Callable[[], object]) -> Any:
    """Act once, just before the transaction of this number, from 0."""
    return rival(tables, in_turn(*[nothing] * number, act), times=number + 1)


def test_a_person_who_takes_the_seat_first_is_not_displaced(moto_tables: Tables) -> None:
    users.create(moto_tables, "z", "Z")
    lines = content(file(event(), confirmed("a"), confirmed("b"), waitlisted("c")))
    # Users, event, then the seats.
    with acting_before(moto_tables, 2, lambda: registrations.register(moto_tables, "e", "z")):
        _, refusals = imported(moto_tables, lines, alone=False)
    assert refusals[10].startswith("no seat is free")
    assert state(moto_tables) == ("az", "")


def test_a_person_who_joins_the_queue_meanwhile_is_ahead_of_those_who_follow(moto_tables: Tables) -> None:
    users.create(moto_tables, "z", "Z")
    lines = content(file(event(), confirmed("a"), confirmed("b"), waitlisted("c"), waitlisted("d")))
    # Users, event, seats, then the queue.
    with acting_before(moto_tables, 3, lambda: registrations.register(moto_tables, "e", "z")):
        _, refusals = imported(moto_tables, lines, alone=False)
    assert refusals == {}
    assert state(moto_tables) == ("ab", "zcd")


def test_a_seat_that_becomes_free_meanwhile_is_not_passed_over(moto_tables: Tables) -> None:
    lines = content(file(event(), confirmed("a"), confirmed("b"), waitlisted("c")))
    with acting_before(moto_tables, 3, lambda: registrations.unregister(moto_tables, "e", "a")):
        _, refusals = imported(moto_tables, lines, alone=False)
    assert refusals[11].startswith("a seat is free")
    assert state(moto_tables) == ("b", "")


def test_a_capacity_that_is_lowered_meanwhile_holds(moto_tables: Tables) -> None:
    lines = content(file(event(capacity=3), confirmed("a"), confirmed("b")))
    with acting_before(moto_tables, 2, lambda: events.update(moto_tables, "e", {"capacity": 1})):
        _, refusals = imported(moto_tables, lines, alone=False)
    assert refusals == {10: "no seat is free; the capacity is 1"}
    assert state(moto_tables) == ("a", "")


def test_an_event_that_is_deleted_meanwhile_gets_no_registrations(moto_tables: Tables) -> None:
    lines = content(file(event(), confirmed("a")))
    with acting_before(moto_tables, 2, lambda: event_deletion.delete(moto_tables, "e")):
        _, refusals = imported(moto_tables, lines, alone=False)
    assert refusals == {9: "the event does not exist any more"}
    assert list(audit(moto_tables)) == []


def test_a_user_and_an_event_that_are_created_meanwhile_are_not_overwritten(moto_tables: Tables) -> None:
    with acting_before(moto_tables, 0, lambda: users.create(moto_tables, "a", "Another A")):
        _, refusals = imported(moto_tables, content(file()))
    assert list(refusals) == [2]
    assert users.get(moto_tables, "a").name == "Another A"


def test_a_user_who_is_removed_meanwhile_gets_no_registration(moto_tables: Tables) -> None:
    """No operation removes a user, but a person with access to the tables can."""

    def remove() -> None:
        moto_tables.client.delete_item(TableName="Users", Key={"userId": {"S": "b"}})

    with acting_before(moto_tables, 2, remove):
        _, refusals = imported(moto_tables, content(file(event(), confirmed("a"), confirmed("b"))))
    assert refusals == {10: 'the user "b" does not exist'}
    assert list(audit(moto_tables)) == []
