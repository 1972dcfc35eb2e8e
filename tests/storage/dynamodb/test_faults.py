"""Every operation with every kind of fault at each of its calls ends in the right outcome or in `Unavailable`.

Afterwards the invariant holds, and the repeated request leads to the intended state. A promotion that is handed over is
continued, as its owner does.
"""

import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest

from storage import (
    audit,
    event_deletion,
    events,
    items,
    queue,
    registration_lists,
    registrations,
    repetitions,
    user_deletion,
    users,
)
from storage.admissions import register_all
from storage.departures import unregister_all
from storage.dynamodb.attributes import Item, unmarshal
from storage.dynamodb.steps import Step
from storage.dynamodb.tables import Tables
from storage.errors import (
    AlreadyRegistered,
    Contention,
    DeletionInProgress,
    EventExists,
    EventNotFound,
    Refusal,
    RegistrationNotFound,
    StorageUnavailable,
    Unavailable,
    UserExists,
    UserNotFound,
    VersionMismatch,
)
from storage.model import Event, EventFields, Registration, User
from storage.rules import Seats
from storage.schema import TABLES
from tests.apparatus.faults import Fault, at_attempts, at_rates, faults, fits, in_sequence

MOMENT = "2030-01-01T00:00:00.000Z"
_numbers = itertools.count()


@dataclass(frozen=True)
class Operation:
    """An operation on an event where a and b have seats and c and d wait; `again` is the refusal of a repetition.

    Without one, a repetition does nothing more, and returns what the first one did.
    """

    act: Callable[[Tables, str], Any]
    again: type[Refusal] | None = None


def together(answers: Mapping[str, Any]) -> None:
    """Raise the refusal of the members of a batch, all of whom have the same, if any."""
    refusals = [answer for answer in answers.values() if isinstance(answer, Refusal)]
    assert len(refusals) in {0, len(answers)}
    assert len({type(refusal) for refusal in refusals}) < 2
    for refusal in refusals:
        raise refusal


FIELDS = EventFields(
    title="T", description="D", date="2030-05-01", location="L", capacity=2, organizer="O", has_waitlist=True
)
OPERATIONS = {
    "create an event": Operation(lambda tables, e: events.create(tables, f"{e}-new", FIELDS), EventExists),
    "create a user": Operation(lambda tables, e: users.create(tables, f"{e}-new", "N"), UserExists),
    "take a seat": Operation(
        lambda tables, e: registrations.register(tables, f"{e}-free", f"{e}-a"), AlreadyRegistered
    ),
    "join the queue": Operation(lambda tables, e: registrations.register(tables, e, f"{e}-e"), AlreadyRegistered),
    "leave a seat": Operation(lambda tables, e: registrations.unregister(tables, e, f"{e}-a"), RegistrationNotFound),
    "leave the queue": Operation(lambda tables, e: registrations.unregister(tables, e, f"{e}-c"), RegistrationNotFound),
    "take seats and join together": Operation(
        lambda tables, e: together(register_all(tables, f"{e}-free", [f"{e}-{name}" for name in "cab"])),
        AlreadyRegistered,
    ),
    "leave together": Operation(
        lambda tables, e: together(unregister_all(tables, e, [f"{e}-{name}" for name in "ac"])), RegistrationNotFound
    ),
    "raise the capacity": Operation(lambda tables, e: events.update(tables, e, {"capacity": 4})),
    "delete": Operation(lambda tables, e: event_deletion.delete(tables, f"{e}-free"), EventNotFound),
    "delete a user with a seat": Operation(lambda tables, e: user_deletion.delete(tables, f"{e}-a"), UserNotFound),
    "delete a user who waits": Operation(lambda tables, e: user_deletion.delete(tables, f"{e}-c"), UserNotFound),
    "delete with registrations": Operation(event_deletion.delete_with_registrations, EventNotFound),
    "create an owner's event": Operation(lambda tables, e: events.create(tables, f"{e}-new", FIELDS, "o"), EventExists),
    "take a seat of the owner's": Operation(
        lambda tables, e: registrations.register(tables, f"{e}-free", f"{e}-a", "o"), AlreadyRegistered
    ),
    "join the queue of the owner's": Operation(
        lambda tables, e: registrations.register(tables, e, f"{e}-e", "o"), AlreadyRegistered
    ),
    "leave a seat of the owner's": Operation(
        lambda tables, e: registrations.unregister(tables, e, f"{e}-a", "o"), RegistrationNotFound
    ),
    "raise the owner's capacity": Operation(lambda tables, e: events.update(tables, e, {"capacity": 4}, owner="o")),
    "delete the owner's": Operation(
        lambda tables, e: event_deletion.delete(tables, f"{e}-free", owner="o"), EventNotFound
    ),
    "get a registration for the owner": Operation(lambda tables, e: registrations.get(tables, e, f"{e}-d", "o")),
    "list an event's registrations for the owner": Operation(
        lambda tables, e: registration_lists.of_event(tables, e, limit=10, owner="o")
    ),
    "list a user's registrations for the owner": Operation(
        lambda tables, e: registration_lists.of_user(tables, f"{e}-d", limit=10, owner="o")
    ),
    "get an event": Operation(events.get),
    "get a registration": Operation(lambda tables, e: registrations.get(tables, e, f"{e}-d")),
    "list an event's registrations": Operation(lambda tables, e: registration_lists.of_event(tables, e, limit=10)),
    "list a user's registrations": Operation(lambda tables, e: registration_lists.of_user(tables, f"{e}-d", limit=10)),
    "list events": Operation(lambda tables, _e: len(events.list_page(tables, limit=2).entries)),
}


#: Every POST of the contract with a key, also in a shared transaction.
KEYED = {
    "create an event with a key": Operation(lambda tables, e: events.create(tables, f"{e}-new", FIELDS, key=e)),
    "create an owner's event with a key": Operation(
        lambda tables, e: events.create(tables, f"{e}-new", FIELDS, "o", key=e)
    ),
    "create an event without an id": Operation(lambda tables, e: events.create(tables, None, FIELDS, key=e)),
    "create a user with a key": Operation(lambda tables, e: users.create(tables, f"{e}-new", "N", key=e)),
    "create a user without an id": Operation(lambda tables, e: users.create(tables, None, "N", key=e)),
    "take a seat with a key": Operation(lambda tables, e: registrations.register(tables, f"{e}-free", f"{e}-a", key=e)),
    "take a seat of the owner's with a key": Operation(
        lambda tables, e: registrations.register(tables, f"{e}-free", f"{e}-a", "o", e)
    ),
    "join the queue with a key": Operation(lambda tables, e: registrations.register(tables, e, f"{e}-e", key=e)),
    "take seats and join together with keys": Operation(
        lambda tables, e: together(
            register_all(tables, f"{e}-free", crowd := [f"{e}-{name}" for name in "cab"], dict.fromkeys(crowd, e))
        )
    ),
}
OPERATIONS |= KEYED

#: The writing operations, with those that name the version that they change.
WRITES = {name: operation for name, operation in OPERATIONS.items() if not name.startswith(("get", "list"))} | {
    "raise the capacity of a known version": Operation(
        lambda tables, e: events.update(tables, e, {"capacity": 4}, ["0"]), VersionMismatch
    ),
    "delete a known version": Operation(
        lambda tables, e: event_deletion.delete(tables, f"{e}-free", ["0"]), EventNotFound
    ),
}


def make(tables: Tables) -> str:
    """Make a full event with a queue, an event with free seats, both of the owner `o`, and five users."""
    e = f"e{next(_numbers)}"
    found: list[tuple[str, dict[str, Any]]] = []
    for event_id, seats in (
        (
            e,
            Seats(
                capacity=2,
                status="active",
                has_waitlist=True,
                version="0",
                confirmed=2,
                waitlisted=2,
                next_seq=2,
                owner="o",
            ),
        ),
        (f"{e}-free", Seats(capacity=2, status="active", has_waitlist=True, version="0", owner="o")),
    ):
        event = Event(
            **vars_of(FIELDS), event_id=event_id, version="0", created_at=MOMENT, updated_at=MOMENT, owner="o"
        )
        found += [("Events", items.details_item(event)), ("Events", items.seats_item(event_id, seats))]
    for name, seq in {"a": None, "b": None, "c": 0, "d": 1}.items():
        user_id, status = f"{e}-{name}", "confirmed" if seq is None else "waitlisted"
        registration = Registration(event_id=e, user_id=user_id, status=status, registered_at=MOMENT)  # type: ignore[arg-type]
        found += [("Registrations", items.registration_item(registration, seq))]
        found += [("Registrations", items.pointer_key(user_id, e))]
        found += [] if seq is None else [("Registrations", items.queue_item(registration, seq))]
    found += [("Users", items.user_item(User(user_id=f"{e}-{name}", name="N", created_at=MOMENT))) for name in "abcde"]
    tables.transact([Step(action="Put", table=table, item=item) for table, item in found])
    return e


def vars_of(fields: EventFields) -> dict[str, Any]:
    return {name: getattr(fields, name) for name in EventFields.__dataclass_fields__}


#: Attributes that differ from run to run: times, and random texts, of which it matters which ones are equal.
TIMES = {"createdAt", "updatedAt", "registeredAt", "promotedAt"}
RANDOM = {"version", "together"}


def states(tables: Tables, made: Sequence[str]) -> dict[str, list[str]]:
    """Return the items of each event that `make` made, and of those around it, without what differs from run to run.

    To read all tables once, at the end, takes far less than to ask the service after each case.
    """
    found: dict[str, list[tuple[str, Item]]] = {e: [] for e in made}
    generated = {repetitions.new_id(e): e for e in made}
    ids = re.compile("|".join([*generated, r"\be[0-9]+\b"]))

    def renamed(text: str) -> str:
        return ids.sub(lambda own: "new" if own[0] in generated else "e", text)

    for table, name in tables.names.items():
        for page in tables.client.get_paginator("scan").paginate(TableName=name):
            for item in map(unmarshal, page["Items"]):
                keys = str([item[part["AttributeName"]] for part in TABLES[table]["KeySchema"]])
                (e,) = {generated.get(own, own) for own in ids.findall(keys)}
                found[e].append((f"{table} {renamed(keys)}", item))

    def comparable(items: list[tuple[str, Item]]) -> Iterator[str]:
        numbers: dict[Any, int] = {}
        for keys, item in sorted(items, key=lambda entry: entry[0]):
            known = {key: value for key, value in item.items() if key not in TIMES | RANDOM}
            random = {key: numbers.setdefault(item[key], len(numbers)) for key in sorted(RANDOM & item.keys())}
            yield f"{keys} {renamed(str(sorted(known.items())))} {random} {sorted(TIMES & item.keys())}"

    return {e: list(comparable(items)) for e, items in found.items()}


def attempted(tables: Tables, operation: Operation) -> tuple[list[tuple[str, int]], str]:
    """Return the calls that an operation makes without faults, and the event on which it was done, which is right."""
    e = make(tables)
    with faults(tables, at_rates(0, {})) as layer:
        operation.act(tables, e)
    assert list(audit.audit(tables)) == []
    attempts = [(name, number) for name, count in layer.attempts.items() for number in range(count)]
    return attempts, e


def check(tables: Tables, right: str, cases: Mapping[str, str]) -> None:
    """Check that each case left its event as the one that is right, and nothing besides."""
    found = states(tables, [right, *cases])
    for e, case in cases.items():
        assert found[e] == found[right], case


@pytest.mark.parametrize("name", OPERATIONS)
def test_with_any_fault_at_any_call_the_outcome_is_right_or_the_request_can_be_repeated(
    ministack_tables: Tables, name: str
) -> None:
    operation, handed_over = OPERATIONS[name], set[str]()
    ministack_tables.hand_over = lambda event_id, **_how: handed_over.add(event_id)
    attempts, right = attempted(ministack_tables, operation)
    outcomes, cases = [], {}
    for (call, number), fault, times in itertools.product(attempts, Fault, (1, 3)):
        if not fits(fault, call):
            continue
        cases[e := make(ministack_tables)] = f"{fault} at {call} {number}, {times} times"
        with faults(ministack_tables, at_attempts(fault, call, number, times)) as layer:
            try:
                operation.act(ministack_tables, e)
                outcomes.append("done")
            except (Contention, DeletionInProgress, StorageUnavailable) as refusal:
                assert times == 3, f"{fault} once at {call} must be hidden from the caller"
                outcomes.append(type(refusal).__name__)
        assert layer.met
        if outcomes[-1] != "done":
            with suppress(operation.again or Unavailable):
                operation.act(ministack_tables, e)
        while handed_over:
            queue.resume(ministack_tables, handed_over.pop())
    check(ministack_tables, right, cases)
    assert {"done", "StorageUnavailable"} <= set(outcomes)


@pytest.mark.parametrize("name", KEYED)
def test_a_post_that_is_repeated_with_its_key_after_any_lost_request_or_reply_is_done_once(
    ministack_tables: Tables, name: str
) -> None:
    """The caller repeats whatever the outcome was, also one that was known: the answers are the same."""
    operation = KEYED[name]
    attempts, right = attempted(ministack_tables, operation)
    lost = (Fault.UNSENT, Fault.RESET, Fault.LOST, Fault.FAILED)
    cases = {}
    for (call, number), fault, times in itertools.product(attempts, lost, (1, 3)):
        cases[e := make(ministack_tables)] = f"{fault} at {call} {number}, {times} times"
        answers = []
        with faults(ministack_tables, at_attempts(fault, call, number, times)) as layer, suppress(StorageUnavailable):
            answers.append(operation.act(ministack_tables, e))
        assert layer.met
        answers += [operation.act(ministack_tables, e) for _ in range(2)]
        assert all(answer == answers[0] for answer in answers), cases[e]
    check(ministack_tables, right, cases)


@pytest.mark.parametrize("busy", [Fault.THROTTLED, Fault.IN_PROGRESS])
@pytest.mark.parametrize("name", WRITES)
def test_a_lost_reply_and_a_busy_store_behind_it_never_end_in_a_refusal_of_what_was_done(
    ministack_tables: Tables, name: str, busy: Fault
) -> None:
    """Botocore repeats a call twice; the fifth busy answer meets a call that was already sent again."""
    operation = WRITES[name]
    attempts, right = attempted(ministack_tables, operation)
    cases = {}
    writes = [number for call, number in attempts if call == "TransactWriteItems"]
    for number, times in itertools.product(writes, (2, 5)):
        cases[e := make(ministack_tables)] = f"the reply to transaction {number} is lost, {times} times busy"
        sequence = [Fault.LOST, *[busy] * times]
        with faults(ministack_tables, in_sequence("TransactWriteItems", number, sequence)) as layer:
            operation.act(ministack_tables, e)
        assert len(layer.met) == 1 + times
    check(ministack_tables, right, cases)


@pytest.mark.parametrize("name", WRITES)
def test_a_store_that_stays_busy_behind_a_lost_reply_is_contention(ministack_tables: Tables, name: str) -> None:
    operation = WRITES[name]
    impatient = Tables(ministack_tables.client, ministack_tables.names, retry_seconds=0.1)
    e = make(ministack_tables)
    sequence = [Fault.LOST, *[Fault.THROTTLED] * 1000]
    with faults(ministack_tables, in_sequence("TransactWriteItems", 0, sequence)), pytest.raises(Contention):
        operation.act(impatient, e)


@pytest.mark.parametrize("seed", [1, 2])
def test_under_many_faults_the_registrations_are_those_that_were_answered(ministack_tables: Tables, seed: int) -> None:
    """People come and go while a third of all calls meet a fault; each repeats a request until it is answered."""
    e = make(ministack_tables)
    rates = dict.fromkeys((Fault.CONFLICT, Fault.THROTTLED, Fault.FAILED, Fault.UNSENT, Fault.RESET, Fault.LOST), 0.05)
    there = {f"{e}-{name}": name in "abcd" for name in "abcde"}
    with faults(ministack_tables, at_rates(seed, rates)) as layer:
        for number in range(40):
            user_id = f"{e}-{'abcde'[(number * 7 + seed) % 5]}"
            act = registrations.unregister if there[user_id] else registrations.register
            until_answered(lambda: act(ministack_tables, e, user_id))  # noqa: B023 - it is called at once
            there[user_id] = not there[user_id]
    assert len(layer.met) > 10
    assert list(audit.audit(ministack_tables)) == []
    page = registration_lists.of_event(ministack_tables, e, limit=10)
    assert {entry.user_id for entry in page.entries} == {user_id for user_id, is_there in there.items() if is_there}


def until_answered(act: Callable[[], Any]) -> None:
    """Repeat a request until its outcome is known; only a repetition may find it done already."""
    try:
        act()
    except Unavailable:
        with suppress(AlreadyRegistered, RegistrationNotFound):
            until_answered(act)
