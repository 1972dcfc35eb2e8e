"""The clients of `throughput`, in a process of their own, so that their CPU is counted apart from the server's.

`python -m tests.bench.throughput_clients` reads a `Task` as JSON from standard input and prints its `Figures` as JSON.
"""

import asyncio
import itertools
import json
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Final

from tests.bench import dataset
from tests.bench.calls import OPEN
from tests.bench.load.connection import Response
from tests.bench.load.generator import Request, Sample, connected, run_client

#: The events that people register for.
EVENTS: Final = tuple(event_id for event_id in dataset.EVENT_IDS if event_id == OPEN or event_id.startswith("event-"))


@dataclass(frozen=True)
class Task:
    """One operation, sent by `clients` for `seconds`; the first `skip` of its requests are left out."""

    port: int
    operation: str
    clients: int
    seconds: float
    skip: int = 0


@dataclass(frozen=True)
class Figures:
    """Number of successful and of failed requests, elapsed seconds, and CPU seconds of the clients."""

    answered: int
    failed: int
    seconds: float
    cpu_seconds: float


class _Client:
    """A client that takes each request from a source that all clients share."""

    def __init__(self, source: Iterator[Request]) -> None:
        self._source = source

    def next_request(self) -> Request:
        return next(self._source)

    def receive(self, request: Request, sample: Sample, response: Response | None) -> None:
        """Do nothing: the samples are all that is evaluated."""


async def run(task: Task) -> Figures:
    """Send requests for the duration of the task, and abandon those that are unanswered at its end."""
    samples: list[Sample] = []
    client = _Client(itertools.islice(_requests(task.operation), task.skip, None))
    async with connected(f"http://127.0.0.1:{task.port}", task.clients) as connections:
        start, cpu = time.perf_counter(), time.process_time()
        with suppress(TimeoutError):
            async with asyncio.timeout(task.seconds), asyncio.TaskGroup() as tasks:
                for connection in connections:
                    tasks.create_task(run_client(connection, client, samples))
        seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu
    answered = sum(200 <= sample.status < 300 for sample in samples)
    return Figures(answered, len(samples) - answered, seconds, cpu_seconds)


def _requests(operation: str) -> Iterator[Request]:
    """Yield the requests of an operation: reads of the events in rotation, and each registration once."""
    if operation == "get event":
        for event_id in itertools.cycle(EVENTS):
            yield Request(operation, "GET", f"/events/{event_id}")
    for number in itertools.count():
        for event_id in EVENTS:
            yield Request(operation, "POST", f"/events/{event_id}/registrations", {"userId": dataset.runner(number)})


if __name__ == "__main__":
    print(json.dumps(asdict(asyncio.run(run(Task(**json.load(sys.stdin)))))))  # noqa: T201 - the process's result
