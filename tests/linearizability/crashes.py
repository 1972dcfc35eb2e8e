"""`python -m tests.linearizability.crashes`: kills the server under load, repeatedly, while the store lives.

Each time, clients act on an event at once, and the server dies by SIGKILL with one of its writes, just before it
reaches the store or just after it was done there. Another takes its place; the clients repeat what got no answer. Then
the history must be right, and when all is done, so must be the tables.
"""

import argparse
import itertools
import random
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from tests.apparatus.proxy import Fault, passing
from tests.linearizability.clients import Recorded, create_people, record
from tests.linearizability.report import again, judge_all, judge_tables, say
from tests.linearizability.service import Service, own_service

WRITE: Final = b"DynamoDB_20120810.TransactWriteItems"


def kill_at(running: Service, number: int, *, done: bool) -> None:
    """Let the server die with that of its writes (from 1), before it reaches the store or once it is done there."""
    count, server = itertools.count(1), running.server

    def plan(request: bytes) -> Fault:
        if WRITE not in request or next(count) != number:
            return Fault.PASS
        if done:
            return Fault.LOSE_REPLY
        server.kill()
        return Fault.RESET

    running.back.plan, running.back.at_loss = plan, server.kill


def crash(running: Service, seed: int, *, clients: int = 4, steps: int = 5) -> Recorded:
    """Record a history in which the server is killed once."""
    dice = random.Random(seed)  # noqa: S311 - it must repeat under its seed
    # The first write creates the event; most requests make one, and some make more.
    number = dice.randint(2, clients * steps // 2)
    kill_at(running, number, done=dice.random() < 0.5)
    server, successor = running.server, running.spare()
    with ThreadPoolExecutor(1) as nurse:
        succession = nurse.submit(running.succeed, successor)
        try:
            return record(running.url, seed, clients=clients, steps=steps)
        finally:
            server.kill()
            running.back.plan = passing
            succession.result()


def main() -> None:
    """Kill so many servers, or until a violation is found, which ends with 1."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.linearizability.crashes", description="Kill servers under load."
    )
    parser.add_argument("--kills", type=int, default=100, help="how many (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=random.getrandbits(32), help="of the first (default: a new one)")
    options = parser.parse_args()
    say(again("tests.linearizability.crashes", options))
    with own_service() as running:
        create_people(running.url)
        judge_all(range(options.seed, options.seed + options.kills), lambda seed: crash(running, seed), every=10)
        judge_tables(running.tables)


if __name__ == "__main__":
    main()
