"""Path operations on events."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Header, Query, Response

from .dependencies import EventId, Events
from .models import Event, EventInput, EventPage, EventQuery, EventUpdate

router = APIRouter(prefix="/events", tags=["events"])


@router.get("", response_model_exclude_none=True)
def list_events(query: Annotated[EventQuery, Query()], events: Events, response: Response) -> EventPage:
    page = events.list(query)
    if page.next_cursor:
        following = query.model_copy(update={"cursor": page.next_cursor}).model_dump(by_alias=True, exclude_none=True)
        response.headers["Link"] = f'<?{urlencode(following)}>; rel="next"'
    return page


@router.post("", status_code=201)
def create_event(body: EventInput, events: Events, response: Response) -> Event:
    event = events.create(body)
    response.headers["Location"] = f"events/{event.event_id}"
    response.headers["ETag"] = f'"{event.version}"'
    return event


@router.get("/{eventId}")
def get_event(event_id: EventId, events: Events, response: Response) -> Event:
    event = events.get(event_id)
    response.headers["ETag"] = f'"{event.version}"'
    return event


@router.put("/{eventId}")
def update_event(
    event_id: EventId,
    body: EventUpdate,
    events: Events,
    response: Response,
    if_match: Annotated[str | None, Header()] = None,
) -> Event:
    event = events.update(event_id, body.model_dump(exclude_unset=True), if_match)
    response.headers["ETag"] = f'"{event.version}"'
    return event


@router.delete("/{eventId}", status_code=204)
def delete_event(event_id: EventId, events: Events, if_match: Annotated[str | None, Header()] = None) -> None:
    events.delete(event_id, if_match)
