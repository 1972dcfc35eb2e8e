"""The simulation detects a store that ignores any part of any condition that `storage` sends."""

from tests.simulation.mutants import REDUNDANT, caught, demands, mutants, short

#: Seeds that catch most mutants; `python -m tests.simulation --mutants` finds them, and checks every mutant.
SEEDS = (1, 7, 11, 46, 58, 1001, 1178, 1625, 2104)
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


def test_the_check_of_the_place_ahead_prevents_a_queue_jump() -> None:
    """Its condition is always true: what counts is that it conflicts with the lock of a place that is not visible."""
    left_out = [
        demand for demand in demands(SEEDS) if demand.kind == "EVENT# WAIT#" and demand.action == "ConditionCheck"
    ]
    outcome = caught(frozenset(left_out), SEEDS)
    assert outcome
    assert "skips the head of the queue" in str(outcome.violation)
