"""Servers of the real service on one ministack, with proxies in front of each: connections break, and servers die."""

import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from storage.dynamodb.tables import Tables
from storage.embedded import EMULATOR_ACCESS, embedded_store
from storage.schema import TABLE_VARIABLES
from tests.apparatus.issuer import Issuer, issuing
from tests.apparatus.proxy import Fault, Plan, Proxy, proxy

ROOT: Final = Path(__file__).parents[2]
ACCESS: Final = {
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_DEFAULT_REGION": "us-east-1",
}

#: Rates of faults of the clients' requests, and of the server's, of which a history has many more.
FRONT: Final = {Fault.DELAY: 0.05, Fault.RESET: 0.05, Fault.LOSE_REPLY: 0.1}
BACK: Final = {Fault.DELAY: 0.1, Fault.RESET: 0.002, Fault.LOSE_REPLY: 0.004}


class Server:
    """A server process, which may still be starting."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Start the process."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.linearizability.server", "--port", "0"],
            cwd=ROOT,
            env={**_own_environ(), "PYTHONPATH": str(ROOT), **ACCESS, **environ},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        # The server logs every request, and would block if its output were not read.
        self._lines: deque[str] = deque(maxlen=100)
        self._started = threading.Event()
        self._first = ""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self._lines.append(line)
                if not self._first:
                    self._first = line
                    self._started.set()
        self._started.set()

    @property
    def port(self) -> int:
        """The port of the server; waits until the server listens."""
        self._started.wait()
        assert " at http://" in self._first, f"the server did not start: {self.log}"
        return urlsplit(self._first.split(" at ")[1].split(" ")[0]).port or 0

    @property
    def log(self) -> str:
        """The last lines of its output."""
        return "".join(self._lines)

    def kill(self) -> None:
        """Kill the process with SIGKILL; idempotent."""
        self.process.kill()

    def end(self) -> None:
        """Kill the process, and wait until it is gone."""
        self.kill()
        self.process.wait()
        self._reader.join()
        assert self.process.stdin is not None
        self.process.stdin.close()


class Instance:
    """A server behind the proxy `front`, which reaches the store through the proxy `back`."""

    def __init__(self, environ: Mapping[str, str], front: Proxy, back: Proxy) -> None:
        """Start the first server, without waiting for it."""
        self.front = front
        self.back = back
        self._environ = {**environ, "AWS_ENDPOINT_URL_DYNAMODB": back.url}
        self._servers: list[Server] = []
        self.server = self.start_server()

    @property
    def url(self) -> str:
        """URL for clients; it stays the same when the server is replaced."""
        return self.front.url

    def start_server(self, **environ: str) -> Server:
        """Start another server, with this addition to its environment, without waiting for it."""
        self._servers.append(Server(self._environ | environ))
        return self._servers[-1]

    def replace_server(self, successor: Server | None = None) -> None:
        """Wait until the server has been killed, and replace it; meanwhile connections are refused."""
        self.server.process.wait()
        self.front.refuse()
        self.server = successor or self.start_server()
        self.connect()
        self.front.come_back()

    def connect(self) -> None:
        """Wait until the server listens, and forward connections to it."""
        self.front.target = self.server.port

    def end(self) -> None:
        """Kill all servers."""
        for server in self._servers:
            server.end()


@dataclass(frozen=True)
class Service:
    """Instances of the service on one store, which `tables` reaches without a proxy; they trust `issuer`, if any."""

    tables: Tables
    instances: Sequence[Instance]
    issuer: Issuer | None = None

    @property
    def urls(self) -> list[str]:
        """URLs for clients, one per instance."""
        return [instance.url for instance in self.instances]

    def plan_faults(self, front: Plan, back: Plan) -> None:
        """Set the faults of the clients' requests and of the servers', in order of arrival at any instance."""
        for instance in self.instances:
            instance.front.plan, instance.back.plan = front, back


@contextmanager
def service(
    tables: Tables, store_url: str, mutant: str | None = None, *, servers: int = 2, tokens: bool = False
) -> Iterator[Service]:
    """Run a number of servers on existing tables of a store for the duration of the context."""
    environ = {TABLE_VARIABLES[table]: name for table, name in tables.names.items()}
    environ |= {"MUTANT": mutant} if mutant else {}
    with ExitStack() as resources:
        issuer = resources.enter_context(issuing()) if tokens else None
        environ |= issuer.variables if issuer else {}
        instances = []
        for _ in range(servers):
            back = resources.enter_context(proxy(urlsplit(store_url).port or 0))
            front = resources.enter_context(proxy(0))
            instances.append(Instance(environ, front, back))
            resources.callback(instances[-1].end)
        for instance in instances:
            instance.connect()
        yield Service(tables, instances, issuer)


@contextmanager
def own_service(mutant: str | None = None, *, servers: int = 2, tokens: bool = False) -> Iterator[Service]:
    """Run a number of servers on their own store in memory."""
    with embedded_store() as store_url:
        tables = Tables.connect({}, endpoint_url=store_url, **EMULATOR_ACCESS)
        tables.create_missing()
        with service(tables, store_url, mutant, servers=servers, tokens=tokens) as running:
            yield running


def _own_environ() -> dict[str, str]:
    """Return the environment without AWS settings, which might lead to a real account, and without an issuer."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "JWT_"))}
