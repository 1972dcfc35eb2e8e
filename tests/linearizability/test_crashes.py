"""Servers are killed with SIGKILL during writes: nothing is oversold, lost or skipped, and the next one continues."""

import os
import random
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import httpx
import pytest

from storage import events, registration_lists, registrations, rules, users
from storage.audit import audit
from storage.dynamodb.steps import Step
from storage.dynamodb.tables import Tables
from storage.errors import UserExists
from storage.items import pointer_key, queue_item, registration_item, seats_key, user_item
from storage.model import EventFields, Registration, User, now
from tests.apparatus.patience import until
from tests.apparatus.proxy import passing
from tests.linearizability.clients import PATIENCE_SECONDS, Client
from tests.linearizability.crashes import crash, kill_at
from tests.linearizability.report import Figures
from tests.linearizability.service import Service
from tests.linearizability.state import Call

#: A new seed every time; CRASH_SEED repeats one.
SEED = int(os.environ.get("CRASH_SEED", random.getrandbits(32)))

#: The capacity promotes one batch and three more people; four stay in the queue.
CAPACITY = 1 + rules.BATCH + 3
CROWD = [f"waiting-{number:02d}" for number in range(rules.BATCH + 3 + 4)]
NEWCOMERS = ["newcomer-1", "newcomer-2", "newcomer-3", "newcomer-4"]


def test_servers_are_killed_under_load_and_every_history_is_linearizable(
    running: Service, with_tokens: Service
) -> None:
    """Half of them require tokens."""
    figures = Figures()
    for seed in range(SEED, SEED + 6):
        found = figures.judge(crash(with_tokens if seed % 2 else running, seed))
        assert not found, f"CRASH_SEED={seed}: {found}"
    assert figures.unknown
    assert list(audit(running.tables)) == []


def crowd(tables: Tables, event_id: str) -> None:
    """Create an event of one seat with a long queue; the places are written directly, as registering takes long."""
    fields = EventFields(
        title="T", description="D", date="2030-05-01", location="L", organizer="O", capacity=1, has_waitlist=True
    )
    events.create(tables, event_id, fields)
    for user_id in ["seated", *NEWCOMERS]:
        with suppress(UserExists):
            users.create(tables, user_id, "N")
    registrations.register(tables, event_id, "seated")
    people = [user_item(User(user_id=user_id, name="N", created_at=now())) for user_id in CROWD]
    tables.transact([Step(action="Put", table="Users", item=person) for person in people])
    steps = [step for seq, user_id in enumerate(CROWD) for step in place(event_id, user_id, seq)]
    for first in range(0, len(steps), 99):
        tables.transact(steps[first : first + 99])
    counts = "SET #waitlisted = :waiting, #nextSeq = :waiting"
    seats = seats_key(event_id)
    tables.transact([Step(action="Update", table="Events", key=seats, change=counts, values={"waiting": len(CROWD)})])


def place(event_id: str, user_id: str, seq: int) -> list[Step]:
    waiting = Registration(event_id=event_id, user_id=user_id, status="waitlisted", registered_at=now())
    items = registration_item(waiting, seq), queue_item(waiting, seq), pointer_key(user_id, event_id)
    return [Step(action="Put", table="Registrations", item=item) for item in items]


def queue(tables: Tables, event_id: str) -> list[str]:
    page = registration_lists.of_event(tables, event_id, status="waitlisted", limit=100)
    return [entry.user_id for entry in page.entries]


def request(url: str, event_id: str, call: Call) -> Mapping[str, Any]:
    """Retry a request until its outcome is known, and return the body of the answer."""
    answer = Client([url], event_id, 0, call.user).request_all([call])[-1].answer
    assert answer
    return answer.body


def newcomers_register(url: str, event_id: str) -> list[str]:
    def register(user: str) -> int:
        body = request(url, event_id, Call("register", user))
        # After a 503, a retry may find that the first request has registered the user.
        return int(body.get("registration", body)["waitlistPosition"])

    with ThreadPoolExecutor(len(NEWCOMERS)) as threads:
        assert all(place > len(CROWD[-4:]) for place in threads.map(register, NEWCOMERS))
    return [*CROWD[-4:], *NEWCOMERS]


def a_person_leaves(url: str, event_id: str) -> list[str]:
    request(url, event_id, Call("unregister", CROWD[0]))
    return CROWD[-3:]


def the_update_is_repeated(url: str, event_id: str) -> list[str]:
    event = request(url, event_id, Call("update", fields={"capacity": CAPACITY}))
    assert (event["confirmedCount"], event["waitlistCount"]) == (CAPACITY, 4)
    return CROWD[-4:]


@pytest.mark.parametrize(
    ("write", "done", "promoted", "next_write"),
    [
        (2, False, 0, newcomers_register),
        (2, True, rules.BATCH, a_person_leaves),
        (3, False, rules.BATCH, newcomers_register),
        (3, False, rules.BATCH, the_update_is_repeated),
    ],
    ids=[
        "killed before the first batch, then people register",
        "killed after the first batch, then a person leaves",
        "killed before the second batch, then people register",
        "killed before the second batch, then the update is repeated",
    ],
)
def test_after_a_kill_during_a_promotion_the_next_write_has_it_completed_in_order(
    running: Service, write: int, *, done: bool, promoted: int, next_write: Callable[[str, str], list[str]]
) -> None:
    """Concurrent newcomers queue behind the people who are owed a seat."""
    event_id = f"drained-{write}-{done}-{next_write.__name__}"
    crowd(running.tables, event_id)
    instance = running.instances[0]
    kill_at(instance, write, done=done)
    with pytest.raises(httpx.TransportError):
        httpx.put(f"{instance.url}/events/{event_id}", json={"capacity": CAPACITY}, timeout=PATIENCE_SECONDS)
    instance.replace_server(instance.start_server(SWEEP="off"))
    instance.back.plan = passing
    assert queue(running.tables, event_id) == CROWD[promoted:]
    owed = CAPACITY - 1 - promoted
    assert [violation.finding for violation in audit(running.tables)] == [f"{owed} people wait beside a free seat"]
    expected = next_write(instance.url, event_id)
    until(lambda: len(queue(running.tables, event_id)) == len(expected))
    waiting = queue(running.tables, event_id)
    # The newcomers came at the same time, in any order.
    assert (waiting[:4], sorted(waiting)) == (expected[:4], sorted(expected))
    assert list(audit(running.tables)) == []


def test_after_a_kill_during_a_promotion_the_next_server_completes_it_though_nobody_writes(running: Service) -> None:
    crowd(running.tables, "swept")
    instance = running.instances[0]
    kill_at(instance, 3, done=False)
    with pytest.raises(httpx.TransportError):
        httpx.put(f"{instance.url}/events/swept", json={"capacity": CAPACITY}, timeout=PATIENCE_SECONDS)
    instance.back.plan = passing
    instance.replace_server()
    until(lambda: queue(running.tables, "swept") == CROWD[-4:])
    assert list(audit(running.tables)) == []
