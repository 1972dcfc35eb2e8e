"""Demo data: a few events, users and registrations.

`tech-conf-2024` and `user-123` are the example ids of the contract, which Swagger UI fills in.
"""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final

from storage import events, registrations, users
from storage.dynamodb.tables import Tables
from storage.errors import Conflicting
from storage.model import EventFields

#: The organizer whose events they are where tokens are required.
ORGANIZER: Final = "olga"

_USERS: Final = {
    "ada@example.com": "Ada",
    "grace@example.com": "Grace",
    "alan@example.com": "Alan",
    "edsger@example.com": "Edsger",
    "barbara@example.com": "Barbara",
    "user-123": "John Doe",
}

#: The users of each event in the order of their registration.
_REGISTRATIONS: Final = {
    "hands-on-dynamodb": (
        "ada@example.com",
        "grace@example.com",
        "alan@example.com",
        "edsger@example.com",
        "barbara@example.com",
    ),
    "api-design-meetup": ("ada@example.com", "grace@example.com"),
    "tech-conf-2024": ("user-123",),
}


def fill(tables: Tables, owner: str | None = None) -> None:
    """Create what does not exist yet: a full event with a waitlist, two with free seats, and a cancelled one."""
    for event_id, fields in _events(datetime.now(UTC)).items():
        with suppress(Conflicting):
            events.create(tables, event_id, fields, owner)
    for user_id, name in _USERS.items():
        with suppress(Conflicting):
            users.create(tables, user_id, name)
    for event_id, user_ids in _REGISTRATIONS.items():
        for user_id in user_ids:
            with suppress(Conflicting):
                registrations.register(tables, event_id, user_id)


def is_owned(tables: Tables) -> bool:
    """Return whether the demo's events belong to its organizer: they do not if they were created without tokens."""
    return all(events.get(tables, event_id).owner == ORGANIZER for event_id in _REGISTRATIONS)


def _events(now: datetime) -> dict[str, EventFields]:
    def evening(days: int) -> str:
        return (now + timedelta(days=days)).strftime("%Y-%m-%dT18:30:00Z")

    return {
        "hands-on-dynamodb": EventFields(
            title="Hands-on DynamoDB",
            description="A workshop on keys, transactions and conditions.\nBring a laptop; seats are few.",
            date=evening(14),
            location="Room 2, City Library",
            capacity=3,
            organizer="Cloud User Group",
            has_waitlist=True,
        ),
        "api-design-meetup": EventFields(
            title="API Design Meetup",
            description="Two talks on contracts that are written before the code, then questions and drinks.",
            date=evening(30),
            location="Main Hall, Old Brewery",
            capacity=80,
            organizer="Web Guild",
            status="scheduled",
        ),
        "tech-conf-2024": EventFields(
            title="Tech Conference",
            description="Annual technology conference",
            date=(now + timedelta(days=45)).strftime("%Y-%m-%d"),
            location="San Francisco, CA",
            capacity=100,
            organizer="Tech Corp",
            has_waitlist=True,
        ),
        "summer-hackathon": EventFields(
            title="Summer Hackathon",
            description="A weekend of building. Called off, as the venue is being renovated.",
            date=(now + timedelta(days=60)).strftime("%Y-%m-%d"),
            location="Harbour Campus",
            capacity=120,
            organizer="Student Council",
            status="cancelled",
            has_waitlist=True,
        ),
    }
