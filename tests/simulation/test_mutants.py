"""The simulation can fail: whatever a condition of the ledger demands, it is missed when the store ignores it."""

from tests.simulation.mutants import DOUBLED, caught, demands, mutants, short

#: Enough schedules to see every demand that the ledger makes.
ALL = range(150)
#: The mutants that the quick run looks at are those that one of these seeds catches; `--mutants` looks at all.
SEEDS = range(60)


def test_what_the_ledger_demands_is_missed_when_it_is_ignored() -> None:
    everything = demands(ALL)
    found = {name: outcome.seed for name, ignored in mutants(everything) if (outcome := caught(ignored, SEEDS))}
    assert len(found) >= 8, found


def test_every_pair_that_is_listed_as_doubled_is_demanded_by_the_ledger() -> None:
    """Where a condition changes, its entry in the list has to."""
    known = {short(demand) for demand in demands(ALL)}
    assert {part for doubled in DOUBLED for part in doubled.demands} <= known
