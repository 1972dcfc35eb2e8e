"""The real server on a real store, both processes of their own with a proxy before them: they break and are killed."""

import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from storage.schema import TABLE_VARIABLES
from storage.tables import Tables
from tests.proxy import Proxy, proxy

ROOT: Final = Path(__file__).parents[2]
SERVER: Final = ("-c", "from handlers.local import main; main()")
ACCESS: Final = {
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_DEFAULT_REGION": "us-east-1",
}


class Server:
    """One process of the service, which may still be starting."""

    def __init__(self, environ: Mapping[str, str], program: Sequence[str]) -> None:
        """Start it; a program is what Python is to run."""
        self.process = subprocess.Popen(
            [sys.executable, *program, "--port", "0"],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), **ACCESS, **environ},
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


class Service:
    """A server behind the proxy `front`, which reaches the store through the proxy `back`.

    `tables` is the way to the store that has no proxy on it.
    """

    def __init__(self, tables: Tables, front: Proxy, back: Proxy, program: Sequence[str]) -> None:
        """Start the first server."""
        self.tables = tables
        self.front = front
        self.back = back
        self._program = program
        self._environ = {TABLE_VARIABLES[table]: name for table, name in tables.names.items()}
        self._environ["AWS_ENDPOINT_URL_DYNAMODB"] = back.url
        self.server = self.spare()
        self.front.target = self.server.port

    @property
    def url(self) -> str:
        """Where clients find it, whichever server it is."""
        return self.front.url

    def spare(self) -> Server:
        """Start another server, and do not wait for it."""
        return Server(self._environ, self._program)

    def succeed(self, successor: Server | None = None) -> None:
        """Put another server in the place of one that was killed."""
        self.server.end()
        self.server = successor or self.spare()
        self.front.target = self.server.port


@contextmanager
def service(tables: Tables, store_url: str, program: Sequence[str] = SERVER) -> Iterator[Service]:
    """Run the service on existing tables of a store, as long as the context lasts."""
    with ExitStack() as resources:
        back = resources.enter_context(proxy(urlsplit(store_url).port or 0))
        front = resources.enter_context(proxy(0))
        running = Service(tables, front, back, program)
        try:
            yield running
        finally:
            running.server.end()
