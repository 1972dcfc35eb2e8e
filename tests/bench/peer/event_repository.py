"""Events: two items each, DETAILS and SEATS."""

from datetime import UTC, datetime
from secrets import token_hex
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from boto3.dynamodb.conditions import Key

from . import cursors
from .database import EVENTS, USERS, Item, batch_get, now
from .models import Event, EventFields, EventInput, EventPage, EventQuery
from .problems import Problem, contention, event_not_found

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBServiceResource


class EventRepository:
    def __init__(self, dynamodb: "DynamoDBServiceResource") -> None:
        """Take the resource."""
        self.dynamodb = dynamodb
        self.client = dynamodb.meta.client
        self.events = dynamodb.Table(EVENTS)
        self.users = dynamodb.Table(USERS)

    def ping(self) -> None:
        """Read one key to check that DynamoDB answers."""
        self.users.get_item(Key={"userId": "."})

    def get(self, event_id: str) -> Event:
        answer = self.events.query(KeyConditionExpression=Key("eventId").eq(event_id), ConsistentRead=True)
        parts = {item["part"]: item for item in answer["Items"]}
        if not parts:
            raise event_not_found()
        return to_event(parts["DETAILS"], parts["SEATS"])

    def create(self, body: EventInput) -> Event:
        """Create both items of an event in one transaction."""
        event_id, moment = body.event_id or str(uuid4()), now()
        shared = body.model_dump(by_alias=True, include={"capacity", "status", "has_waitlist"})
        shared |= {"eventId": event_id, "version": token_hex(8)}
        details = {
            **body.model_dump(by_alias=True),
            **shared,
            "part": "DETAILS",
            "createdAt": moment,
            "updatedAt": moment,
            "listing": "EVENTS",
            "listedBy": f"{_sort_date(body.date)}#{event_id}",
        }
        seats = {**shared, "part": "SEATS", "confirmed": 0, "waitlisted": 0, "nextSeq": 0}
        try:
            self.client.transact_write_items(TransactItems=[_new(details), _new(seats)])
        except self.client.exceptions.TransactionCanceledException as error:
            raise Problem(409, "event-exists", "An event with this id exists.") from error
        return to_event(details, seats)

    def update(self, event_id: str, changes: Item, if_match: str | None) -> Event:
        """Update fields with optimistic concurrency on the version."""
        event = self.get(event_id)
        seen = event.version
        if if_match not in {None, "*", f'"{seen}"'}:
            raise Problem(412, None, "The current version does not match If-Match.")
        changed = event.model_copy(update={**changes, "version": token_hex(8), "updated_at": now()})
        if changed.capacity < event.confirmed_count:
            detail = f"{event.confirmed_count} people are confirmed."
            raise Problem(409, "capacity-below-confirmed", detail, minimum=event.confirmed_count)
        own = changed.model_dump(by_alias=True, include={*EventFields.model_fields, "updated_at"})
        own |= {"version": changed.version, "listedBy": f"{_sort_date(changed.date)}#{event_id}"}
        shared = {name: own[name] for name in ("capacity", "status", "hasWaitlist", "version")}
        try:
            self.client.transact_write_items(
                TransactItems=[_set(event_id, "DETAILS", own, seen), _set(event_id, "SEATS", shared, seen)]
            )
        except self.client.exceptions.TransactionCanceledException as error:
            raise contention() from error
        return changed.model_copy(update={"available_seats": changed.capacity - changed.confirmed_count})

    def delete(self, event_id: str, if_match: str | None) -> None:
        """Delete an event that has no registrations."""
        event = self.get(event_id)
        if if_match not in {None, "*", f'"{event.version}"'}:
            raise Problem(412, None, "The current version does not match If-Match.")
        details: Any = {"TableName": EVENTS, "Key": {"eventId": event_id, "part": "DETAILS"}}
        seats: Any = {
            "TableName": EVENTS,
            "Key": {"eventId": event_id, "part": "SEATS"},
            "ConditionExpression": "confirmed = :zero AND waitlisted = :zero",
            "ExpressionAttributeValues": {":zero": 0},
        }
        try:
            self.client.transact_write_items(TransactItems=[{"Delete": details}, {"Delete": seats}])
        except self.client.exceptions.TransactionCanceledException as error:
            raise Problem(409, "event-has-registrations", "People are registered for this event.") from error

    def list(self, query: EventQuery) -> EventPage:
        """Return a page ordered by date and id."""
        lower, upper = query.first_day or "0000", f"{query.last_day or '9999'}~"
        partition = Key("status").eq(query.status) if query.status else Key("listing").eq("EVENTS")
        start: Item = {}
        if query.cursor:
            listed_by = cursors.decode(query.cursor)
            attribute = {"status": query.status} if query.status else {"listing": "EVENTS"}
            key = {"eventId": listed_by.partition("#")[2], "part": "DETAILS"}
            start = {"ExclusiveStartKey": {**attribute, "listedBy": listed_by, **key}}
        answer = self.events.query(
            IndexName="byStatus" if query.status else "byDate",
            KeyConditionExpression=partition & Key("listedBy").between(lower, upper),
            Limit=query.limit + 1,
            **start,
        )
        listed = answer["Items"]
        shown = listed[: query.limit]
        keys = [{"eventId": item["eventId"], "part": "SEATS"} for item in shown]
        seats = {item["eventId"]: item for item in batch_get(self.dynamodb, {EVENTS: keys})[EVENTS]}
        return EventPage(
            events=[to_event(item, seats[item["eventId"]]) for item in shown if item["eventId"] in seats],
            next_cursor=cursors.encode(str(shown[-1]["listedBy"])) if len(listed) > query.limit else None,
        )


def to_event(details: Item, seats: Item) -> Event:
    """Return the event of its two items; fields in both come from SEATS, consistent with the counts."""
    return Event(
        **details | {name: seats[name] for name in ("capacity", "status", "hasWaitlist")},
        confirmed_count=seats["confirmed"],
        waitlist_count=seats["waitlisted"],
        available_seats=max(0, seats["capacity"] - seats["confirmed"]),
    )


def _new(item: Item) -> Any:
    return {"Put": {"TableName": EVENTS, "Item": item, "ConditionExpression": "attribute_not_exists(eventId)"}}


def _set(event_id: str, part: str, values: Item, seen: str) -> Any:
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


def _sort_date(date: str) -> str:
    """Return a date or date-time as UTC text that sorts chronologically."""
    moment = datetime.fromisoformat(date)
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return moment.replace(tzinfo=None).isoformat(timespec="microseconds")
