"""An event has one writer of registrations: requests that wait for it share a transaction, each with its own answer."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import httpx
import pytest
from anyio import CapacityLimiter

from handlers.app import create_app
from handlers.pipeline import writers
from handlers.pipeline.writers import Writers
from storage import audit, events, registrations, users
from storage.dynamodb.tables import Tables
from storage.group import Member, Result, settle
from tests.apparatus.client import EVENT
from tests.apparatus.registered import make_event, register, state

#: Ends a test that waits for what never happens; no test takes as long otherwise.
PATIENCE = 30


class Slow:
    """Holds the first batch until it is released, and records the users of every batch."""

    def __init__(self) -> None:
        self.batches: list[str] = []
        self.begun, self.released, self.ended = threading.Event(), threading.Event(), threading.Event()

    def settle(self, tables: Tables, event_id: str, batch: Sequence[Member]) -> dict[Member, Result]:
        self.batches.append("".join(member.user_id for member in batch))
        self.begun.set()
        assert self.released.wait(PATIENCE)
        try:
            return settle(tables, event_id, batch)
        finally:
            self.ended.set()


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Slow:
    slow = Slow()
    monkeypatch.setattr(writers, "settle", slow.settle)
    return slow


def talk(tables: Tables, with_client: Callable[[httpx.AsyncClient], Coroutine[Any, Any, Any]]) -> Any:
    """Talk to a new application on one event loop, as a server does."""

    async def run() -> Any:
        transport = httpx.ASGITransport(app=create_app(tables))
        async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
            return await with_client(client)

    return asyncio.run(run())


async def after_the_first(slow: Slow, first: Any, others: Sequence[Any]) -> list[httpx.Response]:
    """Send a request, the others in order while the first is written, and return all responses."""
    tasks = [asyncio.create_task(first)]
    await asyncio.to_thread(slow.begun.wait, PATIENCE)
    for other in others:
        tasks.append(asyncio.create_task(other))
        await asyncio.sleep(0.02)
    slow.released.set()
    return list(await asyncio.gather(*tasks))


def test_requests_that_wait_share_a_transaction_in_the_order_of_arrival(moto_tables: Tables, slow: Slow) -> None:
    make_event(moto_tables, capacity=2)
    register(moto_tables, "h")

    async def requests(client: httpx.AsyncClient) -> list[httpx.Response]:
        def come(user_id: str) -> Any:
            return client.post("/events/e/registrations", json={"userId": user_id})

        def come_by_body(user_id: str) -> Any:
            return client.post("/registrations", json={"eventId": "e", "userId": user_id})

        leave = client.delete("/events/e/registrations/h")
        again = client.delete("/registrations/x/e")
        return await after_the_first(
            slow, come("d"), [come("c"), leave, come_by_body("b"), come("nobody"), again, come("h"), come("a")]
        )

    d, c, h_leaves, b, nobody, x_leaves, h, a = talk(moto_tables, requests)
    assert slow.batches == ["d", "hx", "cbnobodyha"]
    assert (h_leaves.status_code, x_leaves.status_code, nobody.status_code) == (204, 404, 404)
    assert [answer.json()["userId"] for answer in (d, c, b, h, a)] == list("dcbha")
    assert [answer.json().get("waitlistPosition") for answer in (d, c, b, h, a)] == [None, None, 1, 2, 3]
    assert state(moto_tables) == ("cd", "bha")


def test_a_single_request_waits_for_no_batch(moto_tables: Tables) -> None:
    make_event(moto_tables)
    found: list[str] = []

    async def one_after_the_other(client: httpx.AsyncClient) -> None:
        for user_id in "abc":
            answer = await client.post("/events/e/registrations", json={"userId": user_id})
            found.append(answer.json()["status"])

    talk(moto_tables, one_after_the_other)
    assert found == ["confirmed", "confirmed", "waitlisted"]


def test_a_request_whose_deadline_passes_is_answered_and_the_batch_goes_on(
    moto_tables: Tables, slow: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_event(moto_tables)

    async def requests(client: httpx.AsyncClient) -> tuple[list[httpx.Response], httpx.Response]:
        def come(user_id: str) -> Any:
            return client.post("/events/e/registrations", json={"userId": user_id})

        monkeypatch.setattr("handlers.pipeline.deadline.REQUEST_SECONDS", 1.5)
        late = [asyncio.create_task(come("a"))]
        await asyncio.to_thread(slow.begun.wait, PATIENCE)
        late.append(asyncio.create_task(come("b")))
        await asyncio.sleep(0.1)
        monkeypatch.setattr("handlers.pipeline.deadline.REQUEST_SECONDS", 30)
        patient = asyncio.create_task(come("c"))
        answers = list(await asyncio.gather(*late))
        slow.released.set()
        return answers, await patient

    late, patient = talk(moto_tables, requests)
    assert [(answer.status_code, answer.json()["type"].rsplit(":")[-1]) for answer in late] == [
        (503, "deadline-exceeded")
    ] * 2
    assert patient.status_code == 201
    # Nobody waits for the answer to b any more, who is left out; a had no time left for a call.
    assert slow.batches == ["a", "c"]
    assert state(moto_tables) == ("c", "")


def test_a_request_that_a_server_cancels_at_its_end_is_answered_and_may_be_done(
    moto_tables: Tables, slow: Slow
) -> None:
    """Uvicorn cancels what still runs when its grace is over, and would answer 500 in plain text."""
    make_event(moto_tables, capacity=2)

    async def cancelled(client: httpx.AsyncClient) -> httpx.Response:
        task = asyncio.create_task(client.post("/events/e/registrations", json={"userId": "a"}))
        await asyncio.to_thread(slow.begun.wait, PATIENCE)
        task.cancel()
        slow.released.set()
        return await task

    answer = talk(moto_tables, cancelled)
    # The batch goes on without the request, and its end would put back the tables that the next test takes away.
    assert slow.ended.wait(PATIENCE)
    assert (answer.status_code, answer.json()["title"]) == (503, "Deadline exceeded")
    assert answer.headers["retry-after"]


def test_without_threads_a_request_is_settled_at_once_on_its_own_thread(
    moto_tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on Lambda, where a process has one request at a time."""
    seen: list[threading.Thread] = []
    for name in ("register", "unregister"):
        monkeypatch.setattr(registrations, name, lambda *_arguments: seen.append(threading.current_thread()))

    async def come_and_go() -> None:
        own = Writers(moto_tables, None)
        await own.register("e", "a")
        await own.unregister("e", "a")

    asyncio.run(come_and_go())
    assert seen == [threading.current_thread()] * 2


def test_a_writer_ends_when_nobody_waits(moto_tables: Tables) -> None:
    make_event(moto_tables)

    async def crowd() -> tuple[int, int]:
        own = Writers(moto_tables, CapacityLimiter(1))
        tasks = [asyncio.create_task(own.register("e", user_id)) for user_id in "abcdef"]
        await asyncio.sleep(0)
        begun = len(own._groups)  # noqa: SLF001 - what it must not keep
        await asyncio.gather(*tasks)
        await asyncio.sleep(0.1)
        return begun, len(own._groups) + len(own._tasks)  # noqa: SLF001 - as above

    assert asyncio.run(crowd()) == (1, 0)
    assert state(moto_tables) == ("ab", "cdef")


def test_requests_that_wait_take_no_threads(ministack_tables: Tables, slow: Slow) -> None:
    """A hundred of them leave the threads of changes to other events."""
    make_event(ministack_tables, capacity=1)
    people = [f"p{number}" for number in range(100)]
    for user_id in people:
        users.create(ministack_tables, user_id, "N")

    async def requests(client: httpx.AsyncClient) -> tuple[int, list[int]]:
        def come(user_id: str) -> Any:
            return client.post("/events/e/registrations", json={"userId": user_id})

        # Other tests in this process may have left event loops with threads.
        before = set(threading.enumerate())
        tasks = [asyncio.create_task(come(user_id)) for user_id in people]
        await asyncio.to_thread(slow.begun.wait, PATIENCE)
        await asyncio.sleep(0.3)
        other = await client.post("/events", json=EVENT)
        threads = sum(thread.name.startswith("AnyIO") for thread in set(threading.enumerate()) - before)
        slow.released.set()
        return threads, [answer.status_code for answer in await asyncio.gather(*tasks)] + [other.status_code]

    threads, statuses = talk(ministack_tables, requests)
    assert threads <= 2
    assert set(statuses) == {201}
    assert len(slow.batches) < 8


def test_two_processes_race_for_the_seats_of_an_event(ministack_tables: Tables) -> None:
    """Each has its own writer and its own knowledge of what is visible; people come, leave and come again."""
    make_event(ministack_tables, capacity=5)
    second = Tables(ministack_tables.client, ministack_tables.names)
    people = [f"p{number:02d}" for number in range(24)]
    for user_id in people:
        users.create(ministack_tables, user_id, "N")

    async def come_and_go(own: Writers, crowd: list[str]) -> list[Any]:
        async def person(user_id: str) -> Any:
            first = await own.register("e", user_id)
            await own.unregister("e", user_id)
            return first, await own.register("e", user_id)

        return await asyncio.gather(*map(person, crowd))

    async def race() -> None:
        own = [Writers(tables, CapacityLimiter(2)) for tables in (ministack_tables, second)]
        crowds = [people[::2], people[1::2]]
        results = await asyncio.gather(*map(come_and_go, own, crowds))
        for crowd, found in zip(crowds, results, strict=True):
            assert [(first.user_id, last.user_id) for first, last in found] == [(it, it) for it in crowd]

    asyncio.run(race())
    assert list(audit.audit(ministack_tables)) == []
    event = events.get(ministack_tables, "e")
    assert (event.confirmed, event.waitlisted) == (5, len(people) - 5)
