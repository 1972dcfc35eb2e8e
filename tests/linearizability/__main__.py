"""`python -m tests.linearizability`: record concurrent histories over HTTP, and check that each is linearizable.

Without --url it runs its own servers on one store, and breaks the connections to all of them: requests are delayed or
reset, and replies are lost. They require tokens, which --no-tokens turns off. With --url it uses a running service
without tokens, and breaks nothing; the counts of its store must be consistent, as those of ministack are.
"""

import argparse
import random
from collections import Counter
from collections.abc import Iterable, Sequence

from tests.apparatus.issuer import Issuer
from tests.apparatus.proxy import Fault, Proxy, seeded
from tests.linearizability.clients import Recorded, create_people, record
from tests.linearizability.report import add_tokens, judge_all, judge_tables, repeat_command, show
from tests.linearizability.server import MUTANTS
from tests.linearizability.service import BACK, FRONT, Service, own_service


def main(arguments: Sequence[str] | None = None) -> None:
    """Record and check histories; exit with 1 at the first violation."""
    options = _options(arguments)
    show(repeat_command("tests.linearizability", options))
    seeds = range(options.seed, options.seed + options.histories)
    if options.url:
        create_people([options.url])
        judge_all(seeds, lambda seed: _record([options.url], seed, None, options), every=50)
        return
    with own_service(options.mutant, servers=options.servers, tokens=options.tokens) as running:
        create_people(running.urls, running.issuer)
        judge_all(seeds, lambda seed: _record_through_faults(running, seed, options), every=50)
        _show_faults("clients", (instance.front for instance in running.instances))
        _show_faults("servers", (instance.back for instance in running.instances))
        judge_tables(running.tables)


def _record(urls: Sequence[str], seed: int, issuer: Issuer | None, options: argparse.Namespace) -> Recorded:
    return record(urls, seed, issuer, clients=options.clients, steps=options.steps)


def _record_through_faults(running: Service, seed: int, options: argparse.Namespace) -> Recorded:
    running.plan_faults(seeded(seed, FRONT), seeded(seed, BACK))
    return _record(running.urls, seed, running.issuer, options)


def _show_faults(sender: str, proxies: Iterable[Proxy]) -> None:
    met = sum((proxy.met for proxy in proxies), Counter[Fault]())
    show(f"requests of the {sender}: {', '.join(f'{met[fault]} {fault.name}' for fault in Fault)}")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.linearizability", description="Check concurrent histories.")
    parser.add_argument("--histories", type=int, default=100, help="number of histories (default: %(default)s)")
    parser.add_argument("--clients", type=int, default=4, help="concurrent clients (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=8, help="requests per client (default: %(default)s)")
    parser.add_argument("--servers", type=int, default=2, help="servers on the same store (default: %(default)s)")
    parser.add_argument("--seed", type=int, help="seed of the first history (default: random)")
    add_tokens(parser)
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--url", help="URL of a running service (default: start one)")
    place.add_argument("--mutant", choices=MUTANTS, help="break the service in one place, to see it detected")
    options = parser.parse_args(arguments)
    options.seed = random.getrandbits(32) if options.seed is None else options.seed
    return options


if __name__ == "__main__":
    main()
