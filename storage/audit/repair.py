"""Mends violations while the service runs; a mend whose items have changed meanwhile fails, and is decided anew."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from storage.audit import event_ids, mends, strays
from storage.audit.event import audit_event
from storage.audit.findings import Kind, Violation
from storage.dynamodb.tables import Tables
from storage.errors import Conflicting, Contention

#: Maximum number of looks at one event, as one mend can reveal the next violation.
ROUNDS: Final = 6

#: The kinds that a crash or a defect of the service can cause. No mend takes a seat or a place from a user.
MENDS: Final[Mapping[Kind, Callable[[Tables, Violation], None]]] = {
    Kind.CONFIRMED_COUNT: mends.set_count("confirmed"),
    Kind.WAITLISTED_COUNT: mends.set_count("waitlisted"),
    Kind.NEXT_SEQ_TAKEN: mends.set_count("nextSeq"),
    Kind.NEXT_SEQ_SKIPS: mends.set_count("nextSeq"),
    Kind.WAITING_BESIDE_FREE_SEAT: mends.promote,
    Kind.REGISTRATION_WITHOUT_POINTER: mends.put_pointer,
    Kind.POINTER_WITHOUT_REGISTRATION: mends.delete_pointer,
    Kind.WAITING_WITHOUT_PLACE: mends.put_place,
    Kind.PLACE_WITHOUT_WAITING: mends.delete_place,
    Kind.NUMBERS_LOST: mends.put_numbers,
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """A violation, and whether it was mended."""

    violation: Violation
    mended: bool


def repair(tables: Tables) -> Iterator[Outcome]:
    """Mend whatever has a mend; yield each mended violation, and those that a last look still finds."""
    for event_id in event_ids(tables):
        yield from repair_event(tables, event_id)
    for violation in strays(tables):
        if violation.kind not in MENDS:
            yield Outcome(violation, mended=False)
        elif _mend(tables, violation):
            yield Outcome(violation, mended=True)


def repair_event(tables: Tables, event_id: str) -> Iterator[Outcome]:
    """Mend one event until a look finds nothing more to mend, then yield the violations that are left."""
    for _round in range(ROUNDS):
        tried = displaced = False
        for violation in audit_event(tables, event_id):
            # The number of a registration that still lacks its place must not be recorded as left.
            if violation.kind in MENDS and not (displaced and violation.kind is Kind.NUMBERS_LOST):
                tried = True
                if _mend(tables, violation):
                    yield Outcome(violation, mended=True)
                elif violation.kind is Kind.WAITING_WITHOUT_PLACE:
                    displaced = True
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
