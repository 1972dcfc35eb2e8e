"""An event with registrations, for tests of the storage."""

from typing import Any

import pytest

from storage import audit, events, queue, registration_lists, registrations, users
from storage.dynamodb.steps import Step
from storage.dynamodb.tables import Tables
from storage.items import pointer_key, queue_item, registration_item, seats_key, user_item
from storage.model import EventFields, Registration, User
from storage.rules import Seats


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


def crowd(tables: Tables, waiting: int) -> None:
    """Make an event with one seat, one person confirmed (`u0000`), and `waiting` people in the queue.

    The items are written directly: to register takes long.
    """
    fields = EventFields(
        title="T", description="D", date="2030-05-01", location="L", capacity=1, organizer="O", has_waitlist=True
    )
    events.create(tables, "e", fields)
    items: list[tuple[str, dict[str, Any]]] = []
    for number in range(waiting + 1):
        user_id, seq, status = f"u{number:04d}", number - 1, "waitlisted" if number else "confirmed"
        registration = Registration(event_id="e", user_id=user_id, status=status, registered_at="2030-01-01T00:00:00Z")  # type: ignore[arg-type]
        items += [("Users", user_item(User(user_id=user_id, name="N", created_at="2030-01-01T00:00:00Z")))]
        items += [("Registrations", registration_item(registration, seq if number else None))]
        items += [("Registrations", pointer_key(user_id, "e"))]
        items += [("Registrations", queue_item(registration, seq))] if number else []
    for first in range(0, len(items), 100):
        tables.transact([Step(action="Put", table=table, item=item) for table, item in items[first : first + 100]])
    count = Step(
        action="Update",
        table="Events",
        key=seats_key("e"),
        change="SET #confirmed = :one, #waitlisted = :waiting, #nextSeq = :waiting",
        values={"one": 1, "waiting": waiting},
    )
    tables.transact([count])
    assert list(audit.audit(tables)) == []


def raise_and_crash(tables: Tables, monkeypatch: pytest.MonkeyPatch, capacity: int) -> None:
    """Raise the capacity, and crash before anybody is promoted."""

    def crash(_tables: Tables, _event_id: str, seats: Seats) -> Seats:
        return seats

    with monkeypatch.context() as patch:
        patch.setattr(queue, "promote_waiting", crash)
        events.update(tables, "e", {"capacity": capacity})
