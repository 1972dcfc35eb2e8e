"""`python -m tests.histories.crashes`: kill the server in the middle of load, again and again, while the store lives.

Each time, clients act on an event at once, and the server dies by SIGKILL just before or just after one of its writes
reaches the store. Another takes its place; the clients repeat what got no answer. Then the history must be right, and
when all is done, so must be the tables.
"""

import argparse
import itertools
import random
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from storage.audit import audit
from tests.histories.clients import Recorded, create_people, record
from tests.histories.report import Figures, again, say
from tests.histories.service import Service, own_service
from tests.proxy import Fault, Plan, passing

WRITE: Final = b"DynamoDB_20120810.TransactWriteItems"


def killing(running: Service, number: int, *, delivered: bool) -> Plan:
    """Return a plan for the server's way to the store: it dies with that write (from 1), which still arrives or not."""
    count, server = itertools.count(1), running.server

    def plan(request: bytes) -> Fault:
        if WRITE not in request or next(count) != number:
            return Fault.PASS
        server.kill()
        return Fault.PASS if delivered else Fault.RESET

    return plan


def crash(running: Service, seed: int, *, clients: int = 4, steps: int = 5) -> Recorded:
    """Record a history in which the server is killed once."""
    dice = random.Random(seed)  # noqa: S311 - it must repeat under its seed
    # The first write creates the event; most requests make one, and some make more.
    number = dice.randint(2, clients * steps // 2)
    running.back.plan = killing(running, number, delivered=dice.random() < 0.5)
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
    parser = argparse.ArgumentParser(prog="python -m tests.histories.crashes", description="Kill servers under load.")
    parser.add_argument("--kills", type=int, default=100, help="how many (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=random.getrandbits(32), help="of the first (default: a new one)")
    options = parser.parse_args()
    say(again("tests.histories.crashes", options))
    figures = Figures()
    with own_service() as running:
        create_people(running.url)
        for seed in range(options.seed, options.seed + options.kills):
            found = figures.judge(crash(running, seed))
            if found:
                sys.exit(f"seed {seed}: {found}")
            if figures.histories % 10 == 0:
                say(f"{figures.histories} kills: {figures}")
        violations = list(audit(running.tables))
        say(f"{len(violations)} violations in the tables", *violations)
    sys.exit(1 if violations else 0)


if __name__ == "__main__":
    main()
