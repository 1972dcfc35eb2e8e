"""Data of every kind for exports, and export and import in one call each."""

import io
import json
from collections.abc import Callable, Sequence
from typing import Any

from handlers.transfer import check
from storage import events, queue, registrations, users
from storage.dynamodb.tables import Tables
from storage.model import EventFields
from storage.schema import TABLES
from storage.transfer.export import export
from storage.transfer.load import Load, Loaded, lines_of


def exported(tables: Tables) -> bytes:
    """Export tables in which nothing is damaged."""
    out, gaps = io.BytesIO(), list[str]()
    export(tables, out, gaps.append, lambda _counts: None)
    assert gaps == []
    return out.getvalue()


def imported(tables: Tables, content: bytes, *, alone: bool = True) -> tuple[Loaded, dict[int, str]]:
    """Import a file, and return its numbers and the reason for each line that was refused."""
    refusals: dict[int, str] = {}
    loaded = Load(tables, check, refusals.__setitem__, alone=alone).run(lines_of(io.BytesIO(content)))
    return loaded, refusals


def emptied(tables: Tables) -> Tables:
    """Drop all data of tables."""
    for table in TABLES:
        tables.client.delete_table(TableName=tables.names[table])
    tables.create_missing()
    return tables


def documents(content: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in content.splitlines()]


def content(documents: Sequence[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(document).encode() + b"\n" for document in documents)


def fields(capacity: int, **more: Any) -> EventFields:
    given: dict[str, Any] = {"has_waitlist": True, **more}
    return EventFields(
        title="Ein Übungstag \U0001f393",
        description='Bring "pens",\nand\tpaper\u2028or \\ nothing.',
        date="2030-05-01T18:30:00.5+02:00",
        location="Łódź",
        capacity=capacity,
        organizer="O",
        **given,
    )


def fill(tables: Tables, people: int = 40) -> None:
    """Make events of every kind by the operations of the service, and people who come, leave and are promoted."""
    user_ids = [f"u{number}@example.com" for number in range(people)]
    for user_id in user_ids:
        users.create(tables, user_id, f"Zoë \u200b{user_id}")

    def register(event_id: str, *numbers: int) -> None:
        for number in numbers:
            registrations.register(tables, event_id, user_ids[number])

    events.create(tables, "empty", fields(5))
    events.create(tables, "no-waitlist", fields(people, has_waitlist=False))
    register("no-waitlist", *range(people))
    events.create(tables, "queue", fields(2))
    # Not in the order of their ids, so that the order of the queue shows.
    register("queue", *reversed(range(people)))
    for number in (people - 1, people - 4, 3):
        registrations.unregister(tables, "queue", user_ids[number])
    events.create(tables, "closed", fields(2))
    register("closed", 3, 2, 1, 0)
    events.update(tables, "closed", {"status": "cancelled"})
    registrations.unregister(tables, "closed", user_ids[2])
    events.create(tables, "switched-off", fields(1))
    register("switched-off", 5, 4, 6)
    events.update(tables, "switched-off", {"has_waitlist": False})


def order_of_queue(tables: Tables, event_id: str) -> list[str]:
    return [place["userId"] for place in queue.waiting(tables, event_id, 1_000)]


def edited(exported: bytes, edit: Callable[[dict[str, Any]], object]) -> bytes:
    """Return an export after a function has changed its objects."""
    changed = documents(exported)
    for document in changed:
        edit(document)
    return content(changed)


MADE = "2030-01-01T00:00:00.000Z"


def user(user_id: str, **more: Any) -> dict[str, Any]:
    return {"type": "user", "userId": user_id, "name": user_id.upper(), "createdAt": MADE, **more}


def event(event_id: str = "e", capacity: Any = 2, **more: Any) -> dict[str, Any]:
    return {
        "type": "event",
        "eventId": event_id,
        "title": "T",
        "description": "D",
        "date": "2030-05-01",
        "location": "L",
        "capacity": capacity,
        "organizer": "O",
        "status": "active",
        "hasWaitlist": True,
        "version": "0123456789abcdef",
        "createdAt": MADE,
        "updatedAt": MADE,
        **more,
    }


def confirmed(user_id: str, event_id: str = "e", **more: Any) -> dict[str, Any]:
    person = {"type": "registration", "eventId": event_id, "userId": user_id}
    return {**person, "status": "confirmed", "registeredAt": MADE, **more}


def waitlisted(user_id: str, event_id: str = "e", **more: Any) -> dict[str, Any]:
    return {**confirmed(user_id, event_id), "status": "waitlisted", **more}


def file(*objects: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the objects of a file: the users `a` to `f` in the lines 2 to 7, then these from line 8, then the end."""
    lines = [*map(user, "abcdef"), *objects]
    numbers = {f"{kind}s": sum(it.get("type") == kind for it in lines) for kind in ("user", "event", "registration")}
    return [{"type": "events-api", "format": 1}, *lines, {"type": "end", **numbers}]
