"""Requests per second and CPU of the server under uvicorn, one worker, on a DynamoDB with fixed responses."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from storage.embedded import free_port
from tests.bench.calls import CALLS, Call
from tests.bench.fake_dynamodb import fake_dynamodb
from tests.bench.load.connection import Response
from tests.bench.load.generator import Request, Sample, connected, run_client
from tests.bench.options import Options
from tests.bench.results import Row, Table
from tests.bench.workers import ROOT, Side, environment, interleaved

_CLIENTS: Final = (16, 64)
_OPERATIONS: Final = ("get event", "register")
_SECONDS: Final = 2.0
#: More rounds take long and add little precision: a figure is the mean of thousands of requests.
_ROUNDS: Final = 7
_START_SECONDS: Final = 30
#: Ours as `events-api` serves it, and FastAPI's `def`, as operations that block need it on a server.
_COMMANDS: Final[dict[Side, tuple[str, ...]]] = {
    "ours": ("-c", "from handlers.local import main; main()", "--port"),
    "fastapi_def": ("-m", "uvicorn", "tests.bench.peers.fastapi_def:app", "--no-access-log", "--port"),
}


@dataclass(frozen=True)
class _Server:
    url: str
    pid: int


class _Client:
    """A client that repeats one request, each for another person."""

    def __init__(self, call: Call, number: int) -> None:
        body = call.body and {**call.body, "userId": f"newcomer-{number}"}
        self._request = Request(call.name, call.method, call.path, body)

    def next_request(self) -> Request:
        return self._request

    def receive(self, request: Request, sample: Sample, response: Response | None) -> None:
        """Do nothing: the samples are all that is evaluated."""


def measure(options: Options) -> list[Table]:
    """Measure requests per second and CPU per request, with 16 and with 64 clients."""
    rates, cpu = [], []
    with fake_dynamodb() as url, ExitStack() as stack:
        servers = {side: stack.enter_context(_serving(side, url)) for side in _COMMANDS}
        for call in (call for call in CALLS if call.name in _OPERATIONS):
            for clients in _CLIENTS:
                name = f"{call.name}, {clients} clients"
                if options.wants(name):
                    figures = _figures(options, servers, call, clients)
                    rates.append(Row(name, "/s", {side: [rate for rate, _cpu in figures[side]] for side in servers}))
                    cpu.append(Row(name, "ms", {side: [used for _rate, used in figures[side]] for side in servers}))
    return [
        Table("Requests per second of a server", rates, higher_is_better=True),
        Table("CPU of a server per request", cpu),
    ]


def _figures(
    options: Options, servers: dict[Side, _Server], call: Call, clients: int
) -> dict[Side, list[tuple[float, float]]]:
    seconds = _SECONDS / (4 if options.quick else 1)
    for server in servers.values():
        _load(server, call, clients, seconds)
    rounds = min(options.rounds, _ROUNDS)
    return interleaved(rounds, lambda side: _load(servers[side], call, clients, seconds), list(servers))


def _load(server: _Server, call: Call, clients: int, seconds: float) -> tuple[float, float]:
    """Put a load on a server, and return requests per second, and milliseconds of its CPU per request."""
    before, start = _cpu_seconds(server.pid), time.perf_counter()
    samples = asyncio.run(_samples(server.url, call, clients, seconds))
    used, elapsed = _cpu_seconds(server.pid) - before, time.perf_counter() - start
    assert all(sample.status == call.status for sample in samples), "requests failed"
    return len(samples) / elapsed, used / len(samples) * 1000


async def _samples(url: str, call: Call, clients: int, seconds: float) -> list[Sample]:
    samples: list[Sample] = []
    until = time.monotonic() + seconds
    async with connected(url, clients) as connections, asyncio.TaskGroup() as tasks:
        for number, connection in enumerate(connections):
            tasks.create_task(run_client(connection, _Client(call, number), samples, until))
    return samples


def _cpu_seconds(pid: int) -> float:
    """Return the CPU seconds of all threads of a process (proc(5): utime and stime)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def _serving(side: Side, store_url: str) -> Iterator[_Server]:
    """Serve a side until the context ends."""
    port = free_port()
    command = [sys.executable, *_COMMANDS[side], str(port)]
    silent = subprocess.DEVNULL
    with subprocess.Popen(command, cwd=ROOT, env=environment(store_url), stdout=silent, stderr=silent) as process:
        server = _Server(f"http://127.0.0.1:{port}", process.pid)
        try:
            asyncio.run(_started(server.url))
            yield server
        finally:
            process.send_signal(signal.SIGTERM)


async def _started(url: str) -> None:
    async with asyncio.timeout(_START_SECONDS):
        while True:
            try:
                async with connected(url, 1):
                    return
            except OSError:
                await asyncio.sleep(0.1)
