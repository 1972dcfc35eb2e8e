"""Events: two items each, DETAILS and SEATS."""

from datetime import UTC, datetime
from secrets import token_hex
from uuid import uuid4

from . import cursors
from .database import EVENTS, Item, batch_get, client, marshal, now, query, transact
from .problems import Problem, contention, event_not_found

#: Fields of an event that only DETAILS has, and those that SEATS has as well, consistent with the counts.
_TEXTS = ("eventId", "title", "description", "date", "location", "organizer")
_SHARED = ("capacity", "status", "hasWaitlist")
_TIMES = ("createdAt", "updatedAt")


def get(event_id: str) -> tuple[Item, str]:
    """Return an event and its version."""
    parts = _parts(event_id)
    return to_event(**parts), parts["details"]["version"]


def _parts(event_id: str) -> dict[str, Item]:
    found, _last = query(EVENTS, "eventId = :id", {":id": event_id}, ConsistentRead=True)
    if not found:
        raise event_not_found()
    return {item["part"].lower(): item for item in found}


def create(body: Item) -> tuple[Item, str]:
    """Create both items of an event in one transaction, and return the event and its version."""
    moment = now()
    body = {"eventId": str(uuid4()), "status": "active", "hasWaitlist": False, **body, "version": token_hex(8)}
    details = {
        **body,
        "part": "DETAILS",
        "createdAt": moment,
        "updatedAt": moment,
        "listing": "EVENTS",
        "listedBy": _listed_by(body),
    }
    seats = {name: body[name] for name in ("eventId", "version", *_SHARED)}
    seats |= {"part": "SEATS", "confirmed": 0, "waitlisted": 0, "nextSeq": 0}
    try:
        transact(_new(details), _new(seats))
    except client.exceptions.TransactionCanceledException as error:
        raise Problem(409, "event-exists", "An event with this id exists.") from error
    return to_event(details, seats), body["version"]


def update(event_id: str, changes: Item, if_match: str | None) -> tuple[Item, str]:
    """Update fields with optimistic concurrency on the version, and return the event and its version."""
    parts = _parts(event_id)
    details, seats = parts["details"], parts["seats"]
    seen, version = details["version"], token_hex(8)
    _check(if_match, seen)
    if changes.get("capacity", seats["capacity"]) < seats["confirmed"]:
        minimum = seats["confirmed"]
        raise Problem(409, "capacity-below-confirmed", f"{minimum} people are confirmed.", minimum=minimum)
    shared = {name: changes[name] for name in _SHARED if name in changes} | {"version": version}
    own = {**changes, "version": version, "updatedAt": now(), "listedBy": _listed_by({**details, **changes})}
    try:
        transact(_set(event_id, "DETAILS", own, seen), _set(event_id, "SEATS", shared, seen))
    except client.exceptions.TransactionCanceledException as error:
        raise contention() from error
    return to_event({**details, **own}, {**seats, **shared}), version


def delete(event_id: str, if_match: str | None) -> None:
    """Delete an event that has no registrations."""
    _check(if_match, _parts(event_id)["details"]["version"])
    details = {"TableName": EVENTS, "Key": {"eventId": event_id, "part": "DETAILS"}}
    seats = {
        "TableName": EVENTS,
        "Key": {"eventId": event_id, "part": "SEATS"},
        "ConditionExpression": "confirmed = :zero AND waitlisted = :zero",
        "ExpressionAttributeValues": {":zero": 0},
    }
    try:
        transact({"Delete": details}, {"Delete": seats})
    except client.exceptions.TransactionCanceledException as error:
        raise Problem(409, "event-has-registrations", "People are registered for this event.") from error


def page(asked: Item) -> Item:
    """Return a page ordered by date and id."""
    status, cursor, limit = asked.get("status"), asked.get("cursor"), asked["limit"]
    index, attribute, value = ("byStatus", "status", status) if status else ("byDate", "listing", "EVENTS")
    options: Item = {"IndexName": index, "Limit": limit + 1, "ExpressionAttributeNames": {"#partition": attribute}}
    if cursor:
        listed_by = cursors.decode(cursor)
        key = {"eventId": listed_by.partition("#")[2], "part": "DETAILS"}
        options["ExclusiveStartKey"] = marshal({attribute: value, "listedBy": listed_by, **key})
    values = {":partition": value, ":from": asked.get("from", "0000"), ":to": f"{asked.get('to', '9999')}~"}
    listed, _last = query(EVENTS, "#partition = :partition AND listedBy BETWEEN :from AND :to", values, **options)
    shown = listed[:limit]
    found = batch_get({EVENTS: [{"eventId": item["eventId"], "part": "SEATS"} for item in shown]})[EVENTS]
    seats = {item["eventId"]: item for item in found}
    following = {"nextCursor": cursors.encode(shown[-1]["listedBy"])} if len(listed) > limit else {}
    return {
        "events": [to_event(item, seats[item["eventId"]]) for item in shown if item["eventId"] in seats]
    } | following


def to_event(details: Item, seats: Item) -> Item:
    """Return the event of its two items."""
    return {
        **{name: details[name] for name in _TEXTS},
        **{name: seats[name] for name in _SHARED},
        **{name: details[name] for name in _TIMES},
        "confirmedCount": seats["confirmed"],
        "waitlistCount": seats["waitlisted"],
        "availableSeats": max(0, seats["capacity"] - seats["confirmed"]),
    }


def to_summary(details: Item) -> Item:
    """Return the fields of an event that DETAILS has."""
    return {name: details[name] for name in (*_TEXTS, *_SHARED)}


def _check(if_match: str | None, version: str) -> None:
    if if_match not in {None, "*", f'"{version}"'}:
        raise Problem(412, None, "The current version does not match If-Match.")


def _new(item: Item) -> Item:
    return {"Put": {"TableName": EVENTS, "Item": item, "ConditionExpression": "attribute_not_exists(eventId)"}}


def _set(event_id: str, part: str, values: Item, seen: str) -> Item:
    """Return the update that sets attributes of an item if its version is still `seen`."""
    update = {
        "TableName": EVENTS,
        "Key": {"eventId": event_id, "part": part},
        "UpdateExpression": "SET " + ", ".join(f"#{name} = :{name}" for name in values),
        "ConditionExpression": "#version = :seen",
        "ExpressionAttributeNames": {f"#{name}": name for name in values},
        "ExpressionAttributeValues": {":seen": seen, **{f":{name}": value for name, value in values.items()}},
    }
    return {"Update": update}


def _listed_by(event: Item) -> str:
    """Return the sort key of the lists: the date as UTC text that sorts chronologically, and the id."""
    moment = datetime.fromisoformat(event["date"])
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return f"{moment.replace(tzinfo=None).isoformat(timespec='microseconds')}#{event['eventId']}"
