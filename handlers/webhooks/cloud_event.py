"""A notification as CloudEvents 1.0 in JSON, as `RegistrationNotification` in the contract."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from handlers.bodies import registration_body
from handlers.models.answers import NotificationType, RegistrationNotification
from storage.notifications import Kind, Notification

_TYPES: Final[Mapping[Kind, NotificationType]] = {
    "confirmed": "events-api.registration.confirmed.v1",
    "waitlisted": "events-api.registration.waitlisted.v1",
    "promoted": "events-api.registration.promoted.v1",
    "cancelled": "events-api.registration.cancelled.v1",
}


def cloud_event(notification: Notification, *, event_id: str, sequence: int, at: datetime) -> RegistrationNotification:
    """Return the document of a notification.

    `event_id` and `sequence` are those of the change that it was derived from, in the stream or log that has it: the
    same for each repetition, and the sequence is greater for each later change of the same registration. `at` is when
    the change was recorded: the `time` of what has none of its own.
    """
    registration = notification.registration
    times = {
        "confirmed": registration.registered_at,
        "waitlisted": registration.registered_at,
        "promoted": registration.promoted_at,
    }
    return {
        "specversion": "1.0",
        "id": event_id,
        # The ids have only characters that a path may have.
        "source": f"/events/{registration.event_id}",
        "type": _TYPES[notification.kind],
        "subject": registration.user_id,
        "time": times.get(notification.kind) or _text(at),
        "datacontenttype": "application/json",
        "sequence": f"{sequence:040}",
        "data": registration_body(registration),
    }


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
