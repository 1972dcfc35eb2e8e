"""The steps of a transaction that a registration or a departure needs, alone or with others in one transaction."""

from collections.abc import Callable
from dataclasses import replace

from storage import queue
from storage.dynamodb.attributes import Item
from storage.dynamodb.steps import Step
from storage.dynamodb.tables import Tables
from storage.errors import AlreadyRegistered, EventNotFound, Refusal
from storage.items import pointer_key, registration_item, registration_key, to_registration
from storage.model import Registration
from storage.user_steps import entering_step


def admission_steps(
    registration: Registration, already: Callable[[Item], Refusal], seq: int | None = None, together: str | None = None
) -> list[Step]:
    """Return the steps that taking a seat and joining the queue share; the first that fails decides the refusal.

    `already` returns that of a user who is registered, given the registration.
    """
    event_id, user_id = registration.event_id, registration.user_id
    return [
        entering_step(user_id, event_id),
        Step(
            action="Put",
            table="Registrations",
            item=registration_item(registration, seq, together),
            condition="attribute_not_exists(#pk)",
            refusal=lambda image: already(image) if image else None,
        ),
        Step(action="Put", table="Registrations", item=pointer_key(user_id, event_id)),
    ]


def already_registered(tables: Tables, item: Item) -> AlreadyRegistered:
    """Return the refusal of a user who has this registration."""
    return AlreadyRegistered(with_position(tables, item))


def repeated(refusal: AlreadyRegistered, key: str | None) -> Registration | None:
    """Return the registration of a refusal if a request with this key made it: then the refused one repeats it."""
    registration = refusal.registration
    return registration if key is not None and registration.request == key else None


def event_missing(image: Item | None) -> EventNotFound | None:
    return EventNotFound() if image is None else None


def removal_steps(event_id: str, user_id: str, registration: Item) -> list[Step]:
    """Return the steps that remove a registration and its pointer, if it is unchanged since it was read."""
    seen: Item = {name: registration[name] for name in ("status", "registeredAt", "seq") if name in registration}
    return [
        Step(
            action="Delete",
            table="Registrations",
            key=registration_key(event_id, user_id),
            condition=" AND ".join(f"#{name} = :{name}" for name in seen),
            values=seen,
        ),
        Step(action="Delete", table="Registrations", key=pointer_key(user_id, event_id)),
    ]


def with_position(tables: Tables, item: Item) -> Registration:
    """Return the registration of an item, with its position if it waits."""
    registration = to_registration(item)
    if registration.status == "confirmed":
        return registration
    return replace(registration, position=queue.position(tables, registration.event_id, item["seq"]))
