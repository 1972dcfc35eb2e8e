"""JSON bodies for the models of the storage, and pages of them."""

from collections.abc import Mapping
from operator import attrgetter
from typing import Any, Final
from urllib.parse import urlencode

from storage.model import FIELD_NAMES, Event, Page, Registration, User

Body = dict[str, Any]

#: The attributes of an event that the contract's EventSummary and Event show, each with its name there.
_SUMMARY: Final[Mapping[str, str]] = {"event_id": "eventId", **FIELD_NAMES}
_EVENT: Final[Mapping[str, str]] = {
    **_SUMMARY,
    "confirmed": "confirmedCount",
    "waitlisted": "waitlistCount",
    "available": "availableSeats",
    "created_at": "createdAt",
    "updated_at": "updatedAt",
}
_summary_values = attrgetter(*_SUMMARY)
_event_values = attrgetter(*_EVENT)


def event_body(event: Event) -> Body:
    """Return the contract's Event."""
    return dict(zip(_EVENT.values(), _event_values(event), strict=True))


def event_summary_body(event: Event) -> Body:
    """Return the contract's EventSummary."""
    return dict(zip(_SUMMARY.values(), _summary_values(event), strict=True))


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


def page_answer(
    name: str, entries: list[Body], page: Page[Any], **query: str | int | None
) -> tuple[Body, int, dict[str, str]]:
    """Return a page of the contract: the entries under `name`, and unless it is the last, `nextCursor` and a link.

    `query` are the parameters of the request; the link repeats them.
    """
    if page.next_cursor is None:
        return {name: entries}, 200, {}
    given = {name: value for name, value in query.items() if value is not None}
    link = f'<?{urlencode({**given, "cursor": page.next_cursor})}>; rel="next"'
    return {name: entries, "nextCursor": page.next_cursor}, 200, {"Link": link}
