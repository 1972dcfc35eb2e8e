"""Run a load, and compare what the service shows afterwards with what the clients were answered."""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

from tests.bench.load.clients import PEOPLE, Client
from tests.bench.load.connection import Connection
from tests.bench.load.generator import Sample, connected, run_client
from tests.bench.load.server import Server

_SAMPLE_SECONDS: Final = 0.5


@dataclass
class Load:
    """The parameters and the results of a load; times are seconds since its start, memory is in megabytes."""

    clients: int
    events: int
    seconds: float
    seed: int
    samples: list[Sample] = field(default_factory=list)
    memory: list[tuple[float, float]] = field(default_factory=list)
    disagreements: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        where = "one hot event" if self.events == 1 else f"{self.events} events"
        return f"{self.clients} clients on {where}"


def run(server: Server, load: Load, progress: Callable[[float], object] = lambda _seconds: None) -> Load:
    """Put a load on the service and fill in the results; `progress` is called with the seconds since the start."""
    asyncio.run(_run(server, load, progress))
    return load


async def _run(server: Server, load: Load, progress: Callable[[float], object]) -> None:
    name = f"{load.events}x{load.clients}-{time.time_ns():x}"
    events = [f"{name}-{number}" for number in range(load.events)]
    clients = [Client(f"{name}-{number}", events, load.seed * 1000 + number) for number in range(load.clients)]
    # Half of the people are registered at any time: half of these are confirmed, and half wait.
    capacity = max(1, load.clients * PEOPLE // load.events // 4)
    async with connected(server.url, load.clients) as connections:
        # A connection takes one request at a time: each creates, and checks, its share of the events.
        shares = [events[number :: load.clients] for number in range(load.clients)]
        paired = list(zip(connections, clients, shares, strict=True))
        await asyncio.gather(
            *(_set_up(connection, share, capacity, client.events) for connection, client, share in paired)
        )
        start = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_watch(server, load, start, progress))
            for connection, client, _share in paired:
                tasks.create_task(run_client(connection, client, load.samples, start + load.seconds))
        found = await asyncio.gather(*(_check(connection, share, clients) for connection, _client, share in paired))
    load.samples = sorted(sample._replace(start=sample.start - start) for sample in load.samples)
    load.disagreements = [*itertools.chain(*(client.unexpected for client in clients), *found)]


async def _set_up(connection: Connection, events: Sequence[str], capacity: int, people: Iterable[str]) -> None:
    """Create events and people."""
    fields = {"title": "T", "description": "D", "date": "2030-05-01", "location": "L", "organizer": "O"}
    for event in events:
        body = {"eventId": event, "capacity": capacity, "hasWaitlist": True, **fields}
        await connection.fetch("POST", "/events", body)
    for person in people:
        await connection.fetch("POST", "/users", {"userId": person, "name": "Somebody"})


async def _watch(server: Server, load: Load, start: float, progress: Callable[[float], object]) -> None:
    while (now := time.monotonic() - start) < load.seconds:
        memory = server.memory()
        if memory is not None:
            load.memory.append((now, memory))
        progress(now)
        await asyncio.sleep(_SAMPLE_SECONDS)


async def _check(connection: Connection, events: Sequence[str], clients: Sequence[Client]) -> list[str]:
    async def get(path: str) -> Any:
        return await connection.fetch("GET", path)

    return [found for event in events for found in await disagreements(get, event, clients)]


async def disagreements(get: Callable[[str], Awaitable[Any]], event: str, clients: Sequence[Client]) -> list[str]:
    """Return where the event's registrations and counts differ from each other or from what the clients know.

    `get` returns the JSON at a path.
    """
    known = {
        person: client.known[person] for client in clients for person in client.events if client.events[person] == event
    }
    listed = await _listed(get, event)
    shown = await get(f"/events/{event}")
    found = [
        f"{person} is {listed.get(person, 'absent')}, and the client last saw {state}"
        for person, state in known.items()
        # A waitlisted person may have been promoted since.
        if state != "unknown" and listed.get(person, "absent") not in {state, {"waitlisted": "confirmed"}.get(state)}
    ]
    confirmed = sum(status == "confirmed" for status in listed.values())
    items = confirmed, len(listed) - confirmed
    counts = shown["confirmedCount"], shown["waitlistCount"]
    if items != counts:
        found.append(f"{event} lists {items}, and counts {counts}")
    if confirmed != min(shown["capacity"], len(listed)):
        found.append(f"{event} has {confirmed} confirmed of {len(listed)} for {shown['capacity']} seats")
    return found


async def _listed(get: Callable[[str], Awaitable[Any]], event: str) -> dict[str, str]:
    """Return the status of each registered person, from all pages of the list."""
    found: dict[str, str] = {}
    cursor = ""
    while True:
        page = await get(f"/events/{event}/registrations?limit=100{cursor}")
        found |= {entry["userId"]: entry["status"] for entry in page["registrations"]}
        if "nextCursor" not in page:
            return found
        cursor = f"&cursor={quote(page['nextCursor'])}"
