"""Servers die by SIGKILL in the middle of what they do: nothing is oversold, lost or skipped, and the next goes on."""

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
from tests.apparatus.proxy import passing
from tests.linearizability.clients import PATIENCE_SECONDS, Client
from tests.linearizability.crashes import crash, kill_at
from tests.linearizability.model import Call
from tests.linearizability.report import Figures
from tests.linearizability.service import Service

#: A new seed every time; CRASH_SEED repeats one.
SEED = int(os.environ.get("CRASH_SEED", random.getrandbits(32)))

#: After a batch and three more, four are left to wait.
CAPACITY = 1 + rules.BATCH + 3
CROWD = [f"waiting-{number:02d}" for number in range(rules.BATCH + 3 + 4)]
NEWCOMERS = ["newcomer-1", "newcomer-2", "newcomer-3", "newcomer-4"]


def test_servers_die_in_the_middle_of_load_and_every_history_stays_right(running: Service) -> None:
    figures = Figures()
    for seed in range(SEED, SEED + 6):
        found = figures.judge(crash(running, seed))
        assert not found, f"CRASH_SEED={seed}: {found}"
    assert figures.unknown
    assert list(audit(running.tables)) == []


def crowd(tables: Tables, event_id: str) -> None:
    """Make an event of one seat that many wait for; they are put there, as it would take long to let them register."""
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


def ask(url: str, event_id: str, call: Call) -> Mapping[str, Any]:
    """Ask until there is an answer, and return what it says."""
    answer = Client(url, event_id, 0, call.user).ask_all([call])[-1].answer
    assert answer
    return answer.body


def newcomers_register(url: str, event_id: str) -> list[str]:
    def register(user: str) -> int:
        said = ask(url, event_id, Call("register", user))
        # After a 503, a repeated request may find that it was registered by the first.
        return int(said.get("registration", said)["waitlistPosition"])

    with ThreadPoolExecutor(len(NEWCOMERS)) as threads:
        places = dict(zip(threads.map(register, NEWCOMERS), NEWCOMERS, strict=True))
    return [*CROWD[-4:], *(places[place] for place in range(5, 5 + len(NEWCOMERS)))]


def somebody_leaves(url: str, event_id: str) -> list[str]:
    ask(url, event_id, Call("unregister", CROWD[0]))
    return CROWD[-3:]


def the_update_is_repeated(url: str, event_id: str) -> list[str]:
    event = ask(url, event_id, Call("update", fields={"capacity": CAPACITY}))
    assert (event["confirmedCount"], event["waitlistCount"]) == (CAPACITY, 4)
    return CROWD[-4:]


@pytest.mark.parametrize(
    ("write", "done", "promoted", "next_write"),
    [
        (2, False, 0, newcomers_register),
        (2, True, rules.BATCH, somebody_leaves),
        (3, False, rules.BATCH, newcomers_register),
        (3, False, rules.BATCH, the_update_is_repeated),
    ],
    ids=[
        "nobody is promoted yet, and people register",
        "the first batch is the last thing it did, and somebody leaves",
        "half of them are promoted, and people register",
        "half of them are promoted, and the update is repeated",
    ],
)
def test_who_dies_while_promoting_is_followed_by_the_next_write_in_order(
    running: Service, write: int, *, done: bool, promoted: int, next_write: Callable[[str, str], list[str]]
) -> None:
    """Newcomers queue behind those who are owed a seat, however many come at once."""
    event_id = f"drained-{write}-{done}-{next_write.__name__}"
    crowd(running.tables, event_id)
    kill_at(running, write, done=done)
    with pytest.raises(httpx.TransportError):
        httpx.put(f"{running.url}/events/{event_id}", json={"capacity": CAPACITY}, timeout=PATIENCE_SECONDS)
    running.succeed()
    running.back.plan = passing
    assert queue(running.tables, event_id) == CROWD[promoted:]
    owed = CAPACITY - 1 - promoted
    assert [violation.finding for violation in audit(running.tables)] == [f"{owed} people wait beside a free seat"]
    expected = next_write(running.url, event_id)
    assert queue(running.tables, event_id) == expected
    assert list(audit(running.tables)) == []
