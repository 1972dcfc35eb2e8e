"""Why the ledger refuses something; what each means in HTTP is the business of the handlers.

::

    Refusal
    ├── NotFound
    │   ├── EventNotFound
    │   ├── UserNotFound
    │   └── RegistrationNotFound
    ├── Conflicting
    │   ├── EventExists
    │   ├── UserExists
    │   ├── AlreadyRegistered        .registration
    │   ├── EventClosed              .event_status
    │   ├── EventFull
    │   ├── CapacityBelowConfirmed   .minimum
    │   └── EventHasRegistrations
    ├── VersionMismatch
    ├── CursorInvalid
    └── Unavailable
        ├── Contention
        └── StorageUnavailable
"""

from storage.model import Registration


class Refusal(Exception):  # noqa: N818 - a refusal is an answer, not an error of ours
    """The ledger did not do it, and nothing was changed."""


class NotFound(Refusal):
    """What was asked for does not exist."""


class EventNotFound(NotFound):
    """There is no event with this id."""


class UserNotFound(NotFound):
    """There is no user with this id."""


class RegistrationNotFound(NotFound):
    """The user is not registered for this event."""


class Conflicting(Refusal):
    """The state of the ledger does not allow it."""


class EventExists(Conflicting):
    """The event id is taken."""


class UserExists(Conflicting):
    """The user id is taken."""


class AlreadyRegistered(Conflicting):
    """The user is registered for this event already, as `registration` says."""

    def __init__(self, registration: Registration) -> None:
        super().__init__()  # A traceback that this is part of names nobody.
        self.registration = registration


class EventClosed(Conflicting):
    """The event takes no registrations, because it is `event_status`."""

    def __init__(self, event_status: str) -> None:
        super().__init__(event_status)
        self.event_status = event_status


class EventFull(Conflicting):
    """All seats are taken, and nobody new can join a queue."""


class CapacityBelowConfirmed(Conflicting):
    """The capacity can't be lowered below `minimum`, the number of people confirmed."""

    def __init__(self, minimum: int) -> None:
        super().__init__(minimum)
        self.minimum = minimum


class EventHasRegistrations(Conflicting):
    """Somebody has a seat or waits for one, so the event can't be deleted."""


class VersionMismatch(Refusal):
    """The event has another version than the caller expects."""


class CursorInvalid(Refusal):
    """The cursor is damaged, or belongs to another list."""


class Unavailable(Refusal):
    """It can't be done now; the same request may succeed later."""


class Contention(Unavailable):
    """The time was used up: others kept changing the same items, or there was more to promote than fits into it."""


class StorageUnavailable(Unavailable):
    """The store does not answer, or not with sense. A write may have been done; repeating it is safe."""
