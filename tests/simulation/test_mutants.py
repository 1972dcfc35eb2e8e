"""The simulation can fail: whatever a condition of the ledger demands, it is missed when the store ignores it."""

from tests.simulation.mutants import DOUBLED, caught, demands, mutants, short

#: Seeds that catch most mutants, found by `python -m tests.simulation --mutants`, which looks at all of them.
SEEDS = (0, 1, 43, 52, 101, 120, 151, 164)
#: Enough schedules to see what the ledger demands.
ALL = (*SEEDS, *range(2, 32))


def test_what_the_ledger_demands_is_missed_when_it_is_ignored() -> None:
    everything = demands(ALL)
    found = {name: outcome.seed for name, ignored in mutants(everything) if (outcome := caught(ignored, SEEDS))}
    assert len(found) >= 8, found


def test_every_pair_that_is_listed_as_doubled_is_demanded_by_the_ledger() -> None:
    """Where a condition changes, its entry in the list has to."""
    known = {short(demand) for demand in demands(ALL)}
    assert {part for doubled in DOUBLED for part in doubled.demands} <= known
