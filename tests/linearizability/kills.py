"""`python -m tests.linearizability.kills`: kill `events-api`, its store, or both under load, at random moments.

In each history one of them ends by SIGKILL, and the service is started again on the same data. The clients retry
requests without an answer. Each history must be linearizable, so nothing that was answered may be lost, and at the end
the audit must find nothing in the tables.

A receiver of webhooks is told what happens, but until the kill it can't be reached, or its replies are lost. The
process that tells it dies with the service. At the end each change must have been told, and none that did not happen.
"""

import argparse
import os
import random
import signal
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from handlers.webhooks.local import secret_path
from storage.durable import position
from storage.durable.follower import follow
from storage.dynamodb.tables import Tables
from storage.embedded import EMULATOR_ACCESS
from tests.apparatus.issuer import Issuer, issuing
from tests.apparatus.patience import until
from tests.apparatus.proxy import Fault, Proxy, passing, proxy, seeded
from tests.apparatus.receiver import Receiver, receiving
from tests.apparatus.server import COMMAND, Server, environ, process_on
from tests.linearizability.clients import PATIENCE_SECONDS, Recorded, create_people, record
from tests.linearizability.report import add_tokens, judge_all, judge_tables, repeat_command, show
from tests.linearizability.told import judge_told

VICTIMS: Final = ("service", "store", "service and store")

#: Maximum time from the start of a history to its kill, in seconds, unless nothing was told until then; most histories
#: take longer.
LATEST: Final = 0.4

#: Rates of faults between the service and the receiver until the kill.
UNHEARD: Final = {Fault.RESET: 0.5, Fault.LOSE_REPLY: 0.5}


class Local:
    """An `events-api` on a folder, behind a proxy whose URL stays the same; it trusts `issuer`, if any.

    It tells a receiver behind the proxy `webhook` what happens.
    """

    def __init__(self, folder: Path, front: Proxy, issuer: Issuer | None, receiver: Receiver, webhook: Proxy) -> None:
        """Start the service."""
        self.issuer = issuer
        self.receiver, self.webhook = receiver, webhook
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
                [*COMMAND, "--port", "0", "--data", str(self._folder), "--webhook", self.webhook.url],
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
            senders = _children(self._server.process.pid) - {store}
            self._server.process.kill()
            for sender in senders:
                os.kill(sender, signal.SIGKILL)
        if victim.endswith("store"):
            os.kill(store, signal.SIGKILL)

    def start_again(self) -> None:
        """Wait until the service has ended, and start it again; meanwhile connections are refused."""
        self._server.process.wait()
        self._front.refuse()
        self.end()
        self.webhook.plan = passing
        self._server = self._start()
        self._front.come_back()

    def wait_until_all_is_told(self) -> None:
        """Wait until what is written to the folder is told to the receiver."""

        def is_told() -> bool:
            at = position.read(self._folder)
            return at is not None and next(follow(self._folder, at)) is None

        until(is_told, PATIENCE_SECONDS)

    def end(self) -> None:
        """Stop the service."""
        self._server.end()
        _close(self._server.process)


def _children(pid: int) -> set[int]:
    """Return the process ids of the children of a process, on Linux."""
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return set(map(int, path.read_text().split())) if path.exists() else set()


def _close(process: "subprocess.Popen[str]") -> None:
    assert process.stdout is not None
    process.stdout.close()


@contextmanager
def local(folder: Path, *, tokens: bool) -> Iterator[Local]:
    """Run the service on a folder while the context lasts."""
    (folder / position.FOLDER).mkdir()
    with (
        proxy(0) as front,
        issuing() if tokens else nullcontext() as issuer,
        receiving() as receiver,
        proxy(urlsplit(receiver.url).port or 0) as webhook,
    ):
        secret_path(folder).write_text(receiver.secret)
        running = Local(folder, front, issuer, receiver, webhook)
        try:
            yield running
        finally:
            running.end()


def kill(running: Local, seed: int, victim: str | None = None, *, clients: int = 4, steps: int = 8) -> Recorded:
    """Record a history in which the service, its store, or both are killed, drawn by the seed."""
    dice = random.Random(seed)  # noqa: S311 - reproducible, not secret
    victim, moment = victim or dice.choice(VICTIMS), dice.uniform(0, LATEST)
    running.webhook.plan = seeded(seed, UNHEARD)
    before, over = running.webhook.met.total(), threading.Event()

    def strike() -> None:
        time.sleep(moment)
        until(lambda: over.is_set() or running.webhook.met.total() > before)
        running.kill(victim)
        running.start_again()

    with ThreadPoolExecutor(1) as executor:
        struck = executor.submit(strike)
        try:
            return record([running.url], seed, running.issuer, clients=clients, steps=steps)
        finally:
            over.set()
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
        recorded: list[Recorded] = []

        def recorded_kill(seed: int) -> Recorded:
            recorded.append(kill(running, seed))
            return recorded[-1]

        judge_all(range(options.seed, options.seed + options.kills), recorded_kill, every=10)
        show(f"killed: {dict(running.killed)}; longest start {max(running.starts):.1f} s")
        judge_tables(running.tables)
        running.wait_until_all_is_told()
        judge_told(recorded, running.receiver)


if __name__ == "__main__":
    main()
