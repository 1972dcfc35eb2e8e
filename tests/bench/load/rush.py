"""`python -m tests.bench.load.rush`: a rush on one event, changes only: seats, the queue, departures, both, sold out.

The load of `tests.bench.load` has three reads for each two changes, and ministack answers a Query in a time that grows
with the partition, so it shows the emulator more than the writer. Here 64 clients only change the event.
"""

import argparse
import asyncio
import random
import sys
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from storage import audit
from tests.bench.load.connection import Connection
from tests.bench.load.findings import percentile
from tests.bench.load.generator import connected
from tests.bench.load.server import ROOT, Server, started

EVENT: Final = {"title": "T", "description": "D", "date": "2030-05-01", "location": "L", "organizer": "O"}

#: A request: its method, path and body.
Call = tuple[str, str, dict[str, object] | None]


def main() -> None:
    """Run the phases on a server of its own, and audit its tables."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.load.rush", description="Rush to one event.")
    parser.add_argument("--clients", type=int, default=64, help="number of clients (default: %(default)s)")
    parser.add_argument("--people", type=int, default=400, help="number of people (default: %(default)s)")
    options = parser.parse_args()
    log = ROOT / "build" / "load" / "rush.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with started(Path(log)) as server:
        failed = asyncio.run(_rush(server, options.clients, options.people))
        assert server.tables
        found = [f"{finding.key}: {finding.finding}" for finding in audit.audit(server.tables)]
    print(f"The audit of the tables found {len(found)} violations.")  # noqa: T201 - a command's output
    sys.exit(1 if failed or found else 0)


async def _rush(server: Server, clients: int, count: int) -> bool:
    """Run one phase after the other; return whether a request was answered 5xx."""
    people = [f"u{number:05d}" for number in range(count)]
    half, quarter = count // 2, count // 4
    async with connected(server.url, clients) as connections:
        for name, capacity, waitlist in (("hot", half, True), ("full", 1, False)):
            body = EVENT | {"eventId": name, "capacity": capacity, "hasWaitlist": waitlist}
            await connections[0].fetch("POST", "/events", body)
        both = _leave(people[quarter:half]) + _come("hot", people[:quarter])
        random.Random(1).shuffle(both)  # noqa: S311 - it has to be repeatable, not secret
        phases: dict[str, list[Call]] = {
            "create users": [("POST", "/users", {"userId": person, "name": "N"}) for person in people],
            "take seats": _come("hot", people[:half]),
            "join the queue": _come("hot", people[half:]),
            "leave, and promote": _leave(people[:quarter]),
            "leave and join": both,
            "sold out": _come("full", people[:half]),
        }
        return any([await _phase(name, calls, connections) for name, calls in phases.items()])


def _come(event: str, people: Iterable[str]) -> list[Call]:
    return [("POST", f"/events/{event}/registrations", {"userId": person}) for person in people]


def _leave(people: Iterable[str]) -> list[Call]:
    return [("DELETE", f"/events/hot/registrations/{person}", None) for person in people]


async def _phase(name: str, calls: Iterable[Call], connections: list[Connection]) -> bool:
    left = iter(calls)
    latencies: list[float] = []
    statuses: Counter[int] = Counter()

    async def client(connection: Connection) -> None:
        for call in left:
            start = time.perf_counter()
            response = await connection.send(*call)
            latencies.append((time.perf_counter() - start) * 1000)
            statuses[response.status] += 1

    start = time.perf_counter()
    await asyncio.gather(*map(client, connections))
    rate = len(latencies) / (time.perf_counter() - start)
    p50, p99 = percentile(latencies, 0.5), percentile(latencies, 0.99)
    print(f"{name}: {rate:.0f}/s, p50 {p50:.0f} ms, p99 {p99:.0f} ms; {dict(statuses)}", flush=True)  # noqa: T201
    return any(status >= 500 for status in statuses)


if __name__ == "__main__":
    main()
