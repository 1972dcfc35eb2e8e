"""Many clients in one process of their own, each with a connection, each asking again as soon as it is answered.

`python -m tests.bench.clients` takes the task as JSON on standard input and answers with the figures. It does no more
than find the end of each answer, so that it takes little of the machine from the server.
"""

import asyncio
import itertools
import json
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Final

from tests.bench import ledger
from tests.bench.calls import OPEN

_HEAD_END: Final = b"\r\n\r\n"
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)

#: The events that people run for.
EVENTS: Final = tuple(event_id for event_id in ledger.EVENT_IDS if event_id == OPEN or event_id.startswith("event-"))


@dataclass(frozen=True)
class Task:
    """So many clients for so many seconds; of what is asked once only, the first `skip` are left out."""

    port: int
    operation: str
    clients: int
    seconds: float
    skip: int = 0


@dataclass(frozen=True)
class Figures:
    """What was answered with success in how many seconds, and what the clients themselves took of the CPU."""

    answered: int
    failed: int
    seconds: float
    cpu_seconds: float


def requests(operation: str) -> Iterator[bytes]:
    """Yield the requests of an operation: reads in turns, registrations each once."""
    if operation == "get event":
        for event_id in itertools.cycle(EVENTS):
            yield _request("GET", f"/events/{event_id}")
    for number in itertools.count():
        for event_id in EVENTS:
            yield _request("POST", f"/events/{event_id}/registrations", json.dumps({"userId": ledger.runner(number)}))


def _request(method: str, path: str, body: str = "") -> bytes:
    content = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
    return f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\n{content}\r\n{body}".encode()


class _Client(asyncio.Protocol):
    def __init__(self, source: Iterator[bytes], counts: dict[bool, int]) -> None:
        self._source = source
        self._counts = counts
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(next(self._source))

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(_HEAD_END)
        if not end:
            return
        length = _LENGTH.search(head)
        assert length, head
        if len(body) >= int(length[1]):
            self._counts[head[9:10] == b"2"] += 1
            self._received = b""
            self._transport.write(next(self._source))


async def run(task: Task) -> Figures:
    """Let the clients ask until the time is over."""
    counts = {True: 0, False: 0}
    source = itertools.islice(requests(task.operation), task.skip, None)
    loop = asyncio.get_running_loop()
    connections = [
        await loop.create_connection(lambda: _Client(source, counts), "127.0.0.1", task.port)
        for _ in range(task.clients)
    ]
    start, cpu = time.perf_counter(), time.process_time()
    before = dict(counts)
    await asyncio.sleep(task.seconds)
    figures = Figures(
        counts[True] - before[True],
        counts[False] - before[False],
        time.perf_counter() - start,
        time.process_time() - cpu,
    )
    for transport, _client in connections:
        transport.abort()
    return figures


if __name__ == "__main__":
    print(json.dumps(asdict(asyncio.run(run(Task(**json.load(sys.stdin)))))))  # noqa: T201 - the answer
