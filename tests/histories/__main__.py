"""`python -m tests.histories`: record concurrent histories over HTTP, and check each against the rules.

Without --url it runs the service and a store of its own, and breaks the connections to both: requests are delayed,
reset, and answered into the void. With --url it asks a service that runs already, and breaks nothing; that store's
counts must not lag behind, as those of ministack do not.
"""

import argparse
import random
import sys
from collections.abc import Sequence
from contextlib import nullcontext

from storage.audit import audit
from tests.histories.clients import create_people, record
from tests.histories.report import Figures, again, say
from tests.histories.server import MUTANTS
from tests.histories.service import BACK, FRONT, Service, own_service
from tests.proxy import Fault, seeded


def main(arguments: Sequence[str] | None = None) -> None:
    """Record and check until the number is reached or a violation is found, which ends with 1."""
    options = _options(arguments)
    say(again("tests.histories", options))
    figures = Figures()
    with nullcontext() if options.url else own_service(options.mutant) as running:
        url = running.url if running else options.url
        create_people(url)
        for seed in range(options.seed, options.seed + options.histories):
            if running:
                running.front.plan = seeded(seed, FRONT)
                running.back.plan = seeded(seed, BACK)
            found = figures.judge(record(url, seed, clients=options.clients, steps=options.steps))
            if found:
                sys.exit(f"seed {seed}: {found}")
            if figures.histories % 50 == 0:
                say(figures)
        say(figures, *(f"{count:7d}  {outcome}" for outcome, count in sorted(figures.outcomes.items())))
        if running:
            _finish(running)


def _finish(running: Service) -> None:
    for who, proxy in (("clients", running.front), ("server", running.back)):
        met = ", ".join(f"{proxy.met[fault]} {fault.name}" for fault in Fault)
        say(f"requests of the {who}: {met}")
    violations = list(audit(running.tables))
    say(f"{len(violations)} violations in the tables", *violations)
    sys.exit(1 if violations else 0)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.histories", description="Check concurrent histories.")
    parser.add_argument("--histories", type=int, default=100, help="how many (default: %(default)s)")
    parser.add_argument("--clients", type=int, default=4, help="clients at the same time (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=8, help="requests a client (default: %(default)s)")
    parser.add_argument("--seed", type=int, help="the seed of the first history (default: a new one)")
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--url", help="where a service is (default: one of its own)")
    place.add_argument("--mutant", choices=MUTANTS, help="change the service, to see it found out")
    options = parser.parse_args(arguments)
    options.seed = random.getrandbits(32) if options.seed is None else options.seed
    return options


if __name__ == "__main__":
    main()
