"""Operations on events."""

import re
from typing import Any

from handlers.bodies import Body, event_body, page_answer
from handlers.request_errors import EventIdMismatch
from storage import events
from storage.dynamodb.tables import Tables
from storage.errors import VersionMismatch
from storage.model import FIELD_NAMES, Event, EventFields


def list_events(  # noqa: PLR0913 - the parameters of the operation
    limit: int,
    status: Any = None,
    from_: str | None = None,
    to: str | None = None,
    cursor: str | None = None,
    *,
    tables: Tables,
) -> tuple[Body, int, dict[str, str]]:
    page = events.list_page(tables, status=status, first_day=from_, last_day=to, limit=limit, cursor=cursor)
    query = {"status": status, "from": from_, "to": to, "limit": limit}
    return page_answer("events", [event_body(event) for event in page.entries], page, **query)


def create_event(body: Body, *, tables: Tables) -> tuple[Body, int, dict[str, str]]:
    event = events.create(tables, body.get("eventId"), EventFields(**_fields(body)))
    return event_body(event), 201, {"Location": f"events/{event.event_id}", **_version(event)}


def get_event(event_id: str, if_match: str = "*", *, tables: Tables) -> tuple[Body, int, dict[str, str]]:
    event, expected = events.get(tables, event_id), _expected(if_match)
    if expected is not None and event.version not in expected:
        raise VersionMismatch
    return event_body(event), 200, _version(event)


def update_event(
    event_id: str, body: Body, if_match: str = "*", if_none_match: str = "", *, tables: Tables
) -> tuple[Body, int, dict[str, str]]:
    if body.get("eventId", event_id) != event_id:
        raise EventIdMismatch
    excluded = _excluded(tables, event_id, if_none_match)
    event = events.update(tables, event_id, _fields(body), _expected(if_match), excluded)
    return event_body(event), 200, _version(event)


def delete_event(event_id: str, if_match: str = "*", if_none_match: str = "", *, tables: Tables) -> tuple[None, int]:
    excluded = _excluded(tables, event_id, if_none_match)
    events.delete(tables, event_id, _expected(if_match), excluded)
    return None, 204


def _fields(body: Body) -> dict[str, Any]:
    """Return the fields of an event that a body sets; what is read-only is left out."""
    fields = {field: body[name] for field, name in FIELD_NAMES.items() if name in body}
    if "capacity" in fields:
        fields["capacity"] = int(fields["capacity"])
    if "waitlistEnabled" in body:
        fields["has_waitlist"] = body["waitlistEnabled"]
    return fields


def _version(event: Event) -> dict[str, str]:
    return {"ETag": f'"{event.version}"'}


def _expected(if_match: str) -> list[str] | None:
    """Return the versions that If-Match accepts, or None for any; weak ETags never match (RFC 9110, 13.1.1)."""
    return None if if_match == "*" else re.findall(r'(?<!W/)"([0-9a-f]{16})"', if_match)


def _excluded(tables: Tables, event_id: str, if_none_match: str) -> list[str]:
    """Return the versions that If-None-Match excludes; weak ETags match as well (RFC 9110, 13.1.2).

    Raises:
        EventNotFound: No event has this id.
        VersionMismatch: `*` excludes every version of the event.

    """
    if if_none_match == "*":
        events.get(tables, event_id)
        raise VersionMismatch
    return re.findall(r'"([0-9a-f]{16})"', if_none_match)
