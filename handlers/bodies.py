"""JSON bodies for the models of the storage, and pages of them."""

from typing import Any, TypeVar
from urllib.parse import urlencode

from handlers.models import Request, answers
from storage.model import Event, Page, Registration, User

Headers = dict[str, str]

PageBody = TypeVar("PageBody", answers.EventPage, answers.RegistrationPage, answers.UserRegistrationPage)


def event_body(event: Event) -> answers.Event:
    return {
        **event_summary_body(event),
        "confirmedCount": event.confirmed,
        "waitlistCount": event.waitlisted,
        "availableSeats": event.available,
        "createdAt": event.created_at,
        "updatedAt": event.updated_at,
    }


def event_summary_body(event: Event) -> answers.EventSummary:
    return {
        "eventId": event.event_id,
        "title": event.title,
        "description": event.description,
        "date": event.date,
        "location": event.location,
        "capacity": event.capacity,
        "organizer": event.organizer,
        "status": event.status,
        "hasWaitlist": event.has_waitlist,
    }


def user_body(user: User) -> answers.User:
    return {"userId": user.user_id, "name": user.name, "createdAt": user.created_at}


def user_summary_body(user: User) -> answers.UserSummary:
    return {"userId": user.user_id, "name": user.name}


def registration_body(registration: Registration) -> answers.Registration:
    body: answers.Registration = {
        "userId": registration.user_id,
        "eventId": registration.event_id,
        "status": registration.status,
        "registeredAt": registration.registered_at,
    }
    if registration.promoted_at is not None:
        body["promotedAt"] = registration.promoted_at
    if registration.position is not None:
        body["waitlistPosition"] = registration.position
    return body


def page_answer(body: PageBody, page: Page[Any], parameters: Request) -> tuple[PageBody, int, Headers]:
    """Return a page of a list; unless it is the last, with `nextCursor` and a link that repeats the query."""
    if page.next_cursor is None:
        return body, 200, {}
    body["nextCursor"] = page.next_cursor
    query = parameters.model_dump(by_alias=True, exclude={"event_id", "user_id", "cursor"})
    return body, 200, {"Link": f'<?{urlencode({**query, "cursor": page.next_cursor})}>; rel="next"'}
