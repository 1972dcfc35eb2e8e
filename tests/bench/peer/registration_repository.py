"""Reads registrations, and gives seats and places in the queue: each in one transaction."""

from typing import TYPE_CHECKING, Any

from boto3.dynamodb.conditions import Key
from boto3.dynamodb.types import TypeDeserializer

from . import cursors
from .database import EVENTS, REGISTRATIONS, USERS, Item, batch_get, now
from .models import EventSummary, PageQuery, Registration, UserRegistration, UserRegistrationPage
from .problems import Problem, event_full, event_not_found

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBServiceResource

OPEN = ("active", "scheduled", "ongoing")


class RegistrationRepository:
    def __init__(self, dynamodb: "DynamoDBServiceResource") -> None:
        """Take the resource."""
        self.dynamodb = dynamodb
        self.client = dynamodb.meta.client
        self.registrations = dynamodb.Table(REGISTRATIONS)
        self.users = dynamodb.Table(USERS)

    def register(self, event_id: str, user_id: str) -> Registration:
        """Give the user a seat in one transaction; if there is none, a place in the queue in another."""
        registration = Registration(
            event_id=event_id, user_id=user_id, status="confirmed", registered_at=now(), waitlist_position=None
        )
        try:
            self.client.transact_write_items(TransactItems=_seat(registration))
        except self.client.exceptions.TransactionCanceledException as error:
            seats = self._explain(error)
        else:
            return registration
        if not seats["hasWaitlist"]:
            raise event_full()
        return self._join_queue(registration, seats)

    def _join_queue(self, registration: Registration, seats: Item) -> Registration:
        position = int(seats["waitlisted"]) + 1
        waiting = registration.model_copy(update={"status": "waitlisted", "waitlist_position": position})
        try:
            self.client.transact_write_items(TransactItems=_place(waiting, int(seats["nextSeq"])))
        except self.client.exceptions.TransactionCanceledException as error:
            self._explain(error)
            raise _contention() from error
        return waiting

    def _explain(self, error: Any) -> Item:
        """Raise what a cancelled transaction means, or return the seats if the event is only full."""
        reasons = error.response["CancellationReasons"]
        failed = [reason["Code"] == "ConditionalCheckFailed" for reason in reasons]
        images = [_plain(reason.get("Item", {})) for reason in reasons]
        if failed[0] and not images[0]:
            raise event_not_found() from error
        if failed[1]:
            raise Problem(404, "user-not-found", "There is no user with this id.") from error
        if failed[2]:
            registered = self._located(images[2]).model_dump(by_alias=True, exclude_none=True)
            detail = "This user is registered for this event already."
            raise Problem(409, "already-registered", detail, registration=registered) from error
        if not failed[0]:
            raise _contention() from error
        status = images[0]["status"]
        if status not in OPEN:
            raise Problem(409, "event-closed", f"The event is {status}.", eventStatus=status) from error
        return images[0]

    def of_user(self, user_id: str, query: PageQuery) -> UserRegistrationPage:
        """Return a page of a user's registrations by event id, each with its event."""
        partition = f"USER#{user_id}"
        start: Item = {}
        if query.cursor:
            start = {"ExclusiveStartKey": {"pk": partition, "sk": f"EVENT#{cursors.decode(query.cursor)}"}}
        answer = self.registrations.query(
            KeyConditionExpression=Key("pk").eq(partition) & Key("sk").begins_with("EVENT#"),
            ConsistentRead=True,
            Limit=query.limit + 1,
            **start,
        )
        pointers = answer["Items"]
        if not pointers and "Item" not in self.users.get_item(Key={"userId": user_id}, ConsistentRead=True):
            raise Problem(404, "user-not-found", "There is no user with this id.")
        event_ids = [str(pointer["sk"]).removeprefix("EVENT#") for pointer in pointers[: query.limit]]
        found = batch_get(
            self.dynamodb,
            {
                REGISTRATIONS: [{"pk": f"EVENT#{event_id}", "sk": f"USER#{user_id}"} for event_id in event_ids],
                EVENTS: [{"eventId": event_id, "part": "DETAILS"} for event_id in event_ids],
            },
        )
        events = {item["eventId"]: EventSummary(**item) for item in found[EVENTS]}
        registrations = {item["pk"].removeprefix("EVENT#"): item for item in found[REGISTRATIONS]}
        return UserRegistrationPage(
            registrations=[
                UserRegistration(**dict(self._located(registrations[event_id])), event=events[event_id])
                for event_id in event_ids
                if event_id in registrations and event_id in events
            ],
            next_cursor=cursors.encode(event_ids[-1]) if len(pointers) > query.limit else None,
        )

    def _located(self, item: Item) -> Registration:
        """Return the registration of an item, with its place in the queue if it has one."""
        return Registration(
            event_id=item["pk"].removeprefix("EVENT#"),
            user_id=item["sk"].removeprefix("USER#"),
            status=item["status"],
            registered_at=item["registeredAt"],
            waitlist_position=self._position(item["pk"], int(item["seq"])) if "seq" in item else None,
        )

    def _position(self, partition: str, seq: int) -> int:
        queue = Key("sk").between(f"WAIT#{0:012d}", f"WAIT#{seq:012d}")
        return self.registrations.query(KeyConditionExpression=Key("pk").eq(partition) & queue, Select="COUNT")["Count"]


def _seat(registration: Registration) -> list[Any]:
    """Return the transaction that confirms somebody, if there is a seat and nobody waits for it."""
    seat = {
        "TableName": EVENTS,
        "Key": {"eventId": registration.event_id, "part": "SEATS"},
        "UpdateExpression": "ADD confirmed :one",
        "ConditionExpression": (
            "#status IN (:active, :scheduled, :ongoing) AND waitlisted = :zero AND confirmed < #capacity"
        ),
        "ExpressionAttributeNames": {"#status": "status", "#capacity": "capacity"},
        "ExpressionAttributeValues": {":one": 1, ":zero": 0, **{f":{status}": status for status in OPEN}},
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    return [{"Update": seat}, *_admission(registration, {})]


def _place(registration: Registration, seq: int) -> list[Any]:
    """Return the transaction that puts somebody at the end of the queue, if its next number is still this one."""
    place = {
        "TableName": EVENTS,
        "Key": {"eventId": registration.event_id, "part": "SEATS"},
        "UpdateExpression": "ADD waitlisted :one, nextSeq :one",
        "ConditionExpression": (
            "#status IN (:active, :scheduled, :ongoing) AND hasWaitlist = :true AND nextSeq = :seq"
            " AND (waitlisted > :zero OR confirmed >= #capacity)"
        ),
        "ExpressionAttributeNames": {"#status": "status", "#capacity": "capacity"},
        "ExpressionAttributeValues": {
            ":one": 1,
            ":zero": 0,
            ":true": True,
            ":seq": seq,
            **{f":{status}": status for status in OPEN},
        },
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    waiting = {
        "TableName": REGISTRATIONS,
        "Item": {
            "pk": f"EVENT#{registration.event_id}",
            "sk": f"WAIT#{seq:012d}",
            "userId": registration.user_id,
            "registeredAt": registration.registered_at,
        },
    }
    return [{"Update": place}, *_admission(registration, {"seq": seq}), {"Put": waiting}]


def _admission(registration: Registration, queued: Item) -> list[Any]:
    """Return what every admission needs: the user exists, the registration is new, and both can be found."""
    event_key, user_key = f"EVENT#{registration.event_id}", f"USER#{registration.user_id}"
    user = {
        "TableName": USERS,
        "Key": {"userId": registration.user_id},
        "ConditionExpression": "attribute_exists(userId)",
    }
    new = {
        "TableName": REGISTRATIONS,
        "Item": {
            "pk": event_key,
            "sk": user_key,
            "status": registration.status,
            "registeredAt": registration.registered_at,
            **queued,
        },
        "ConditionExpression": "attribute_not_exists(pk)",
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    pointer = {"TableName": REGISTRATIONS, "Item": {"pk": user_key, "sk": event_key}}
    return [{"ConditionCheck": user}, {"Put": new}, {"Put": pointer}]


def _plain(item: Item) -> Item:
    """Return an item of an error, which boto3's resource leaves in DynamoDB's own form."""
    deserializer = TypeDeserializer()
    return {name: deserializer.deserialize(value) for name, value in item.items()}


def _contention() -> Problem:
    return Problem(503, "contention", "Too many changes to this event at once. Repeat the request.")
