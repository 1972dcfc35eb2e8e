"""Operations on events."""

import re
from typing import Any

from pydantic import MISSING

from handlers.access.caller import Caller
from handlers.bodies import Headers, event_body, page_answer
from handlers.models import answers, given
from handlers.models.requests import (
    CreateEventParameters,
    DeleteEventParameters,
    EventInput,
    EventUpdate,
    GetEventParameters,
    ListEventsParameters,
    UpdateEventParameters,
)
from handlers.request_errors import EventIdMismatch
from storage import event_deletion, events, ownership
from storage.dynamodb.tables import Tables
from storage.errors import VersionMismatch
from storage.model import FIELD_NAMES, Event, EventFields


def list_events(parameters: ListEventsParameters, *, tables: Tables) -> tuple[answers.EventPage, int, Headers]:
    page = events.list_page(
        tables,
        status=given(parameters.status),
        first_day=given(parameters.from_),
        last_day=given(parameters.to),
        limit=parameters.limit,
        cursor=given(parameters.cursor),
    )
    return page_answer(answers.EventPage(events=[event_body(event) for event in page.entries]), page, parameters)


def create_event(
    parameters: CreateEventParameters, body: EventInput, *, caller: Caller, tables: Tables
) -> tuple[answers.Event, int, Headers]:
    fields = EventFields(
        title=body.title,
        description=body.description,
        date=body.date,
        location=body.location,
        capacity=body.capacity,
        organizer=body.organizer,
        status=body.status,
        has_waitlist=given(body.has_waitlist) or given(body.waitlist_enabled) or False,
    )
    key = caller.key(given(parameters.idempotency_key))
    event = events.create(tables, given(body.event_id), fields, owner=caller.user_id, key=key)
    return event_body(event), 201, {"Location": f"events/{event.event_id}", **_version(event)}


def get_event(parameters: GetEventParameters, *, tables: Tables) -> tuple[answers.Event, int, Headers]:
    event, expected = events.get(tables, parameters.event_id), _expected(parameters.if_match)
    if expected is not None and event.version not in expected:
        raise VersionMismatch
    return event_body(event), 200, _version(event)


def update_event(
    parameters: UpdateEventParameters, body: EventUpdate, *, caller: Caller, tables: Tables
) -> tuple[answers.Event, int, Headers]:
    event_id = parameters.event_id
    if body.event_id not in {event_id, MISSING}:
        raise EventIdMismatch
    excluded = _excluded(tables, event_id, parameters.if_none_match, caller)
    expected = _expected(parameters.if_match)
    event = events.update(tables, event_id, _changes(body), expected, excluded, owner=caller.owner())
    return event_body(event), 200, _version(event)


def delete_event(parameters: DeleteEventParameters, *, caller: Caller, tables: Tables) -> tuple[None, int]:
    excluded = _excluded(tables, parameters.event_id, parameters.if_none_match, caller)
    delete = event_deletion.delete_with_registrations if parameters.with_registrations else event_deletion.delete
    delete(tables, parameters.event_id, _expected(parameters.if_match), excluded, owner=caller.owner())
    return None, 204


def _changes(body: EventUpdate) -> dict[str, Any]:
    """Return the fields of an event that an update sets; what is read-only is left out."""
    changes = {name: value for name in FIELD_NAMES if (value := getattr(body, name)) is not MISSING}
    return changes if body.waitlist_enabled is MISSING else {**changes, "has_waitlist": body.waitlist_enabled}


def _version(event: Event) -> Headers:
    return {"ETag": f'"{event.version}"'}


def _expected(if_match: str | MISSING) -> list[str] | None:
    """Return the versions that If-Match accepts, or None for any; weak ETags never match (RFC 9110, 13.1.1)."""
    return None if if_match in {"*", MISSING} else re.findall(r'(?<!W/)"([0-9a-f]{16})"', if_match)


def _excluded(tables: Tables, event_id: str, if_none_match: str | MISSING, caller: Caller) -> list[str]:
    """Return the versions that If-None-Match excludes; weak ETags match as well (RFC 9110, 13.1.2).

    Raises:
        EventNotFound: No event has this id.
        NotOwner: The event belongs to another organizer.
        VersionMismatch: `*` excludes every version of the event.

    """
    if if_none_match == "*":
        ownership.check(events.get(tables, event_id).owner, caller.owner())
        raise VersionMismatch
    return [] if if_none_match is MISSING else re.findall(r'"([0-9a-f]{16})"', if_none_match)
