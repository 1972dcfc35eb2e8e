"""What models look like in JSON."""

from typing import Any

from storage.model import Event, Page, Registration, User

Body = dict[str, Any]


def event_body(event: Event) -> Body:
    """Return the contract's Event."""
    return {
        **event_summary_body(event),
        "confirmedCount": event.confirmed,
        "waitlistCount": event.waitlisted,
        "availableSeats": event.available,
        "createdAt": event.created_at,
        "updatedAt": event.updated_at,
    }


def event_summary_body(event: Event) -> Body:
    """Return the contract's EventSummary."""
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


def user_body(user: User) -> Body:
    """Return the contract's User."""
    return {"userId": user.user_id, "name": user.name, "createdAt": user.created_at}


def registration_body(registration: Registration) -> Body:
    """Return the contract's Registration."""
    body = {
        "userId": registration.user_id,
        "eventId": registration.event_id,
        "status": registration.status,
        "registeredAt": registration.registered_at,
    }
    return body if registration.position is None else {**body, "waitlistPosition": registration.position}


def page_body(name: str, entries: list[Body], page: Page[Any]) -> Body:
    """Return a page of the contract: its entries under their name, and the way to the next page if there is one."""
    return {name: entries} if page.next_cursor is None else {name: entries, "nextCursor": page.next_cursor}
