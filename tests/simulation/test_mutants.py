"""The simulation detects a store that ignores any part of any condition that `storage` sends."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final

import pytest

from tests.simulation.group_mutants import GROUP_MUTANTS
from tests.simulation.key_mutants import KEY_MUTANTS
from tests.simulation.mutants import REDUNDANT, TOO_RARE, affects, caught, demands, mutants, search, short
from tests.simulation.run import simulate

#: Seeds that catch most mutants; `python -m tests.simulation --mutants` finds them, and checks every mutant.
SEEDS = (5, 58, 77, 100, 114, 127, 627, 1702, 4628)
#: Seeds that catch each mutant of a group, at least two of them.
GROUP_SEEDS = (7, 12, 40, 44)
#: Seeds that catch each mutant of the keys.
KEY_SEEDS = (9, 12, 14, 15, 30, 145)
#: A seed whose schedule changes an event while it is deleted with its registrations.
STOPPED: Final = 36
#: Enough schedules to meet every condition.
ALL = (*SEEDS, *range(2, 32))


def test_ignoring_a_part_of_a_condition_is_detected() -> None:
    found = {name: outcome.seed for name, outcome in search(dict(mutants(demands(ALL))), SEEDS)}
    assert len(found) >= 20, found


def test_a_mutant_that_affects_no_step_of_a_schedule_runs_the_same_schedule() -> None:
    """So the search can leave these runs out."""
    everything = list(mutants(demands(ALL)))
    compared = 0
    for seed in SEEDS[:3]:
        original = simulate(seed)
        assert original.violation is None
        for _name, ignored in everything:
            if not affects(ignored, original):
                mutant = simulate(seed, ignored=ignored)
                assert (mutant.violation, mutant.figures, mutant.faults) == (None, original.figures, original.faults)
                compared += 1
    assert compared > 80


def test_every_demand_that_is_listed_as_redundant_is_made_by_storage() -> None:
    """When a condition changes, change its entry in `REDUNDANT` as well."""
    known = {short(demand) for demand in demands(ALL)}
    assert {part for redundant in REDUNDANT for part in redundant.demands} | TOO_RARE.keys() <= known


@pytest.mark.parametrize("test", TOO_RARE.values())
def test_a_demand_that_is_listed_as_too_rare_has_a_test_of_its_own(test: str) -> None:
    file, name = test.split("::")
    assert f"def {name}(" in Path(file).read_text()


@pytest.mark.parametrize("mutant", GROUP_MUTANTS)
def test_a_group_that_harms_one_member_is_detected(mutant: Callable[[], AbstractContextManager[Any]]) -> None:
    with mutant():
        assert caught(frozenset(), GROUP_SEEDS)


@pytest.mark.parametrize("mutant", KEY_MUTANTS)
def test_a_repetition_that_is_refused_or_done_twice_is_detected(
    mutant: Callable[[], AbstractContextManager[Any]],
) -> None:
    with mutant():
        assert caught(frozenset(), KEY_SEEDS)


def test_removing_people_whatever_the_version_of_the_event_is_detected() -> None:
    """Every batch of a deletion has this condition alone: a PUT stops it."""
    left_out = [demand for demand in demands([STOPPED]) if demand.condition == "#version = :version"]
    removals = [demand for demand in left_out if demand.action == "Update"]
    assert removals
    outcome = caught(frozenset(removals), [STOPPED])
    assert outcome
    assert "goes on although it was changed" in str(outcome.violation)


def test_the_check_of_the_place_ahead_prevents_a_queue_jump() -> None:
    """Its condition is always true: what counts is that it conflicts with the lock of a place that is not visible."""
    left_out = [
        demand for demand in demands(SEEDS) if demand.kind == "EVENT# WAIT#" and demand.action == "ConditionCheck"
    ]
    outcome = caught(frozenset(left_out), SEEDS)
    assert outcome
    assert "skips the head of the queue" in str(outcome.violation)
