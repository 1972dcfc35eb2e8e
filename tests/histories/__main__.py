"""`python -m tests.histories`: record concurrent histories over HTTP, and check each against the rules.

Without --url it runs the service and a store of its own, and breaks the connections to both: requests are delayed,
reset, and answered into the void. With --url it asks a service that runs already, and breaks nothing; that store's
counts must not lag behind, as those of ministack do not.
"""

import argparse
import random
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from handlers.local import EMBEDDED_ACCESS
from storage.audit import audit
from storage.embedded import embedded_store
from storage.tables import Tables
from tests.histories.clients import create_people, record
from tests.histories.mutants import MUTANTS, program
from tests.histories.report import Figures
from tests.histories.service import SERVER, Service, service
from tests.proxy import Fault, seeded

#: What happens to the requests of the clients, and to those of the server, of which a history has many more.
FRONT: Final = {Fault.DELAY: 0.05, Fault.RESET: 0.05, Fault.LOSE_REPLY: 0.1}
BACK: Final = {Fault.DELAY: 0.1, Fault.RESET: 0.002, Fault.LOSE_REPLY: 0.004}


def break_connections(running: Service, seed: int) -> None:
    """Let the faults of this seed happen from now on."""
    running.front.plan = seeded(seed, FRONT)
    running.back.plan = seeded(seed, BACK)


def main() -> None:
    """Record and check until the number is reached or a violation is found, which ends with 1."""
    options = _options()
    _say(f"The same requests again: {_again(options)}")
    figures = Figures()
    with _service(options.url, program(options.mutant) if options.mutant else SERVER) as (url, running):
        create_people(url)
        for seed in range(options.seed, options.seed + options.histories):
            if running:
                break_connections(running, seed)
            found = figures.judge(record(url, seed, clients=options.clients, steps=options.steps))
            if found:
                sys.exit(f"seed {seed}: {found}")
            if figures.histories % 50 == 0:
                _say(figures)
        _say(figures, *(f"{count:7d}  {outcome}" for outcome, count in sorted(figures.outcomes.items())))
        if running:
            _finish(running)


def _finish(running: Service) -> None:
    _say(f"connections of the clients met {_met(running.front.met)}; those of the server {_met(running.back.met)}")
    violations = list(audit(running.tables))
    _say(f"{len(violations)} violations in the tables", *violations)
    sys.exit(1 if violations else 0)


def _say(*lines: object) -> None:
    print(*lines, sep="\n", flush=True)  # noqa: T201 - a command's output


def _met(met: dict[Fault, int]) -> str:
    return ", ".join(f"{count} {fault.name}" for fault, count in sorted(met.items(), key=lambda pair: pair[0].name))


@contextmanager
def _service(url: str | None, what: Sequence[str]) -> Iterator[tuple[str, Service | None]]:
    if url:
        yield url, None
        return
    with embedded_store() as store_url:
        tables = Tables.connect({}, endpoint_url=store_url, **EMBEDDED_ACCESS)
        tables.create_missing()
        with service(tables, store_url, what) as running:
            yield running.url, running


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.histories", description="Check concurrent histories.")
    parser.add_argument("--histories", type=int, default=100, help="how many (default: %(default)s)")
    parser.add_argument("--clients", type=int, default=4, help="clients at the same time (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=8, help="requests a client (default: %(default)s)")
    parser.add_argument("--seed", type=int, help="the seed of the first history (default: a new one)")
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--url", help="where a service is (default: one of its own)")
    place.add_argument("--mutant", choices=MUTANTS, help="change the service, to see it found out")
    options = parser.parse_args()
    options.seed = random.getrandbits(32) if options.seed is None else options.seed
    return options


def _again(options: argparse.Namespace) -> str:
    said = [f"--{name}={value}" for name, value in vars(options).items() if value is not None]
    return shlex.join(["python", "-m", "tests.histories", *said])


if __name__ == "__main__":
    main()
