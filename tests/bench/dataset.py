"""The data of the measurements: 100 events, two of them full, and a user with 50 registrations."""

from dataclasses import replace
from typing import Any, Final

from storage.dynamodb.attributes import Item, marshal
from storage.dynamodb.tables import Tables
from storage.embedded import EMULATOR_ACCESS
from storage.items import details_item, pointer_key, registration_item, seats_item, seats_of, user_item
from storage.model import Event, Registration, User
from storage.rules import Seats
from tests.bench.calls import FULL, NEWCOMER, OPEN, QUEUED, REGULAR

EVENT_IDS: Final = (*(f"event-{number:03d}" for number in range(97)), FULL, OPEN, QUEUED)
#: The events of the user with 50 registrations.
REGULAR_EVENT_IDS: Final = EVENT_IDS[47:97]

_REGISTERED: Final = ((FULL, "early"), (QUEUED, "early"), *((event_id, REGULAR) for event_id in REGULAR_EVENT_IDS))
_MOMENT: Final = "2026-11-23T09:00:00.000Z"
#: Maximum number of items per BatchWriteItem.
_BATCH: Final = 25


def items() -> dict[str, list[Item]]:
    """Return the items by table."""
    seats = [(made, _seats(made)) for made in map(event, EVENT_IDS)]
    registrations = [registration(event_id, user_id) for event_id, user_id in _REGISTERED]
    users = [User(user_id=user_id, name="Somebody", created_at=_MOMENT) for user_id in ("early", NEWCOMER, REGULAR)]
    return {
        "Events": [item for made, counts in seats for item in (details_item(made), seats_item(made.event_id, counts))],
        "Users": [user_item(user) for user in users],
        "Registrations": [
            *map(registration_item, registrations),
            *(pointer_key(user_id, event_id) for event_id, user_id in _REGISTERED),
        ],
    }


def create(store_url: str) -> None:
    """Create the tables in a store, and write the items to them."""
    tables = Tables.connect({}, endpoint_url=store_url, **EMULATOR_ACCESS)
    tables.create_missing()
    for table, made in items().items():
        for start in range(0, len(made), _BATCH):
            puts: Any = [{"PutRequest": {"Item": marshal(item)}} for item in made[start : start + _BATCH]]
            tables.client.batch_write_item(RequestItems={table: puts})


def event(event_id: str) -> Event:
    """Return an event with texts of a usual length."""
    return Event(
        event_id=event_id,
        title=f"Evening on distributed systems: {event_id}",
        description=(
            "Talks of twenty minutes each on queues, clocks and what to do without them, then time for questions.\n"
            "Bring a laptop if you want to try the examples; there is coffee, and the door opens half an hour before."
        ),
        date="2030-05-01T18:30:00+02:00",
        location="City Library, Hall 2, 12 Market Square",
        organizer="Python User Group",
        capacity=1 if event_id in {FULL, QUEUED} else 500,
        has_waitlist=event_id != FULL,
        version="0123456789abcdef",
        created_at=_MOMENT,
        updated_at=_MOMENT,
        confirmed=sum(event_id == registered for registered, _user_id in _REGISTERED),
    )


def registration(event_id: str, user_id: str) -> Registration:
    return Registration(event_id=event_id, user_id=user_id, status="confirmed", registered_at=_MOMENT)


def _seats(event: Event) -> Seats:
    return replace(seats_of(event), confirmed=event.confirmed)
