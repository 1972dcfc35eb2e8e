"""What others are told about registrations, derived from the changes of the table, so that there is no second truth."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Literal

from storage.dynamodb.attributes import Item
from storage.errors import Damaged
from storage.items import is_registration, to_registration
from storage.model import Registration, RegistrationStatus

Kind = Literal["confirmed", "waitlisted", "promoted", "cancelled"]

#: The kind for each change of status; None is no registration. Any other change tells nothing.
KINDS: Final[Mapping[tuple[RegistrationStatus | None, RegistrationStatus | None], Kind]] = {
    (None, "confirmed"): "confirmed",
    (None, "waitlisted"): "waitlisted",
    ("waitlisted", "confirmed"): "promoted",
    ("confirmed", None): "cancelled",
    ("waitlisted", None): "cancelled",
}


@dataclass(frozen=True, slots=True)
class Notification:
    """What happened to a registration, and the registration after it; a cancelled one is as it was before."""

    kind: Kind
    registration: Registration


def derive(old: Item | None, new: Item | None) -> Notification | None:
    """Return what a change of an item of the table Registrations tells, if anything; an absent item is None.

    A damaged registration tells nothing: the service does not write one, and the audit reports it.
    """
    known = new or old
    if known is None or not is_registration(known):
        return None
    with suppress(Damaged):
        before = None if old is None else to_registration(old)
        after = None if new is None else to_registration(new)
        kind = KINDS.get((before.status if before else None, after.status if after else None))
        found = after or before
        return Notification(kind, found) if kind and found else None
    return None
