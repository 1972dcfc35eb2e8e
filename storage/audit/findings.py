"""What an audit can find: each kind of violation of rule 10, and what a person can do where no repair is safe."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from storage.dynamodb.attributes import Item, Key


class Kind(StrEnum):
    """The kinds of findings, as they are called in the output."""

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


#: What a person can do about what no repair mends, because somebody could lose a registration by it.
ADVICE: Final[Mapping[Kind, str]] = {
    Kind.OVERSOLD: "raise the capacity, or ask people to give seats back: nobody is demoted by a repair",
    Kind.DETAILS_MISSING: "put the item back from a backup (point-in-time recovery)",
    Kind.REGISTRATION_WITHOUT_USER: "create the user with this id again, or unregister this person",
    Kind.EVENT_MISSING: "put the event back from a backup, or delete these items once nobody needs them",
    Kind.MALFORMED: "put the item back from a backup",
    Kind.UNKNOWN_ITEM: "the service does not write such an item: find out who did",
    Kind.NOT_JUDGED: "audit again when fewer people write to this event",
}


@dataclass(frozen=True, slots=True)
class Violation:
    """Something that rule 10 forbids, the key of the item where it shows, and what it was judged by."""

    table: str
    key: Key
    kind: Kind
    finding: str
    seen: Mapping[str, Item | None] = field(default_factory=dict, repr=False, compare=False)

    def __str__(self) -> str:
        """Return one line for people."""
        return f"{self.table} {json.dumps(self.key)} {self.kind}: {self.finding}"

    def as_dict(self) -> dict[str, Any]:
        """Return what a machine reads."""
        return {"table": self.table, "key": self.key, "kind": self.kind.value, "finding": self.finding}
