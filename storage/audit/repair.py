"""Repairs violations while the service runs.

If an item has changed since it was read, its repair fails, and the event is audited again.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from storage.audit import event_ids, strays
from storage.audit.event import audit_event
from storage.audit.findings import Kind, Violation
from storage.audit.repair_transactions import (
    delete_place,
    delete_pointer,
    promote,
    put_numbers,
    put_place,
    put_pointer,
    set_count,
)
from storage.dynamodb.tables import Tables
from storage.errors import Conflicting, Contention, Damaged

#: Maximum number of rounds for one event, as one repair can reveal the next violation.
ROUNDS: Final = 6

#: The repair of each kind that a crash or a defect of the service can cause. None takes a seat or a registration from
#: a user; the number in a registration decides its place.
REPAIRS: Final[Mapping[Kind, Callable[[Tables, Violation], None]]] = {
    Kind.CONFIRMED_COUNT: set_count("confirmed"),
    Kind.WAITLISTED_COUNT: set_count("waitlisted"),
    Kind.NEXT_SEQ_TAKEN: set_count("nextSeq"),
    Kind.NEXT_SEQ_SKIPS: set_count("nextSeq"),
    Kind.WAITING_BESIDE_FREE_SEAT: promote,
    Kind.REGISTRATION_WITHOUT_POINTER: put_pointer,
    Kind.POINTER_WITHOUT_REGISTRATION: delete_pointer,
    Kind.WAITING_WITHOUT_PLACE: put_place,
    Kind.PLACE_WITHOUT_WAITING: delete_place,
    Kind.NUMBERS_LOST: put_numbers,
}

#: The kinds that hold promotions back, as these can't be undone: the places may not show the order of the queue, or the
#: capacity or the status may be wrong.
PROMOTION_IN_DOUBT: Final = {
    Kind.COPIES_DIFFER,
    Kind.DETAILS_MISSING,
    Kind.WAITING_WITHOUT_PLACE,
    Kind.PLACE_OF_ANOTHER,
    Kind.PLACE_WITHOUT_WAITING,
    Kind.MALFORMED,
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """A violation, and whether it was repaired."""

    violation: Violation
    repaired: bool


def repair(tables: Tables) -> Iterator[Outcome]:
    """Repair every kind in `REPAIRS`; yield each repaired violation, and those that a last audit still finds."""
    for event_id in event_ids(tables):
        yield from repair_event(tables, event_id)
    for violation in strays(tables):
        if violation.kind not in REPAIRS:
            yield Outcome(violation, repaired=False)
        elif _repair_violation(tables, violation):
            yield Outcome(violation, repaired=True)


def repair_event(tables: Tables, event_id: str) -> Iterator[Outcome]:
    """Repair one event until an audit finds nothing more to repair, then yield the violations that are left."""
    for _round in range(ROUNDS):
        tried = False
        held: set[Kind] = set()
        for violation in audit_event(tables, event_id):
            if violation.kind in PROMOTION_IN_DOUBT:
                held.add(Kind.WAITING_BESIDE_FREE_SEAT)
            if violation.kind is Kind.MALFORMED:
                # The number of a damaged registration must not be recorded as left.
                held.add(Kind.NUMBERS_LOST)
            if violation.kind not in REPAIRS or violation.kind in held:
                continue
            tried = True
            if _repair_violation(tables, violation):
                yield Outcome(violation, repaired=True)
            elif violation.kind is Kind.WAITING_WITHOUT_PLACE:
                # The number of a registration that still lacks its place must not be recorded as left.
                held.add(Kind.NUMBERS_LOST)
        if not tried:
            break
    yield from (Outcome(violation, repaired=False) for violation in audit_event(tables, event_id))


def _repair_violation(tables: Tables, violation: Violation) -> bool:
    """Repair a violation; return False if its items changed or were damaged meanwhile, or others kept changing them."""
    try:
        REPAIRS[violation.kind](tables, violation)
    except (Conflicting, Contention, Damaged):
        return False
    return True
