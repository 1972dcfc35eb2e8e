"""Operations on registrations, below `/registrations`, `/events/{eventId}` and `/users/{userId}`."""

from typing import Any

from handlers.bodies import Body, event_summary_body, page_answer, registration_body
from storage import registration_lists, registrations
from storage.dynamodb.tables import Tables


def register_user(event_id: str, body: Body, *, tables: Tables) -> tuple[Body, int, dict[str, str]]:
    registration = registrations.register(tables, event_id, body["userId"])
    return registration_body(registration), 201, {"Location": f"registrations/{registration.user_id}"}


def create_registration(body: Body, *, tables: Tables) -> tuple[Body, int, dict[str, str]]:
    registration = registrations.register(tables, body["eventId"], body["userId"])
    location = f"events/{registration.event_id}/registrations/{registration.user_id}"
    return registration_body(registration), 201, {"Location": location}


def get_registration(event_id: str, user_id: str, *, tables: Tables) -> Body:
    return registration_body(registrations.get(tables, event_id, user_id))


def unregister_user(event_id: str, user_id: str, *, tables: Tables) -> tuple[None, int]:
    registrations.unregister(tables, event_id, user_id)
    return None, 204


def delete_registration(user_id: str, event_id: str, *, tables: Tables) -> tuple[None, int]:
    return unregister_user(event_id, user_id, tables=tables)


def list_event_registrations(
    event_id: str, limit: int, status: Any = None, cursor: str | None = None, *, tables: Tables
) -> tuple[Body, int, dict[str, str]]:
    page = registration_lists.of_event(tables, event_id, status=status, limit=limit, cursor=cursor)
    entries = [registration_body(registration) for registration in page.entries]
    return page_answer("registrations", entries, page, status=status, limit=limit)


def list_user_registrations(
    user_id: str, limit: int, cursor: str | None = None, *, tables: Tables
) -> tuple[Body, int, dict[str, str]]:
    page = registration_lists.of_user(tables, user_id, limit=limit, cursor=cursor)
    entries = [
        {**registration_body(registration), "event": event_summary_body(event)} for registration, event in page.entries
    ]
    return page_answer("registrations", entries, page, limit=limit)
