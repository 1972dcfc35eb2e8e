"""An event with registrations, for tests of the storage."""

from typing import Any

from storage import audit, events, registration_lists, registrations, users
from storage.dynamodb.tables import Tables
from storage.model import EventFields, Registration


def make_event(tables: Tables, capacity: int = 2, **fields: Any) -> None:
    for user_id in "abcdefgh":
        users.create(tables, user_id, user_id.upper())
    given: dict[str, Any] = {"has_waitlist": True, **fields}
    events.create(
        tables,
        "e",
        EventFields(
            title="T", description="D", date="2030-05-01", location="L", capacity=capacity, organizer="O", **given
        ),
    )


def register(tables: Tables, *user_ids: str) -> list[Registration]:
    return [registrations.register(tables, "e", user_id) for user_id in user_ids]


def state(tables: Tables) -> tuple[str, str]:
    """Return the users who are confirmed and those who wait, in order, and assert the invariant."""
    assert list(audit.audit(tables)) == []
    confirmed = registration_lists.of_event(tables, "e", status="confirmed", limit=100).entries
    waiting = registration_lists.of_event(tables, "e", status="waitlisted", limit=100).entries
    assert [entry.position for entry in waiting] == list(range(1, len(waiting) + 1))
    return "".join(entry.user_id for entry in confirmed), "".join(entry.user_id for entry in waiting)
