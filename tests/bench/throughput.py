"""Requests per second under uvicorn, one worker, on the emulator and on fixed responses."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from storage.embedded import embedded_store
from tests.bench.fake_dynamodb import fake_dynamodb
from tests.bench.options import Options
from tests.bench.results import Row, Table, median
from tests.bench.tables import tables_of
from tests.bench.throughput_clients import EVENTS, Figures, Task
from tests.bench.workers import ROOT, SIDES, Side, environment, interleaved

_CLIENTS: Final = (16, 64)
_OPERATIONS: Final = ("get event", "register")
_SECONDS: Final = 2.0
#: More rounds take long and add little precision: a figure is the mean of thousands of requests.
_ROUNDS: Final = 7
#: Users for more registrations than one server can make in all rounds; an event has seats for all of them.
_RUNNERS: Final = 400


@dataclass
class _Server:
    port: int
    pid: int
    registered: int = 0


@dataclass(frozen=True)
class _Load:
    """Requests per second, milliseconds of server CPU per request, and the cores that server and clients used."""

    rate: float
    cpu: float
    server: float
    clients: float


def measure(options: Options) -> Table:
    """Measure requests per second, with 16 and with 64 clients."""
    rows: list[Row] = []
    with fake_dynamodb() as url:
        environs = {side: environment(url) for side in SIDES}
        rows += _rows(options, "fixed answers", environs)
    with embedded_store() as url:
        environs = {side: tables_of(side, url, runners=_RUNNERS) for side in SIDES}
        rows += _rows(options, "ministack", environs)
    note = (
        "Beside the rates: the cores that the server and the clients used. Where the server used less than one core, "
        "the store or the machine was the limit, and the CPU per request is the better figure."
    )
    return Table("Under uvicorn, one worker: requests per second (more is better), and CPU", rows, note)


def _rows(options: Options, store: str, environs: Mapping[Side, Mapping[str, str]]) -> list[Row]:
    with ExitStack() as stack:
        servers = {side: stack.enter_context(_serving(side, environs[side])) for side in SIDES}
        cases = [
            (f"{operation}, {clients} clients, {store}", operation, clients)
            for operation in _OPERATIONS
            for clients in _CLIENTS
        ]
        return [
            row
            for name, operation, clients in cases
            if options.wants(name)
            for row in _pair(options, name, operation, clients, servers)
        ]


def _pair(options: Options, name: str, operation: str, clients: int, servers: Mapping[Side, _Server]) -> list[Row]:
    """Measure both sides under one load, and return the row of the rates and the row of the CPU per request."""
    seconds = _SECONDS / (4 if options.quick else 1)
    for side in SIDES:
        _run_clients(servers[side], operation, clients, seconds)
    loads = interleaved(
        min(options.rounds, _ROUNDS), lambda side: _measured(servers[side], operation, clients, seconds), SIDES
    )
    rates = {side: [one.rate for one in found] for side, found in loads.items()}
    cpu = {side: [one.cpu for one in found] for side, found in loads.items()}
    cores = {
        side: f"{median([one.server for one in found]):.2f}, {median([one.clients for one in found]):.2f} cores"
        for side, found in loads.items()
    }
    return [
        Row.of(f"{name}", "/s", rates, more_is_better=True, details=cores),
        Row.of("CPU per request", "ms", cpu),
    ]


def _measured(server: _Server, operation: str, clients: int, seconds: float) -> _Load:
    before = _cpu_seconds(server.pid)
    figures = _run_clients(server, operation, clients, seconds)
    used = _cpu_seconds(server.pid) - before
    return _Load(
        rate=figures.answered / figures.seconds,
        cpu=used / figures.answered * 1000,
        server=used / figures.seconds,
        clients=figures.cpu_seconds / figures.seconds,
    )


def _run_clients(server: _Server, operation: str, clients: int, seconds: float) -> Figures:
    """Put a load on a server. Its first requests include what the server does only once."""
    skip = server.registered if operation == "register" else 0
    task = Task(server.port, operation, clients, seconds, skip)
    command = [sys.executable, "-m", "tests.bench.throughput_clients"]
    done = subprocess.run(command, cwd=ROOT, input=json.dumps(asdict(task)), capture_output=True, text=True, check=True)
    figures = Figures(**json.loads(done.stdout))
    assert not figures.failed, f"{figures.failed} requests failed"
    # The last request of each client may have been executed, although its answer was not awaited.
    server.registered += figures.answered + clients if operation == "register" else 0
    assert server.registered < _RUNNERS * len(EVENTS), "there are not enough users"
    return figures


def _cpu_seconds(pid: int) -> float:
    """Return the CPU seconds of all threads of a process (proc(5): utime and stime)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def _serving(side: Side, environ: Mapping[str, str]) -> Iterator[_Server]:
    command = [sys.executable, "-m", "tests.bench.server", side]
    pipes, nowhere = subprocess.PIPE, subprocess.DEVNULL
    with subprocess.Popen(
        command, cwd=ROOT, env=environ, stdin=pipes, stdout=pipes, stderr=nowhere, text=True
    ) as process:
        assert process.stdout
        yield _Server(int(process.stdout.readline()), process.pid)
