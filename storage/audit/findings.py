"""The kinds of violations of the invariant (`storage.rules`), and advice where the operator has to act."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from storage.dynamodb.attributes import Item, Key


class Kind(StrEnum):
    """The kinds of findings, by their names in the output."""

    CONFIRMED_COUNT = "confirmed-count"
    WAITLISTED_COUNT = "waitlisted-count"
    OVERSOLD = "oversold"
    WAITING_BESIDE_FREE_SEAT = "waiting-beside-free-seat"
    NEXT_SEQ_TAKEN = "next-seq-taken"
    NEXT_SEQ_SKIPS = "next-seq-skips"
    COPIES_DIFFER = "copies-differ"
    SEATS_MISSING = "seats-missing"
    DETAILS_MISSING = "details-missing"
    REGISTRATION_WITHOUT_POINTER = "registration-without-pointer"
    REGISTRATION_WITHOUT_USER = "registration-without-user"
    POINTER_WITHOUT_REGISTRATION = "pointer-without-registration"
    WAITING_WITHOUT_PLACE = "waiting-without-place"
    PLACE_OF_ANOTHER = "place-of-another"
    PLACE_WITHOUT_WAITING = "place-without-waiting"
    NUMBERS_LOST = "numbers-lost"
    NUMBER_TWICE = "number-twice"
    LEFT_WITHOUT_EVENT = "left-without-event"
    EVENT_MISSING = "event-missing"
    MALFORMED = "malformed"
    UNKNOWN_ITEM = "unknown-item"
    NOT_JUDGED = "not-judged"


#: Advice for the kinds that are not repaired: only a manual edit causes them, or a repair could delete a registration.
ADVICE: Final[Mapping[Kind, str]] = {
    Kind.OVERSOLD: "raise the capacity, or ask people to give up their seats",
    Kind.COPIES_DIFFER: (
        "set these fields of DETAILS to their values in SEATS, which decided who got a seat; remove an owner that SEATS"
        " does not have"
    ),
    Kind.SEATS_MISSING: (
        "put SEATS with capacity, hasWaitlist, version and owner (if there is one) of DETAILS, confirmed, waitlisted"
        " and nextSeq 0, and status cancelled, so that nobody gets a seat yet; repair the counts, and expect"
        " copies-differ for the status; then set the status of SEATS to that of DETAILS, not the other way round"
    ),
    Kind.DETAILS_MISSING: "restore the item from a backup (point-in-time recovery)",
    Kind.REGISTRATION_WITHOUT_USER: "create the user with this id again, or unregister this user",
    Kind.PLACE_OF_ANOTHER: (
        "set seq of the registration to nextSeq of SEATS, then repair: that puts this user at the end of the queue"
    ),
    Kind.NUMBER_TWICE: "remove the number from numbers of this item; delete the item if it was the last one",
    Kind.LEFT_WITHOUT_EVENT: "delete this item; otherwise a new event with this id would count its numbers",
    Kind.EVENT_MISSING: "restore the event from a backup, or delete these items if nobody needs them",
    Kind.MALFORMED: "restore the item from a backup (point-in-time recovery)",
    Kind.UNKNOWN_ITEM: "find out where this item comes from: the service does not write such items",
    Kind.NOT_JUDGED: "audit again when this event has fewer writes",
}


@dataclass(frozen=True, slots=True)
class Violation:
    """A violation of the invariant, the key of the item that shows it, and the items that it was judged by."""

    table: str
    key: Key
    kind: Kind
    finding: str
    seen: Mapping[str, Item | None] = field(default_factory=dict, repr=False, compare=False)

    def __str__(self) -> str:
        """Return one line for people."""
        return f"{self.table} {json.dumps(self.key)} {self.kind}: {self.finding}"

    def as_dict(self) -> dict[str, Any]:
        """Return the violation for machines."""
        return {"table": self.table, "key": self.key, "kind": self.kind.value, "finding": self.finding}
