"""Mutants: in each, the store ignores one part of a condition that `storage` sends.

The parts are collected from a run of the simulation. Some repeat another part of the same transaction, and are caught
only if both are ignored.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from tests.simulation.dynamodb import Demand
from tests.simulation.run import Outcome, simulate

#: The write, and the part of its condition.
Short = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Redundant:
    """Parts of one transaction's conditions of which one suffices, and the reason."""

    demands: frozenset[Short]
    reason: str


REDUNDANT: Final = (
    Redundant(
        frozenset({("Put DETAILS", "#version = :version"), ("Update SEATS", "#version = :version")}),
        "an update changes the version of both halves of an event at once",
    ),
    Redundant(
        frozenset(
            {("Put DETAILS", "attribute_not_exists ( #eventId )"), ("Put SEATS", "attribute_not_exists ( #eventId )")}
        ),
        "both halves of an event are created and deleted at once",
    ),
    Redundant(
        frozenset({("Delete EVENT# WAIT#", "attribute_exists ( #pk )"), ("Update EVENT# USER#", "#seq = :seq")}),
        "a place in the queue and the number in the registration are written and removed at once",
    ),
    Redundant(
        frozenset({("Put EVENT# WAIT#", "attribute_not_exists ( #pk )"), ("Update SEATS", "#nextSeq = :seq")}),
        "`nextSeq` alone guarantees that the place is free; ignoring only `nextSeq` is caught",
    ),
    Redundant(
        frozenset({("Delete SEATS", "#waitlisted = :zero"), ("Delete SEATS", "#nextSeq = :nextSeq")}),
        "an unchanged `nextSeq` means that nobody has joined since; ignoring only `nextSeq` is caught",
    ),
    Redundant(
        frozenset(
            {
                ("Delete EVENT# USER#", "#status = :status"),
                ("Delete EVENT# USER#", "#registeredAt = :registeredAt"),
                ("Delete EVENT# USER#", "#seq = :seq"),
            }
        ),
        "a promotion, or leaving and registering again, changes the number, and mostly the time and status too",
    ),
)


#: Demands that matter too rarely for random schedules, each with the test whose rival needs it.
TOO_RARE: Final = {
    ("Update SEATS", "#waitlisted = :nobody"): "tests/storage/test_admissions.py::"
    "test_nobody_takes_a_seat_ahead_of_those_who_wait_for_it_since_the_read",
    ("Update Users", "( attribute_not_exists ( #recent ) OR size ( #recent ) < :most )"): (
        "tests/storage/test_user_deletion.py::test_a_user_of_many_events_is_registered_and_deleted"
    ),
    ("Delete Users", "attribute_not_exists ( #recent )"): (
        "tests/storage/transfer/test_load.py::test_a_registration_of_a_user_who_is_leaving_is_imported_and_taken_back"
    ),
    ("Update Users", "#createdAt = :createdAt"): (
        "tests/storage/test_user_deletion.py::test_a_new_user_with_the_same_id_keeps_everything"
    ),
    ("ConditionCheck EVENT# USER#", "attribute_not_exists ( #pk )"): (
        "tests/storage/test_user_deletion.py::test_a_pointer_is_kept_if_its_registration_is_found_after_all"
    ),
    ("Update Users", "#recent = :recent"): (
        "tests/storage/test_user_deletion.py::test_an_event_entered_since_the_read_is_not_forgotten"
    ),
}


def short(demand: Demand) -> Short:
    """Return a demand without the rest of its condition."""
    return (f"{demand.action} {demand.kind}", demand.part)


def demands(seeds: Iterable[int]) -> list[Demand]:
    """Return every demand that `storage` makes in the schedules of these seeds, in a fixed order."""
    found: set[Demand] = set()
    for seed in seeds:
        found |= simulate(seed).demands
    return sorted(found, key=str)


def mutants(all_demands: Iterable[Demand]) -> Iterator[tuple[str, frozenset[Demand]]]:
    """Yield each mutant with the demands that it ignores: redundant ones together, others singly, too rare ones not."""
    left = list(all_demands)
    for redundant in REDUNDANT:
        together = frozenset(demand for demand in left if short(demand) in redundant.demands)
        yield " and ".join(sorted(" ".join(part) for part in redundant.demands)), together
    alone = {part for redundant in REDUNDANT for part in redundant.demands} - CAUGHT_ALONE
    for demand in left:
        if short(demand) not in alone | TOO_RARE.keys():
            yield f"{' '.join(short(demand))} of {demand.condition}", frozenset({demand})


#: Redundant demands of which ignoring one alone is caught as well.
CAUGHT_ALONE: Final = frozenset({("Update SEATS", "#nextSeq = :seq"), ("Delete SEATS", "#nextSeq = :nextSeq")})


def caught(ignored: frozenset[Demand], seeds: Iterable[int]) -> Outcome | None:
    """Return the first schedule in which a mutant breaks a promise, or None."""
    for seed in seeds:
        outcome = simulate(seed, ignored=ignored)
        if outcome.violation:
            return outcome
    return None


def search(ignored_by_name: Mapping[str, frozenset[Demand]], seeds: Iterable[int]) -> Iterator[tuple[str, Outcome]]:
    """Yield each mutant that a schedule catches, with the schedule, until all are caught.

    Each seed runs once without a mutant, and then only with the mutants that can run another schedule.
    """
    left = dict(ignored_by_name)
    for seed in seeds:
        if not left:
            return
        original = simulate(seed)
        assert original.violation is None, f"seed {seed}, without a mutant: {original.violation}"
        for name, ignored in list(left.items()):
            if affects(ignored, original) and (outcome := caught(ignored, [seed])):
                del left[name]
                yield name, outcome


def affects(ignored: frozenset[Demand], original: Outcome) -> bool:
    """Return whether a mutant can differ from the original in a schedule, given the original's outcome."""
    return any(decisive <= ignored for decisive in original.decisive)
