"""The real server on a real store, both processes of their own with a proxy before them: they break and are killed."""

import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from storage.dynamodb.tables import Tables
from storage.embedded import EMULATOR_ACCESS, embedded_store
from storage.schema import TABLE_VARIABLES
from tests.apparatus.proxy import Fault, Proxy, proxy

ROOT: Final = Path(__file__).parents[2]
ACCESS: Final = {
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_DEFAULT_REGION": "us-east-1",
}

#: What happens to the requests of the clients, and to those of the server, of which a history has many more.
FRONT: Final = {Fault.DELAY: 0.05, Fault.RESET: 0.05, Fault.LOSE_REPLY: 0.1}
BACK: Final = {Fault.DELAY: 0.1, Fault.RESET: 0.002, Fault.LOSE_REPLY: 0.004}


class Server:
    """One process of the service, which may still be starting."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Start it."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.linearizability.server", "--port", "0"],
            cwd=ROOT,
            env={**_own_environ(), "PYTHONPATH": str(ROOT), **ACCESS, **environ},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        # It logs every request, and would wait if nobody read that.
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
        """The port it listens on, once it does."""
        self._started.wait()
        assert " at http://" in self._first, f"the server did not start: {self.log}"
        return urlsplit(self._first.split(" at ")[1].split(" ")[0]).port or 0

    @property
    def log(self) -> str:
        """What it printed last."""
        return "".join(self._lines)

    def kill(self) -> None:
        """End it without a warning, with SIGKILL, in whatever it is doing; any number of times."""
        self.process.kill()

    def end(self) -> None:
        """Wait until nothing is left of it."""
        self.kill()
        self.process.wait()
        self._reader.join()
        assert self.process.stdin is not None
        self.process.stdin.close()


class Service:
    """A server behind the proxy `front`, which reaches the store through the proxy `back`.

    `tables` is the way to the store that has no proxy on it.
    """

    def __init__(self, tables: Tables, front: Proxy, back: Proxy, mutant: str | None) -> None:
        """Start the first server."""
        self.tables = tables
        self.front = front
        self.back = back
        self._environ = {TABLE_VARIABLES[table]: name for table, name in tables.names.items()}
        self._environ["AWS_ENDPOINT_URL_DYNAMODB"] = back.url
        self._environ |= {"MUTANT": mutant} if mutant else {}
        self._servers: list[Server] = []
        self.server = self.spare()
        self.front.target = self.server.port

    @property
    def url(self) -> str:
        """Where clients find it, whichever server it is."""
        return self.front.url

    def spare(self) -> Server:
        """Start another server, and do not wait for it."""
        self._servers.append(Server(self._environ))
        return self._servers[-1]

    def succeed(self, successor: Server | None = None) -> None:
        """Wait until the server has been killed, and put another in its place; meanwhile nobody can connect."""
        self.server.process.wait()
        self.front.refuse()
        self.server = successor or self.spare()
        self.front.target = self.server.port
        self.front.come_back()

    def end(self) -> None:
        """Leave no server running."""
        for server in self._servers:
            server.end()


@contextmanager
def service(tables: Tables, store_url: str, mutant: str | None = None) -> Iterator[Service]:
    """Run the service on existing tables of a store, as long as the context lasts."""
    with ExitStack() as resources:
        back = resources.enter_context(proxy(urlsplit(store_url).port or 0))
        front = resources.enter_context(proxy(0))
        running = Service(tables, front, back, mutant)
        resources.callback(running.end)
        yield running


@contextmanager
def own_service(mutant: str | None = None) -> Iterator[Service]:
    """Run the service on a store of its own, which forgets everything at the end."""
    with embedded_store() as store_url:
        tables = Tables.connect({}, endpoint_url=store_url, **EMULATOR_ACCESS)
        tables.create_missing()
        with service(tables, store_url, mutant) as running:
            yield running


def _own_environ() -> dict[str, str]:
    """Return the environment without what would lead to somebody's account or store."""
    return {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
