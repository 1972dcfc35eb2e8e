"""Updates of one event wait for each other in the process; other events do not, below the limit of all changes.

`test_writers.py` has registrations.
"""

import asyncio
import contextlib
import gc
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from handlers.app import create_app
from handlers.pipeline.operations import CHANGES, DELETERS, WRITERS
from handlers.pipeline.turns import Turns
from storage import event_deletion, events, registrations
from storage.dynamodb.tables import Tables
from storage.errors import EventNotFound, RegistrationNotFound
from tests.apparatus.client import EVENT, Client

#: Ends a test that waits for what never happens; no test takes as long otherwise.
PATIENCE = 30

Talk = Callable[[httpx.AsyncClient], Coroutine[Any, Any, Any]]


def talk(tables: Tables, with_client: Talk) -> Any:
    """Talk to a new application on one event loop, as a server does."""

    async def run() -> Any:
        transport = httpx.ASGITransport(app=create_app(tables))
        async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
            return await with_client(client)

    return asyncio.run(run())


@contextmanager
def long_changes(
    monkeypatch: pytest.MonkeyPatch, changes: int, module: Any = registrations, name: str = "register"
) -> Iterator[Callable[[], Coroutine[Any, Any, Any]]]:
    """Make a change last until the context ends; the result waits until this number of changes has begun."""
    begun, over = threading.Barrier(changes + 1), threading.Event()

    def change(*_arguments: Any, **_options: Any) -> None:
        begun.wait(PATIENCE)
        over.wait(PATIENCE)
        raise RegistrationNotFound

    with monkeypatch.context() as patch:
        patch.setattr(module, name, change)
        try:
            yield lambda: asyncio.to_thread(begun.wait, PATIENCE)
        finally:
            over.set()


def register(client: httpx.AsyncClient, number: int, event: str = "conf") -> "asyncio.Task[httpx.Response]":
    """Register somebody, half of the people with the event's id in the path and half with the id in the body."""
    path, body = (f"/events/{event}/registrations", {}) if number % 2 else ("/registrations", {"eventId": event})
    return asyncio.create_task(client.post(path, json={"userId": f"u{number}", **body}))


def update(client: httpx.AsyncClient, _number: int) -> "asyncio.Task[httpx.Response]":
    return asyncio.create_task(client.put("/events/conf", json=EVENT))


def test_a_process_makes_four_updates_of_an_event_at_a_time_and_others_wait(
    moto_tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    four, five = threading.Barrier(WRITERS), threading.Barrier(WRITERS + 1)
    crowded: list[int] = []

    def crowd(*_arguments: Any, **_options: Any) -> None:
        four.wait(PATIENCE)
        with contextlib.suppress(threading.BrokenBarrierError):
            crowded.append(five.wait(0.5))
        raise EventNotFound

    async def update_all(client: httpx.AsyncClient) -> list[httpx.Response]:
        return await asyncio.gather(*(update(client, number) for number in range(3 * WRITERS)))

    monkeypatch.setattr(events, "update", crowd)
    assert {answer.status_code for answer in talk(moto_tables, update_all)} == {404}
    assert (WRITERS, crowded) == (4, [])


@dataclass(frozen=True)
class Change:
    """A change of an event, the function of `storage` behind it, and the maximum number of them at a time."""

    send: Callable[..., "asyncio.Task[httpx.Response]"]
    module: Any
    name: str
    limit: int
    #: A change of the other kind to another event, which waits for none of them.
    other: tuple[str, str, dict[str, Any]]


UPDATED = EVENT | {"eventId": "other", "capacity": 3}


@pytest.mark.parametrize(
    "change",
    [
        Change(register, registrations, "register", 1, ("PUT", "/events/other", UPDATED)),
        Change(update, events, "update", WRITERS, ("POST", "/events/other/registrations", {"userId": "ada"})),
    ],
    ids=["registrations", "updates"],
)
def test_long_changes_to_an_event_delay_neither_other_events_nor_users_nor_reads(
    moto_tables: Tables, monkeypatch: pytest.MonkeyPatch, change: Change
) -> None:
    (method, path, body), other = change.other, EVENT | {"eventId": "other"}
    for event in (EVENT, other):
        assert Client(create_app(moto_tables)).post("/events", json=event).status_code == 201

    async def others(client: httpx.AsyncClient) -> list[int]:
        with long_changes(monkeypatch, change.limit, change.module, change.name) as begun:
            tasks = [change.send(client, number) for number in range(change.limit)]
            await begun()
            tasks += [change.send(client, number) for number in range(change.limit, 2 * WRITERS)]
            answers = [
                await asyncio.wait_for(answer, PATIENCE)
                for answer in (
                    client.post("/users", json={"userId": "ada", "name": "Ada"}),
                    client.post("/events", json=EVENT | {"eventId": "new"}),
                    client.request(method, path, json=body),
                    client.delete("/events/other"),
                    client.get("/events/conf"),
                )
            ]
            assert not any(task.done() for task in tasks)
        await asyncio.wait(tasks)
        return [answer.status_code for answer in answers]

    assert talk(moto_tables, others) == [
        201,
        201,
        200 if method == "PUT" else 201,
        204 if method == "PUT" else 409,
        200,
    ]


def test_an_update_waits_for_no_deletion_of_its_event_and_a_deletion_waits_for_another(
    moto_tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A PUT stops a deletion, which may last as long as a request."""
    assert Client(create_app(moto_tables)).post("/events", json=EVENT).status_code == 201

    async def meanwhile(client: httpx.AsyncClient) -> int:
        with long_changes(monkeypatch, DELETERS, event_deletion, "delete_with_registrations") as begun:
            deletion = "/events/conf?withRegistrations=true"
            tasks = [asyncio.create_task(client.delete(deletion)) for _ in range(2 * WRITERS)]
            await begun()
            answer = await asyncio.wait_for(client.put("/events/conf", json=EVENT), PATIENCE)
            assert not any(task.done() for task in tasks)
        await asyncio.wait(tasks)
        return answer.status_code

    assert (DELETERS, talk(moto_tables, meanwhile)) == (1, 200)


def test_changes_to_any_number_of_events_leave_threads_for_users_and_reads(
    moto_tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def others(client: httpx.AsyncClient) -> list[int]:
        with long_changes(monkeypatch, CHANGES) as begun:
            tasks = [register(client, number, f"e{number}") for number in range(2 * CHANGES)]
            await begun()
            answers = [
                await asyncio.wait_for(answer, PATIENCE)
                for answer in (client.post("/users", json={"userId": "ada", "name": "Ada"}), client.get("/users/ada"))
            ]
        await asyncio.wait(tasks)
        return [answer.status_code for answer in answers]

    assert talk(moto_tables, others) == [201, 200]


def test_the_turns_of_an_event_are_forgotten_when_nobody_has_or_awaits_one() -> None:
    async def take_turns() -> None:
        turns = Turns(1)

        async def change(event_id: str) -> None:
            async with turns.of(event_id):
                await asyncio.sleep(0)
                assert event_id in turns

        await asyncio.gather(*(change(f"e{number % 3}") for number in range(9)))
        gc.collect()
        assert not any(f"e{number}" in turns for number in range(3))

    asyncio.run(take_turns())
