"""`python -m tests.linearizability.kills`: kill `events-api`, its store, or both under load, at random moments.

In each history one of them ends by SIGKILL, and the service is started again on the same data. The clients retry
requests without an answer. Each history must be linearizable, so nothing that was answered may be lost, and at the end
the audit must find nothing in the tables.
"""

import argparse
import os
import random
import signal
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from storage.dynamodb.tables import Tables
from storage.embedded import EMULATOR_ACCESS
from tests.apparatus.issuer import Issuer, issuing
from tests.apparatus.proxy import Proxy, proxy
from tests.apparatus.server import COMMAND, Server, environ, process_on
from tests.linearizability.clients import Recorded, create_people, record
from tests.linearizability.report import add_tokens, judge_all, judge_tables, repeat_command, show

VICTIMS: Final = ("service", "store", "service and store")

#: Maximum time from the start of a history to its kill, in seconds; most histories take longer.
LATEST: Final = 0.4


class Local:
    """An `events-api` on a folder, behind a proxy whose URL stays the same; it trusts `issuer`, if any."""

    def __init__(self, folder: Path, front: Proxy, issuer: Issuer | None) -> None:
        """Start the service."""
        self.issuer = issuer
        self.killed: Counter[str] = Counter()
        self.starts: list[float] = []
        self._folder, self._front = folder, front
        self._server = self._start()

    @property
    def url(self) -> str:
        """URL for clients."""
        return self._front.url

    @property
    def tables(self) -> Tables:
        """The tables in the store of the running service."""
        return Tables.connect({}, endpoint_url=self._server.store_url, **EMULATOR_ACCESS)

    def _start(self) -> Server:
        start = time.monotonic()
        while True:
            process = subprocess.Popen(
                [*COMMAND, "--port", "0", "--data", str(self._folder)],
                env=environ(**(self.issuer.variables if self.issuer else {})),
                stdout=subprocess.PIPE,
                text=True,
            )
            # The store of a killed service may still hold the data.
            with suppress(AssertionError):
                server = Server(process)
                self.starts.append(time.monotonic() - start)
                self._front.target = urlsplit(server.url).port or 0
                return server
            process.wait()
            _close(process)

    def kill(self, victim: str) -> None:
        """Kill the service, its store or both."""
        self.killed[victim] += 1
        store = process_on(self._server.store_url)
        if victim.startswith("service"):
            self._server.process.kill()
        if victim.endswith("store"):
            os.kill(store, signal.SIGKILL)

    def start_again(self) -> None:
        """Wait until the service has ended, and start it again; meanwhile connections are refused."""
        self._server.process.wait()
        self._front.refuse()
        self.end()
        self._server = self._start()
        self._front.come_back()

    def end(self) -> None:
        """Stop the service."""
        self._server.end()
        _close(self._server.process)


def _close(process: "subprocess.Popen[str]") -> None:
    assert process.stdout is not None
    process.stdout.close()


@contextmanager
def local(folder: Path, *, tokens: bool) -> Iterator[Local]:
    """Run the service on a folder while the context lasts."""
    with proxy(0) as front, issuing() if tokens else nullcontext() as issuer:
        running = Local(folder, front, issuer)
        try:
            yield running
        finally:
            running.end()


def kill(running: Local, seed: int, victim: str | None = None, *, clients: int = 4, steps: int = 8) -> Recorded:
    """Record a history in which the service, its store, or both are killed, drawn by the seed."""
    dice = random.Random(seed)  # noqa: S311 - reproducible, not secret
    victim, moment = victim or dice.choice(VICTIMS), dice.uniform(0, LATEST)

    def strike() -> None:
        time.sleep(moment)
        running.kill(victim)
        running.start_again()

    with ThreadPoolExecutor(1) as executor:
        struck = executor.submit(strike)
        try:
            return record([running.url], seed, running.issuer, clients=clients, steps=steps)
        finally:
            struck.result()


def main() -> None:
    """Record and check histories with a kill in each; exit with 1 at the first violation."""
    parser = argparse.ArgumentParser(prog="python -m tests.linearizability.kills", description="Kill events-api.")
    parser.add_argument("--kills", type=int, default=100, help="number of kills (default: %(default)s)")
    parser.add_argument(
        "--seed", type=int, default=random.getrandbits(32), help="seed of the first history (default: random)"
    )
    add_tokens(parser)
    options = parser.parse_args()
    show(repeat_command("tests.linearizability.kills", options))
    with tempfile.TemporaryDirectory() as folder, local(Path(folder), tokens=options.tokens) as running:
        create_people([running.url], running.issuer)
        judge_all(range(options.seed, options.seed + options.kills), lambda seed: kill(running, seed), every=10)
        show(f"killed: {dict(running.killed)}; longest start {max(running.starts):.1f} s")
        judge_tables(running.tables)


if __name__ == "__main__":
    main()
