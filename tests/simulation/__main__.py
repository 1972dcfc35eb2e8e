"""`python -m tests.simulation --schedules 20000`: simulate schedules, from a new seed or from `--seed`.

`--seed N --schedules 1` replays the schedule of seed N exactly. On a violation the command prints the trace of the
schedule and exits with 1. `--mutants` makes the store ignore each part of each condition in turn, until the schedules
have detected all of these mutants and those of groups, and exits with 1 if they do not detect one of them.
"""

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Iterable

from tests.simulation.group_mutants import GROUP_MUTANTS
from tests.simulation.mutants import caught, demands, mutants, search
from tests.simulation.network import Fault
from tests.simulation.run import Outcome, simulate

PROGRESS_SECONDS = 10
DEMANDS_SCHEDULES = 150
SCHEDULES = 1_000
FOR_MUTANTS = 20_000


def main() -> int:
    """Run the schedules, and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.simulation", description="Simulate concurrent clients of the storage code."
    )
    default = f"{SCHEDULES}, or with --mutants at most {FOR_MUTANTS}"
    parser.add_argument("--schedules", type=int, help=f"number of schedules (default: {default})")
    parser.add_argument(
        "--seed", type=int, help="seed of the first schedule; the others count up from it (default: random)"
    )
    parser.add_argument("--mutants", action="store_true", help="check that ignoring any condition is detected")
    options = parser.parse_args()
    if options.mutants:
        return check_mutants(options.seed or 0, options.schedules or FOR_MUTANTS)
    seed = random.getrandbits(32) if options.seed is None else options.seed
    schedules = options.schedules or SCHEDULES
    print(f"{schedules} schedules from seed {seed}", flush=True)  # noqa: T201 - a command's output
    start = shown = time.monotonic()
    figures: Counter[str] = Counter()
    faults: Counter[Fault] = Counter()
    for number in range(schedules):
        outcome = simulate(seed + number)
        figures, faults = figures + outcome.figures, faults + outcome.faults
        if outcome.violation:
            print("\n".join(replayed(outcome)))  # noqa: T201
            return 1
        if time.monotonic() - shown > PROGRESS_SECONDS or number + 1 == schedules:
            shown = time.monotonic()
            print(summary(number + 1, shown - start, figures, faults), flush=True)  # noqa: T201
    return 0


def check_mutants(seed: int, schedules: int) -> int:
    """Search a schedule that catches each mutant, and return the exit code."""
    start = time.monotonic()
    left = dict(mutants(demands(range(seed, seed + DEMANDS_SCHEDULES))))
    total = len(left)
    for name, outcome in search(dict(left), range(seed, seed + schedules)):
        del left[name]
        print(f"{name}: seed {outcome.seed}: {outcome.violation}", flush=True)  # noqa: T201
    total += len(GROUP_MUTANTS)
    for mutant in GROUP_MUTANTS:
        with mutant():
            if found := caught(frozenset(), range(seed, seed + schedules)):
                print(f"{mutant.__name__}: seed {found.seed}: {found.violation}", flush=True)  # noqa: T201
            else:
                left[mutant.__name__] = frozenset()
    for name in left:
        print(f"{name}: NOT CAUGHT", flush=True)  # noqa: T201
    print(f"{total - len(left)} of {total} mutants caught in {time.monotonic() - start:.0f} s")  # noqa: T201
    return 1 if left else 0


def replayed(outcome: Outcome) -> Iterable[str]:
    """Yield the trace of a schedule from a second run, and whether that run ended differently."""
    again = simulate(outcome.seed, trace=True)
    yield from again.trace
    yield f"seed {outcome.seed}: {outcome.violation}"
    yield f"replay: python -m tests.simulation --seed {outcome.seed} --schedules 1"
    if again.violation != outcome.violation:
        yield f"the replay ended differently: {again.violation}"


def summary(schedules: int, seconds: float, figures: Counter[str], faults: Counter[Fault]) -> str:
    """Return one line of figures."""
    met = ", ".join(f"{count} {fault.name}" for fault, count in sorted(faults.items(), key=lambda pair: pair[0].name))
    counts = ", ".join(f"{count} {name}" for name, count in sorted(figures.items()))
    return f"{schedules} schedules, {schedules / seconds:.0f}/s: {counts}; {faults.total()} faults ({met})"


if __name__ == "__main__":
    sys.exit(main())
