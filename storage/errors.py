"""The refusals of the storage; `handlers.problems` maps each to an HTTP response.

The hierarchy:

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
    │   ├── DeletionStopped
    │   └── EventHasRegistrations
    ├── KeyReused
    ├── NotOwner
    ├── VersionMismatch
    ├── CursorInvalid
    └── Unavailable
        ├── Contention
        ├── DeadlineExceeded
        ├── DeletionInProgress
        ├── PromotionInProgress
        └── StorageUnavailable
"""

from storage.model import EventStatus, Registration


class Damaged(Exception):  # noqa: N818 - a state of the tables
    """An item is missing or lacks an attribute, by a manual edit or a defect: no refusal, as no caller can mend it.

    The message has the table and the key, without the id of a user, and the command that finds out more.
    """

    def __init__(self, table: str, key: str, what: str) -> None:
        super().__init__(f"{table} {key} {what}; run `python -m storage audit` with --data, --store or --stack")


class Refusal(Exception):  # noqa: N818 - a refusal is an answer to the caller, not a defect
    """The operation was refused, and changed nothing of its own, which `Unavailable` and `DeletionStopped` may have.

    On the way it may have promoted people for whom a seat was free, or deleted the numbers of people who left.
    """


class NotFound(Refusal):
    """The event, user or registration does not exist."""


class EventNotFound(NotFound):
    """No event has this id."""


class UserNotFound(NotFound):
    """No user has this id."""


class RegistrationNotFound(NotFound):
    """The user is not registered for this event."""


class Conflicting(Refusal):
    """The current state of the event, user or registration forbids the operation."""


class EventExists(Conflicting):
    """The event id is taken."""


class UserExists(Conflicting):
    """The user id is taken."""


class AlreadyRegistered(Conflicting):
    """The user is already registered for this event; `registration` is that registration."""

    def __init__(self, registration: Registration) -> None:
        super().__init__()  # Without arguments, so that a traceback shows no ids.
        self.registration = registration


class EventClosed(Conflicting):
    """The event takes no registrations: its status is `event_status`."""

    def __init__(self, event_status: EventStatus) -> None:
        super().__init__(event_status)
        self.event_status = event_status


class EventFull(Conflicting):
    """All seats are taken, and the waitlist is off."""


class CapacityBelowConfirmed(Conflicting):
    """The capacity can't be lower than `minimum`, the number of people confirmed."""

    def __init__(self, minimum: int) -> None:
        super().__init__(minimum)
        self.minimum = minimum


class DeletionStopped(Conflicting):
    """The event was changed while it was being deleted with its registrations: it was cancelled, and some are gone."""


class EventHasRegistrations(Conflicting):
    """The event can't be deleted: it has registrations."""


class KeyReused(Refusal):
    """The key belongs to another request of this caller, which made the resource from other fields."""


class NotOwner(Refusal):
    """The event belongs to somebody else than the caller demands, or to nobody; nothing more was found out about it."""


class VersionMismatch(Refusal):
    """The event has none of the versions that the caller expects."""


class CursorInvalid(Refusal):
    """The cursor is damaged, or belongs to another list."""


class Unavailable(Refusal):
    """The operation can't be completed now, and may have been done; repeating the request is safe."""


class Contention(Unavailable):
    """Other writers kept changing the same items until the time for retries ran out."""


class DeadlineExceeded(Unavailable):
    """The request has no time left for another call. A write may have been done; repeating it is safe."""


class DeletionInProgress(Unavailable):
    """The deletion has begun and is not complete; repeating the request goes on."""


class PromotionInProgress(Unavailable):
    """Free seats of the event are being given to people who wait; who gets the next one is not certain yet."""


class StorageUnavailable(Unavailable):
    """The store does not answer, or is not DynamoDB. A write may have been done; repeating it is safe."""
