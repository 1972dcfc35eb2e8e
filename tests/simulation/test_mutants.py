"""The simulation detects a store that ignores any part of any condition that `storage` sends."""

from tests.simulation.mutants import REDUNDANT, caught, demands, mutants, short

#: Seeds that catch most mutants; `python -m tests.simulation --mutants` finds them, and checks every mutant.
SEEDS = (0, 1, 43, 52, 101, 120, 151, 164)
#: Enough schedules to meet every condition.
ALL = (*SEEDS, *range(2, 32))


def test_ignoring_a_part_of_a_condition_is_detected() -> None:
    everything = demands(ALL)
    found = {name: outcome.seed for name, ignored in mutants(everything) if (outcome := caught(ignored, SEEDS))}
    assert len(found) >= 8, found


def test_every_demand_that_is_listed_as_redundant_is_made_by_storage() -> None:
    """When a condition changes, change its entry in `REDUNDANT` as well."""
    known = {short(demand) for demand in demands(ALL)}
    assert {part for redundant in REDUNDANT for part in redundant.demands} <= known
