"""`python -m tests.linearizability`: record concurrent histories over HTTP, and check each against the rules.

Without --url it runs the service and a store of its own, and breaks the connections to both: requests are delayed,
reset, and answered into the void. With --url it asks a service that runs already, and breaks nothing; that store's
counts must not lag behind, as those of ministack do not.
"""

import argparse
import random
from collections.abc import Sequence

from tests.apparatus.proxy import Fault, seeded
from tests.linearizability.clients import Recorded, create_people, record
from tests.linearizability.report import again, judge_all, judge_tables, say
from tests.linearizability.server import MUTANTS
from tests.linearizability.service import BACK, FRONT, Service, own_service


def main(arguments: Sequence[str] | None = None) -> None:
    """Record and check until the number is reached or a violation is found, which ends with 1."""
    options = _options(arguments)
    say(again("tests.linearizability", options))
    seeds = range(options.seed, options.seed + options.histories)
    if options.url:
        create_people(options.url)
        judge_all(seeds, lambda seed: _record(options.url, seed, options), every=50)
        return
    with own_service(options.mutant) as running:
        create_people(running.url)
        judge_all(seeds, lambda seed: _record_through_faults(running, seed, options), every=50)
        for who, proxy in (("clients", running.front), ("server", running.back)):
            say(f"requests of the {who}: {', '.join(f'{proxy.met[fault]} {fault.name}' for fault in Fault)}")
        judge_tables(running.tables)


def _record(url: str, seed: int, options: argparse.Namespace) -> Recorded:
    return record(url, seed, clients=options.clients, steps=options.steps)


def _record_through_faults(running: Service, seed: int, options: argparse.Namespace) -> Recorded:
    running.front.plan = seeded(seed, FRONT)
    running.back.plan = seeded(seed, BACK)
    return _record(running.url, seed, options)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.linearizability", description="Check concurrent histories.")
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
