"""`python -m tests.linearizability.crashes`: kill servers under load, repeatedly, while their store keeps running.

In each history, one of the servers is killed with SIGKILL at one of its writes, just before the write reaches the store
or just after it was applied. The others go on, another server takes its place, and the clients retry requests without
an answer. Each history must be linearizable, and at the end the audit must find nothing in the tables.
"""

import argparse
import itertools
import random
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from tests.apparatus.proxy import Fault, passing
from tests.linearizability.clients import Recorded, create_people, record
from tests.linearizability.report import add_tokens, judge_all, judge_tables, repeat_command, show
from tests.linearizability.service import Instance, Service, own_service

WRITE: Final = b"DynamoDB_20120810.TransactWriteItems"


def kill_at(instance: Instance, number: int, *, done: bool) -> None:
    """Kill a server at a write (counted from 1): before it reaches the store or, if `done`, after it was applied."""
    count, server = itertools.count(1), instance.server

    def plan(request: bytes) -> Fault:
        if WRITE not in request or next(count) != number:
            return Fault.PASS
        if done:
            return Fault.LOSE_REPLY
        server.kill()
        return Fault.RESET

    instance.back.plan, instance.back.at_loss = plan, server.kill


def crash(running: Service, seed: int, *, clients: int = 4, steps: int = 5) -> Recorded:
    """Record a history in which one server is killed."""
    dice = random.Random(seed)  # noqa: S311 - reproducible, not secret
    instance = dice.choice(running.instances)
    # The first write may create the event; most requests write once, some more often.
    number = dice.randint(2, max(2, clients * steps // 2 // len(running.instances)))
    kill_at(instance, number, done=dice.random() < 0.5)
    server, successor = instance.server, instance.start_server()
    with ThreadPoolExecutor(1) as executor:
        replacement = executor.submit(instance.replace_server, successor)
        try:
            return record(running.urls, seed, running.issuer, clients=clients, steps=steps)
        finally:
            server.kill()
            instance.back.plan = passing
            replacement.result()


def main() -> None:
    """Record and check histories with a kill in each; exit with 1 at the first violation."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.linearizability.crashes", description="Kill servers under load."
    )
    parser.add_argument("--kills", type=int, default=100, help="number of kills (default: %(default)s)")
    parser.add_argument("--servers", type=int, default=2, help="servers on the same store (default: %(default)s)")
    parser.add_argument(
        "--seed", type=int, default=random.getrandbits(32), help="seed of the first history (default: random)"
    )
    add_tokens(parser)
    options = parser.parse_args()
    show(repeat_command("tests.linearizability.crashes", options))
    with own_service(servers=options.servers, tokens=options.tokens) as running:
        create_people(running.urls, running.issuer)
        judge_all(range(options.seed, options.seed + options.kills), lambda seed: crash(running, seed), every=10)
        judge_tables(running.tables)


if __name__ == "__main__":
    main()
