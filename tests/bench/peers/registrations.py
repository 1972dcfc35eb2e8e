"""Registrations, each created and deleted in one transaction."""

from typing import Any

from . import cursors, database
from .database import EVENTS, REGISTRATIONS, USERS, Item, batch_get, client, marshal, now, query, transact, unmarshal
from .events import to_summary
from .problems import Problem, contention, event_full, event_not_found, registration_not_found, user_not_found
from .transactions import OPEN, departure, place, seat

_KEYS = "pk = :pk AND begins_with(sk, :prefix)"


def register(event_id: str, user_id: str) -> Item:
    """Register the user in one transaction, or, if the event is full, add a place in the queue in a second one."""
    registration = {"userId": user_id, "eventId": event_id, "status": "confirmed", "registeredAt": now()}
    try:
        transact(*seat(registration))
    except client.exceptions.TransactionCanceledException as error:
        seats = _explain(error)
    else:
        return registration
    if not seats["hasWaitlist"]:
        raise event_full()
    waiting = {**registration, "status": "waitlisted", "waitlistPosition": seats["waitlisted"] + 1}
    try:
        transact(*place(waiting, seats["nextSeq"]))
    except client.exceptions.TransactionCanceledException as error:
        _explain(error)
        raise contention() from error
    return waiting


def _explain(error: Any) -> Item:
    """Raise the problem behind a cancelled transaction, or return SEATS if the event is only full."""
    reasons = error.response["CancellationReasons"]
    failed = [reason["Code"] == "ConditionalCheckFailed" for reason in reasons]
    images = [unmarshal(reason.get("Item", {})) for reason in reasons]
    if failed[0] and not images[0]:
        raise event_not_found() from error
    if failed[1]:
        raise user_not_found() from error
    if failed[2]:
        detail = "This user is registered for this event already."
        raise Problem(409, "already-registered", detail, registration=_registration(images[2])) from error
    if not failed[0]:
        raise contention() from error
    status = images[0]["status"]
    if status not in OPEN:
        raise Problem(409, "event-closed", f"The event is {status}.", eventStatus=status) from error
    return images[0]


def get(event_id: str, user_id: str) -> Item:
    return _registration(_item(event_id, user_id))


def unregister(event_id: str, user_id: str) -> None:
    """Delete a registration; the head of the queue gets a freed seat in the same transaction."""
    registration = _item(event_id, user_id)
    waiting, _last = query(
        REGISTRATIONS, _KEYS, {":pk": f"EVENT#{event_id}", ":prefix": "WAIT#"}, ConsistentRead=True, Limit=1
    )
    head = waiting[0] if waiting and _seats(event_id)["status"] in OPEN else None
    try:
        transact(*departure(registration, head))
    except client.exceptions.TransactionCanceledException as error:
        raise contention() from error


def _item(event_id: str, user_id: str) -> Item:
    item = database.get(REGISTRATIONS, {"pk": f"EVENT#{event_id}", "sk": f"USER#{user_id}"})
    if item is None:
        raise registration_not_found()
    return item


def _seats(event_id: str) -> Item:
    seats = database.get(EVENTS, {"eventId": event_id, "part": "SEATS"})
    if seats is None:
        raise event_not_found()
    return seats


def page_of_event(event_id: str, asked: Item) -> Item:
    """Return a page of an event's registrations by user id, or of the waitlisted ones in queue order."""
    partition, status, cursor = f"EVENT#{event_id}", asked.get("status"), asked.get("cursor")
    prefix = "WAIT#" if status == "waitlisted" else "USER#"
    values, options = {":pk": partition, ":prefix": prefix}, {"ConsistentRead": True, "Limit": asked["limit"]}
    if cursor:
        options["ExclusiveStartKey"] = marshal({"pk": partition, "sk": f"{prefix}{cursors.decode(cursor)}"})
    if status == "confirmed":
        options |= {"FilterExpression": "#status = :status", "ExpressionAttributeNames": {"#status": "status"}}
        values[":status"] = status
    items, last = query(REGISTRATIONS, _KEYS, values, **options)
    if not items:
        _seats(event_id)
    following = {"nextCursor": cursors.encode(last["sk"].removeprefix(prefix))} if last else {}
    return {"registrations": [_registration(item) for item in items]} | following


def page_of_user(user_id: str, asked: Item) -> Item:
    """Return a page of a user's registrations by event id, with their events."""
    partition, cursor, limit = f"USER#{user_id}", asked.get("cursor"), asked["limit"]
    options: Item = {"ConsistentRead": True, "Limit": limit + 1}
    if cursor:
        options["ExclusiveStartKey"] = marshal({"pk": partition, "sk": f"EVENT#{cursors.decode(cursor)}"})
    pointers, _last = query(REGISTRATIONS, _KEYS, {":pk": partition, ":prefix": "EVENT#"}, **options)
    if not pointers and database.get(USERS, {"userId": user_id}) is None:
        raise user_not_found()
    event_ids = [pointer["sk"].removeprefix("EVENT#") for pointer in pointers[:limit]]
    found = batch_get(
        {
            REGISTRATIONS: [{"pk": f"EVENT#{event_id}", "sk": f"USER#{user_id}"} for event_id in event_ids],
            EVENTS: [{"eventId": event_id, "part": "DETAILS"} for event_id in event_ids],
        }
    )
    events = {item["eventId"]: to_summary(item) for item in found[EVENTS]}
    registrations = {item["pk"].removeprefix("EVENT#"): item for item in found[REGISTRATIONS]}
    entries = [
        {**_registration(registrations[event_id]), "event": events[event_id]}
        for event_id in event_ids
        if event_id in registrations and event_id in events
    ]
    following = {"nextCursor": cursors.encode(event_ids[-1])} if len(pointers) > limit else {}
    return {"registrations": entries} | following


def _registration(item: Item) -> Item:
    """Return the registration of a registration item or of a queue item, with its position."""
    waiting = item["sk"].startswith("WAIT#")
    registration = {
        "userId": item["userId"] if waiting else item["sk"].removeprefix("USER#"),
        "eventId": item["pk"].removeprefix("EVENT#"),
        "status": "waitlisted" if waiting else item["status"],
        "registeredAt": item["registeredAt"],
    }
    if "promotedAt" in item:
        registration["promotedAt"] = item["promotedAt"]
    seq = int(item["sk"].removeprefix("WAIT#")) if waiting else item.get("seq")
    return registration if seq is None else registration | {"waitlistPosition": _position(item["pk"], seq)}


def _position(partition: str, seq: int) -> int:
    answer = client.query(
        TableName=REGISTRATIONS,
        KeyConditionExpression="pk = :pk AND sk BETWEEN :first AND :own",
        ExpressionAttributeValues=marshal({":pk": partition, ":first": "WAIT#", ":own": f"WAIT#{seq:012d}"}),
        Select="COUNT",
    )
    return answer["Count"]
