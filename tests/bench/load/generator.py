"""The load generator: clients that each send the next request as soon as the last one is answered.

`tests.bench.throughput` counts the answers; `python -m tests.bench.load` evaluates latency, errors and content.
"""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, Protocol

from tests.bench.load.connection import Connection, Response


class Request(NamedTuple):
    """A request, with the name of its operation and the person that it concerns, if any."""

    operation: str
    method: str
    path: str
    body: Mapping[str, Any] | None = None
    person: str = ""


class Sample(NamedTuple):
    """A request and its result: start and latency in seconds; without a response, status 0 and the error's name."""

    start: float
    operation: str
    status: int
    problem: str
    seconds: float

    @property
    def contention(self) -> bool:
        """Whether it was refused as 503 `contention` or `deadline-exceeded`, which only a busy event may cause."""
        return self.status == 503 and self.problem in {"Contention", "Deadline exceeded"}

    @property
    def fault(self) -> bool:
        """Whether there was no response, or a server error other than contention."""
        return not self.contention and (self.status == 0 or self.status >= 500)


class Script(Protocol):
    """The behaviour of one client."""

    def next_request(self) -> Request:
        """Choose the next request."""

    def receive(self, request: Request, sample: Sample, response: Response | None) -> None:
        """Evaluate its result; `response` is None if none arrived."""


@asynccontextmanager
async def connected(url: str, clients: int) -> AsyncIterator[list[Connection]]:
    """Open a connection for each client."""
    connections = [Connection(url) for _ in range(clients)]
    try:
        for connection in connections:
            await connection.open()
        yield connections
    finally:
        for connection in connections:
            connection.close()


async def run_client(connection: Connection, script: Script, samples: list[Sample], until: float = math.inf) -> None:
    """Send one request after the other until `until`, a time of `time.monotonic()`, and append a sample of each."""
    while (start := time.monotonic()) < until:
        request = script.next_request()
        response, status, problem = None, 0, ""
        try:
            response = await connection.send(request.method, request.path, request.body)
        except OSError as error:
            problem = type(error).__name__
            # A refused connection fails without a pause, and the other clients need their turn.
            await asyncio.sleep(0)
        if response:
            status = response.status
            problem = response.json()["title"] if status >= 400 else ""
        sample = Sample(start, request.operation, status, problem, time.monotonic() - start)
        samples.append(sample)
        script.receive(request, sample, response)
