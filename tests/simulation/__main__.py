"""`python -m tests.simulation --schedules 20000`: many schedules of new seeds, or of those from `--seed` on.

`--seed N --schedules 1` replays the schedule of a seed exactly. On a violation the history of the schedule is printed,
and the command ends with 1. `--mutants` lets the store ignore what the ledger's conditions demand, one by one, and ends
with 1 if so many schedules catch one of them not.
"""

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Iterable

from tests.simulation.mutants import caught, demands, mutants
from tests.simulation.network import Fault
from tests.simulation.run import Outcome, simulate

PROGRESS_SECONDS = 10
DEMANDS_SCHEDULES = 150


def main() -> int:
    """Run the schedules, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description="Simulate the ledger.")
    parser.add_argument("--schedules", type=int, default=1000, help="how many (default: %(default)s)")
    parser.add_argument("--seed", type=int, help="that of the first; the others follow it (default: a new one)")
    parser.add_argument("--mutants", action="store_true", help="see whether every condition is missed when ignored")
    options = parser.parse_args()
    if options.mutants:
        return look_at_mutants(options.seed or 0, options.schedules)
    seed = random.getrandbits(32) if options.seed is None else options.seed
    print(f"{options.schedules} schedules from seed {seed}", flush=True)  # noqa: T201 - a command's output
    start = shown = time.monotonic()
    figures: Counter[str] = Counter()
    faults: Counter[Fault] = Counter()
    for number in range(options.schedules):
        outcome = simulate(seed + number)
        figures, faults = figures + outcome.figures, faults + outcome.faults
        if outcome.violation:
            print("\n".join(replayed(outcome)))  # noqa: T201
            return 1
        if time.monotonic() - shown > PROGRESS_SECONDS or number + 1 == options.schedules:
            shown = time.monotonic()
            print(summary(number + 1, shown - start, figures, faults), flush=True)  # noqa: T201
    return 0


def look_at_mutants(seed: int, schedules: int) -> int:
    """Look for a schedule that catches each mutant, and return the exit code."""
    survivors = 0
    for name, ignored in mutants(demands(range(seed, seed + DEMANDS_SCHEDULES))):
        outcome = caught(ignored, range(seed, seed + schedules))
        survivors += outcome is None
        print(f"{name}: {f'seed {outcome.seed}: {outcome.violation}' if outcome else 'NOT CAUGHT'}", flush=True)  # noqa: T201
    return 1 if survivors else 0


def replayed(outcome: Outcome) -> Iterable[str]:
    """Run a schedule again and yield its history; it says so if it did not go the same way."""
    again = simulate(outcome.seed, told=True)
    yield from again.history
    yield f"seed {outcome.seed}: {outcome.violation}"
    yield f"the same again: python -m tests.simulation --seed {outcome.seed} --schedules 1"
    if again.violation != outcome.violation:
        yield f"but the second time it was: {again.violation}"


def summary(schedules: int, seconds: float, figures: Counter[str], faults: Counter[Fault]) -> str:
    """Return one line of figures."""
    met = ", ".join(f"{count} {fault.name}" for fault, count in sorted(faults.items(), key=lambda pair: pair[0].name))
    told = ", ".join(f"{count} {name}" for name, count in sorted(figures.items()))
    return f"{schedules} schedules, {schedules / seconds:.0f}/s: {told}; {faults.total()} faults ({met})"


if __name__ == "__main__":
    sys.exit(main())
