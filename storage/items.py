"""Keys of items, and conversions between models and items.

An item here is a plain dict of strings, booleans, integers, and sets of integers or of strings;
`storage.dynamodb.attributes` converts it to DynamoDB's form.
"""

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import fields
from datetime import UTC, datetime
from typing import Final, TypeVar, cast

from storage.dynamodb.attributes import Item, Key
from storage.errors import Damaged
from storage.model import FIELD_NAMES, Event, Registration, User
from storage.rules import Seats

logger = logging.getLogger(__name__)

Converted = TypeVar("Converted")

DETAILS: Final = "DETAILS"
SEATS: Final = "SEATS"
LISTING: Final = "EVENTS"
USER_PREFIX: Final = "USER#"
QUEUE_PREFIX: Final = "WAIT#"
LEFT_PREFIX: Final = "LEFT#"

#: Count of queue numbers per LEFT item. The larger a block, the fewer items a position takes. While no more than a
#: quarter of its numbers is in it, an item is 1 KB, one write unit; with all of them it is less than 5 KB.
BLOCK: Final = 1000

#: The fields of `Seats` that every SEATS item has, each with its name there.
_SEATS_NAMES: Final[Mapping[str, str]] = {
    **{own.name: FIELD_NAMES.get(own.name, own.name) for own in fields(Seats) if own.name != "owner"},
    "next_seq": "nextSeq",
}


def details_key(event_id: str) -> Key:
    return {"eventId": event_id, "part": DETAILS}


def seats_key(event_id: str) -> Key:
    return {"eventId": event_id, "part": SEATS}


def user_key(user_id: str) -> Key:
    return {"userId": user_id}


def registration_key(event_id: str, user_id: str) -> Key:
    return {"pk": f"EVENT#{event_id}", "sk": f"{USER_PREFIX}{user_id}"}


def is_registration(item: Item) -> bool:
    """Return whether an item of the table Registrations is a registration."""
    return str(item["pk"]).startswith("EVENT#") and str(item["sk"]).startswith(USER_PREFIX)


def queue_key(event_id: str, seq: int) -> Key:
    """Return the key of a place in the queue, padded with zeros so that keys sort by number."""
    return {"pk": f"EVENT#{event_id}", "sk": f"{QUEUE_PREFIX}{seq:012d}"}


def left_key(event_id: str, seq: int) -> Key:
    """Return the key of the LEFT item of a number's block, which lists the numbers whose owners left the queue."""
    return {"pk": f"EVENT#{event_id}", "sk": f"{LEFT_PREFIX}{seq // BLOCK:010d}"}


def pointer_key(user_id: str, event_id: str) -> Key:
    return {"pk": f"USER#{user_id}", "sk": f"EVENT#{event_id}"}


def sort_date(date: str) -> str:
    """Return a date or date-time as UTC text that sorts by time; a date is midnight, a time without offset is UTC."""
    moment = datetime.fromisoformat(date)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    # In UTC, a time on the first or last day of the calendar can be out of range: it stays as it is.
    with suppress(OverflowError):
        moment = moment.astimezone(UTC)
    return moment.replace(tzinfo=None).isoformat(timespec="microseconds")


def listed_by(date: str, event_id: str) -> str:
    """Return the sort key of both indexes: by date, then by id."""
    return f"{sort_date(date)}#{event_id}"


def details_item(event: Event) -> Item:
    """Return the DETAILS item of an event: its own fields and the keys of the indexes."""
    return {
        **details_key(event.event_id),
        **{name: getattr(event, field) for field, name in FIELD_NAMES.items()},
        "version": event.version,
        "createdAt": event.created_at,
        "updatedAt": event.updated_at,
        "listing": LISTING,
        "listedBy": listed_by(event.date, event.event_id),
        **_owner(event.owner),
        **_request(event.request),
    }


def seats_item(event_id: str, seats: Seats) -> Item:
    counters = {name: getattr(seats, field) for field, name in _SEATS_NAMES.items()}
    return {**seats_key(event_id), **counters, **_owner(seats.owner)}


def _owner(owner: str | None) -> Item:
    return {} if owner is None else {"owner": owner}


def _request(request: str | None) -> Item:
    return {} if request is None else {"request": request}


def seats_of(event: Event) -> Seats:
    """Return the seats of an event in which nobody is registered."""
    return Seats(
        capacity=event.capacity,
        status=event.status,
        has_waitlist=event.has_waitlist,
        version=event.version,
        owner=event.owner,
    )


def to_seats(item: Item) -> Seats:
    try:
        return Seats(**{field: item[name] for field, name in _SEATS_NAMES.items()}, owner=item.get("owner"))
    except KeyError as error:
        raise lacking(item, error) from None


def to_event(details: Item, seats: Item | None = None) -> Event:
    """Return the event of its two items; fields that both have come from SEATS, to be consistent with the counts."""
    shared = details if seats is None else seats
    try:
        return _event(details, shared)
    except KeyError as error:
        raise lacking(shared if error.args[0] in details else details, error) from None


def _event(details: Item, shared: Item) -> Event:
    # Spelled out for speed: a list calls this once for each event.
    return Event(
        event_id=details["eventId"],
        title=details["title"],
        description=details["description"],
        date=details["date"],
        location=details["location"],
        organizer=details["organizer"],
        capacity=shared["capacity"],
        status=shared["status"],
        has_waitlist=shared["hasWaitlist"],
        version=details["version"],
        created_at=details["createdAt"],
        updated_at=details["updatedAt"],
        owner=details.get("owner"),
        request=details.get("request"),
        confirmed=shared.get("confirmed", 0),
        waitlisted=shared.get("waitlisted", 0),
    )


def user_item(user: User) -> Item:
    leaving = {} if user.leaving is None else {"leaving": user.leaving}
    own: Item = {"userId": user.user_id, "name": user.name, "createdAt": user.created_at}
    return {**own, **leaving, **_request(user.request)}


def to_user(item: Item) -> User:
    try:
        return User(
            user_id=item["userId"], name=item["name"], created_at=item["createdAt"], request=item.get("request")
        )
    except KeyError as error:
        raise lacking(item, error) from None


def registration_item(registration: Registration, seq: int | None = None, together: str | None = None) -> Item:
    """Return the item of a registration; `seq` is its number in the queue while it waits.

    If one transaction writes this place and the one ahead, `together` is its token.
    """
    item = {
        **registration_key(registration.event_id, registration.user_id),
        "status": registration.status,
        "registeredAt": registration.registered_at,
        **({} if registration.promoted_at is None else {"promotedAt": registration.promoted_at}),
        **_request(registration.request),
    }
    return item if seq is None else {**item, "seq": seq, **_together(together)}


def queue_item(registration: Registration, seq: int, together: str | None = None) -> Item:
    """Return the item of a place in the queue; `together` as in the registration."""
    return {
        **queue_key(registration.event_id, seq),
        "userId": registration.user_id,
        "registeredAt": registration.registered_at,
        **_together(together),
    }


def _together(token: str | None) -> Item:
    return {} if token is None else {"together": token}


def to_registration(item: Item, position: int | None = None) -> Registration:
    """Convert a registration item or a queue item to a Registration."""
    queued = item["sk"].startswith(QUEUE_PREFIX)
    try:
        return Registration(
            event_id=item["pk"].removeprefix("EVENT#"),
            user_id=item["userId"] if queued else item["sk"].removeprefix(USER_PREFIX),
            status="waitlisted" if queued else item["status"],
            registered_at=item["registeredAt"],
            promoted_at=item.get("promotedAt"),
            position=position,
            request=item.get("request"),
        )
    except KeyError as error:
        raise lacking(item, error) from None


def intact(convert: Callable[[], Converted]) -> Converted | None:
    """Return what a conversion for a list returns, or None for a damaged item, which must not take the list away."""
    try:
        return convert()
    except Damaged as damage:
        logger.error("left out of a list: %s", damage)  # noqa: TRY400 - its traceback says nothing more
        return None


def lacking(item: Item, attribute: KeyError) -> Damaged:
    """Return the damage of an item that lacks an attribute; no id of a user is in it, as it goes to the log."""
    what = f"lacks {attribute}"
    if "part" in item:
        return Damaged("Events", f"{item['eventId']} {item['part']}", what)
    if "pk" in item:
        return Damaged("Registrations", f"{item['pk']} {item['sk'].split('#')[0]}#…", what)
    return Damaged("Users", "…", what)


def queue_number(queue_item: Item) -> int:
    """Return the number of a place in the queue."""
    return int(cast("str", queue_item["sk"]).removeprefix(QUEUE_PREFIX))
