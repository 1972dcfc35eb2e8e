"""Models of events, users and registrations, as callers of `storage` see them."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Final, Generic, Literal, TypeVar

EventStatus = Literal["active", "scheduled", "ongoing", "completed", "cancelled"]
RegistrationStatus = Literal["confirmed", "waitlisted"]


def now() -> str:
    """Return the current time in UTC as ISO 8601, in milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def new_version() -> str:
    """Return a version of an event, which no other change has."""
    return secrets.token_hex(8)


@dataclass(frozen=True, kw_only=True, slots=True)
class EventFields:
    """The fields of an event that its organizer sets; `date` is stored as it was sent."""

    title: str
    description: str
    date: str
    location: str
    capacity: int
    organizer: str
    status: EventStatus = "active"
    has_waitlist: bool = False


#: The fields of `EventFields`, each with its name in the contract and in DynamoDB items.
FIELD_NAMES: Final[Mapping[str, str]] = {
    **{own.name: own.name for own in fields(EventFields)},
    "has_waitlist": "hasWaitlist",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Event(EventFields):
    """An event; `version` changes with its own fields, not with the counts, which are live.

    `owner` is the caller who made it, if that was known then: it never changes, and is not for public answers. Nor is
    `request`, by which a repetition of the request that made it is recognized (`storage.repetitions`).
    """

    event_id: str
    version: str
    created_at: str
    updated_at: str
    owner: str | None = None
    request: str | None = field(default=None, compare=False, repr=False)
    confirmed: int = 0
    waitlisted: int = 0

    @property
    def available(self) -> int:
        """The number of free seats."""
        return max(0, self.capacity - self.confirmed)


@dataclass(frozen=True, kw_only=True, slots=True)
class User:
    """A person who can register; `leaving` marks one who is being deleted, and whom only an export shows.

    `request` is as in `Event`.
    """

    user_id: str
    name: str
    created_at: str
    leaving: str | None = None
    request: str | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Registration:
    """A seat, or a place in the waitlist; `position` counts from 1 and is None for a seat.

    `promoted_at` is the time at which a place became a seat, None if it never was a place. `request` is as in `Event`;
    a place in the queue does not have it.
    """

    event_id: str
    user_id: str
    status: RegistrationStatus
    registered_at: str
    promoted_at: str | None = None
    position: int | None = None
    request: str | None = field(default=None, compare=False, repr=False)


Entry = TypeVar("Entry")


@dataclass(frozen=True, slots=True)
class Page(Generic[Entry]):
    """A page of a list; `next_cursor` continues the list and is None on the last page."""

    entries: Sequence[Entry] = field(default_factory=tuple)
    next_cursor: str | None = None
