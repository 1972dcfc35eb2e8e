"""A load: so many clients on so many events for so long, and what the clients and the service say afterwards."""

import asyncio
import itertools
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Final

import httpx

from tests.bench.load_clients import ANSWER_SECONDS, PEOPLE, Client, Sample
from tests.bench.load_server import Server

SAMPLE_SECONDS: Final = 0.5


@dataclass
class Load:
    """One load and all that was seen; moments are seconds since its start, memory is in megabytes."""

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


def run(server: Server, load: Load, step: Callable[[float], object] = lambda _seconds: None) -> Load:
    """Put a load on the service, and fill in what was seen; `step` hears of every moment, for a display."""
    asyncio.run(_run(server, load, step))
    return load


async def _run(server: Server, load: Load, step: Callable[[float], object]) -> None:
    name = f"{load.events}x{load.clients}-{time.time_ns():x}"
    events = [f"{name}-{number}" for number in range(load.events)]
    async with AsyncExitStack() as connections:
        https = [
            await connections.enter_async_context(httpx.AsyncClient(base_url=server.url, timeout=ANSWER_SECONDS))
            for _ in range(load.clients)
        ]
        # Half of the people are registered at any moment, so that half of these have a seat, and half wait.
        capacity = max(1, load.clients * PEOPLE // load.events // 4)
        at_hand = [https[number % len(https)] for number in range(len(events))]
        await asyncio.gather(*(_create_event(*pair, capacity) for pair in zip(at_hand, events, strict=True)))
        clients = [
            Client(http, f"{name}-{number}", events, load.seed * 1000 + number) for number, http in enumerate(https)
        ]
        await asyncio.gather(*(client.join() for client in clients))
        start = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_watch(server, load, start, step))
            for client in clients:
                tasks.create_task(client.run(start + load.seconds))
        load.samples = sorted(
            sample._replace(start=sample.start - start) for client in clients for sample in client.samples
        )
        found = await asyncio.gather(*(disagreements(*pair, clients) for pair in zip(at_hand, events, strict=True)))
        load.disagreements = [*itertools.chain(*(client.surprises for client in clients), *found)]


async def _create_event(http: httpx.AsyncClient, event: str, capacity: int) -> None:
    fields = {"title": "T", "description": "D", "date": "2030-05-01", "location": "L", "organizer": "O"}
    body = {"eventId": event, "capacity": capacity, "hasWaitlist": True, **fields}
    (await http.post("/events", json=body)).raise_for_status()


async def _watch(server: Server, load: Load, start: float, step: Callable[[float], object]) -> None:
    while (now := time.monotonic() - start) < load.seconds:
        memory = server.memory()
        if memory is not None:
            load.memory.append((now, memory))
        step(now)
        await asyncio.sleep(SAMPLE_SECONDS)


async def disagreements(http: httpx.AsyncClient, event: str, clients: list[Client]) -> list[str]:
    """Return where the event is not what the clients know: who is registered, and how many have a seat."""
    known = {
        person: client.known[person] for client in clients for person in client.events if client.events[person] == event
    }
    listed = await _listed(http, event)
    shown = (await http.get(f"/events/{event}")).raise_for_status().json()
    found = [
        f"{person} is {listed.get(person, 'absent')}, and was told {state}"
        for person, state in known.items()
        # Those who waited may have a seat by now, without having been told.
        if state != "unknown" and listed.get(person, "absent") not in {state, {"waitlisted": "confirmed"}.get(state)}
    ]
    confirmed = sum(status == "confirmed" for status in listed.values())
    counts = confirmed, len(listed) - confirmed
    told = shown["confirmedCount"], shown["waitlistCount"]
    if counts != told:
        found.append(f"{event} lists {counts}, and counts {told}")
    if confirmed != min(shown["capacity"], len(listed)):
        found.append(f"{event} has {confirmed} confirmed of {len(listed)} for {shown['capacity']} seats")
    return found


async def _listed(http: httpx.AsyncClient, event: str) -> dict[str, str]:
    found: dict[str, str] = {}
    page = {"nextCursor": ""}
    while "nextCursor" in page:
        query = {"limit": "100"} | ({"cursor": page["nextCursor"]} if page["nextCursor"] else {})
        page = (await http.get(f"/events/{event}/registrations", params=query)).raise_for_status().json()
        found |= {entry["userId"]: entry["status"] for entry in page["registrations"]}
    return found
