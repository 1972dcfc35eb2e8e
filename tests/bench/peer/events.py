"""Path operations on events."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query, Response

from .dependencies import Events, Registrations
from .models import Event, EventInput, EventPage, EventQuery, EventRegistrationInput, Id, Registration

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
def get_event(event_id: Annotated[Id, Path(alias="eventId")], events: Events, response: Response) -> Event:
    event = events.get(event_id)
    response.headers["ETag"] = f'"{event.version}"'
    return event


@router.post("/{eventId}/registrations", status_code=201, response_model_exclude_none=True, tags=["registrations"])
def register_user(
    event_id: Annotated[Id, Path(alias="eventId")],
    body: EventRegistrationInput,
    registrations: Registrations,
    response: Response,
) -> Registration:
    registration = registrations.register(event_id, body.user_id)
    response.headers["Location"] = f"registrations/{registration.user_id}"
    return registration
