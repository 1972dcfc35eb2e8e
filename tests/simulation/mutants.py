"""Mutants of the ledger: each lets the store ignore one thing that a condition demands.

Every demand that the ledger makes is found by running it. Some are doubled by another of the same transaction, and are
caught only where both are ignored.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from tests.simulation.dynamodb import Demand
from tests.simulation.run import Outcome, simulate

#: What is written, and what is demanded of it.
Short = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Doubled:
    """Demands of one transaction of which one is enough, and why."""

    demands: frozenset[Short]
    reason: str


DOUBLED: Final = (
    Doubled(
        frozenset({("Put DETAILS", "#version = :version"), ("Update SEATS", "#version = :version")}),
        "an update changes the version of both halves of an event at once",
    ),
    Doubled(
        frozenset(
            {("Put DETAILS", "attribute_not_exists ( #eventId )"), ("Put SEATS", "attribute_not_exists ( #eventId )")}
        ),
        "both halves of an event are made and deleted at once",
    ),
    Doubled(
        frozenset({("Delete EVENT# WAIT#", "attribute_exists ( #pk )"), ("Update EVENT# USER#", "#seq = :seq")}),
        "a place in the queue and the number in the registration are written and removed at once",
    ),
    Doubled(
        frozenset({("Put EVENT# WAIT#", "attribute_not_exists ( #pk )"), ("Update SEATS", "#nextSeq = :seq")}),
        "a place in the queue is free as long as the next number says so; the number alone is caught alone",
    ),
    Doubled(
        frozenset({("Delete SEATS", "#waitlisted = :zero"), ("Delete SEATS", "#nextSeq = :nextSeq")}),
        "nobody waited when the next number was read, and nobody has joined since; the number alone is caught alone",
    ),
    Doubled(
        frozenset(
            {
                ("Delete EVENT# USER#", "#status = :status"),
                ("Delete EVENT# USER#", "#registeredAt = :registeredAt"),
                ("Delete EVENT# USER#", "#seq = :seq"),
            }
        ),
        "whoever was promoted, or left and came back, has another number, and mostly another moment and status too",
    ),
)


def short(demand: Demand) -> Short:
    """Return a demand without the condition that it is a part of."""
    return (f"{demand.action} {demand.kind}", demand.part)


def demands(seeds: Iterable[int]) -> list[Demand]:
    """Return every demand that the ledger makes in the schedules of these seeds, in a fixed order."""
    found: set[Demand] = set()
    for seed in seeds:
        found |= simulate(seed).demands
    return sorted(found, key=str)


def mutants(all_demands: Iterable[Demand]) -> Iterator[tuple[str, frozenset[Demand]]]:
    """Yield the name of each mutant, and what it ignores: demands that are doubled together, all others alone."""
    left = list(all_demands)
    for doubled in DOUBLED:
        both = frozenset(demand for demand in left if short(demand) in doubled.demands)
        yield " and ".join(sorted(" ".join(part) for part in doubled.demands)), both
    alone = {part for doubled in DOUBLED for part in doubled.demands} - CAUGHT_ALONE
    for demand in left:
        if short(demand) not in alone:
            yield f"{' '.join(short(demand))} of {demand.condition}", frozenset({demand})


#: Those parts of a pair that are caught without the other as well.
CAUGHT_ALONE: Final = frozenset({("Update SEATS", "#nextSeq = :seq"), ("Delete SEATS", "#nextSeq = :nextSeq")})


def caught(ignored: frozenset[Demand], seeds: Iterable[int]) -> Outcome | None:
    """Return the first schedule in which a mutant breaks a promise; None if it does in none of them."""
    for seed in seeds:
        outcome = simulate(seed, ignored=ignored)
        if outcome.violation:
            return outcome
    return None
