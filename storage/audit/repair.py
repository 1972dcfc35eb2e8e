"""Mends what an audit finds, while the service runs: each mend is one transaction on the condition of what was found.

So a mend never undoes what somebody did meanwhile: its transaction fails, and the next look decides anew.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from storage.audit import event_ids, strays
from storage.audit.event import audit_event
from storage.audit.event_mends import copy_seats, mend_count, promote, rebuild_seats
from storage.audit.findings import Kind, Violation
from storage.audit.item_mends import (
    delete_place,
    delete_pointer,
    forget_numbers,
    move_to_tail,
    put_numbers,
    put_place,
    put_pointer,
    take_number_back,
)
from storage.dynamodb.tables import Tables
from storage.errors import Conflicting, Contention

#: One mend can show the next thing to mend; an event is looked at so many times at most.
ROUNDS: Final = 6

#: The kinds that can be mended; nobody loses a seat or a place by any of them.
MENDS: Final[Mapping[Kind, Callable[[Tables, Violation], None]]] = {
    Kind.CONFIRMED_COUNT: mend_count("confirmed"),
    Kind.WAITLISTED_COUNT: mend_count("waitlisted"),
    Kind.NEXT_SEQ_TAKEN: mend_count("nextSeq"),
    Kind.NEXT_SEQ_SKIPS: mend_count("nextSeq"),
    Kind.WAITING_BESIDE_FREE_SEAT: promote,
    Kind.COPIES_DIFFER: copy_seats,
    Kind.SEATS_MISSING: rebuild_seats,
    Kind.REGISTRATION_WITHOUT_POINTER: put_pointer,
    Kind.POINTER_WITHOUT_REGISTRATION: delete_pointer,
    Kind.WAITING_WITHOUT_PLACE: put_place,
    Kind.PLACE_OF_ANOTHER: move_to_tail,
    Kind.PLACE_WITHOUT_WAITING: delete_place,
    Kind.NUMBERS_LOST: put_numbers,
    Kind.NUMBER_TWICE: take_number_back,
    Kind.LEFT_WITHOUT_EVENT: forget_numbers,
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """A violation, and whether it was mended or is left."""

    violation: Violation
    mended: bool


def repair(tables: Tables) -> Iterator[Outcome]:
    """Mend what can be mended; yield what was mended, and what a second look finds left."""
    for event_id in event_ids(tables):
        yield from repair_event(tables, event_id)
    for violation in strays(tables):
        if violation.kind not in MENDS:
            yield Outcome(violation, mended=False)
        elif _mend(tables, violation):
            yield Outcome(violation, mended=True)


def repair_event(tables: Tables, event_id: str) -> Iterator[Outcome]:
    """Mend one event until a look finds nothing more to mend, then say what is left."""
    for _round in range(ROUNDS):
        tried = False
        for violation in audit_event(tables, event_id):
            if violation.kind in MENDS:
                tried = True
                if _mend(tables, violation):
                    yield Outcome(violation, mended=True)
        if not tried:
            break
    yield from (Outcome(violation, mended=False) for violation in audit_event(tables, event_id))


def _mend(tables: Tables, violation: Violation) -> bool:
    """Mend a violation, and return whether it was still there to be mended."""
    try:
        MENDS[violation.kind](tables, violation)
    except (Conflicting, Contention):
        return False
    return True
