"""Registrations, each created and deleted in one transaction."""

from typing import TYPE_CHECKING, Any

from boto3.dynamodb.conditions import Attr, Key
from boto3.dynamodb.types import TypeDeserializer

from . import cursors
from .database import EVENTS, REGISTRATIONS, USERS, Item, batch_get, now
from .models import (
    EventSummary,
    PageQuery,
    Registration,
    RegistrationPage,
    RegistrationQuery,
    UserRegistration,
    UserRegistrationPage,
)
from .problems import Problem, contention, event_full, event_not_found, registration_not_found, user_not_found
from .transactions import OPEN, departure, place, seat

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBServiceResource


class RegistrationRepository:
    def __init__(self, dynamodb: "DynamoDBServiceResource") -> None:
        """Take the resource."""
        self.dynamodb = dynamodb
        self.client = dynamodb.meta.client
        self.registrations = dynamodb.Table(REGISTRATIONS)
        self.events = dynamodb.Table(EVENTS)
        self.users = dynamodb.Table(USERS)

    def register(self, event_id: str, user_id: str) -> Registration:
        """Register the user in one transaction, or, if the event is full, add a place in the queue in a second one."""
        registration = Registration(
            event_id=event_id, user_id=user_id, status="confirmed", registered_at=now(), waitlist_position=None
        )
        try:
            self.client.transact_write_items(TransactItems=seat(registration))
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
            self.client.transact_write_items(TransactItems=place(waiting, int(seats["nextSeq"])))
        except self.client.exceptions.TransactionCanceledException as error:
            self._explain(error)
            raise contention() from error
        return waiting

    def _explain(self, error: Any) -> Item:
        """Raise the problem behind a cancelled transaction, or return SEATS if the event is only full."""
        reasons = error.response["CancellationReasons"]
        failed = [reason["Code"] == "ConditionalCheckFailed" for reason in reasons]
        images = [_plain(reason.get("Item", {})) for reason in reasons]
        if failed[0] and not images[0]:
            raise event_not_found() from error
        if failed[1]:
            raise user_not_found() from error
        if failed[2]:
            registered = self._with_position(images[2]).model_dump(by_alias=True, exclude_none=True)
            detail = "This user is registered for this event already."
            raise Problem(409, "already-registered", detail, registration=registered) from error
        if not failed[0]:
            raise contention() from error
        status = images[0]["status"]
        if status not in OPEN:
            raise Problem(409, "event-closed", f"The event is {status}.", eventStatus=status) from error
        return images[0]

    def get(self, event_id: str, user_id: str) -> Registration:
        return self._with_position(self._item(event_id, user_id))

    def unregister(self, event_id: str, user_id: str) -> None:
        """Delete a registration; the head of the queue gets a freed seat in the same transaction."""
        registration = self._item(event_id, user_id)
        answer = self.registrations.query(
            KeyConditionExpression=Key("pk").eq(f"EVENT#{event_id}") & Key("sk").begins_with("WAIT#"),
            ConsistentRead=True,
            Limit=1,
        )
        head = answer["Items"][0] if answer["Items"] and self._is_open(event_id) else None
        try:
            self.client.transact_write_items(TransactItems=departure(registration, head))
        except self.client.exceptions.TransactionCanceledException as error:
            raise contention() from error

    def _item(self, event_id: str, user_id: str) -> Item:
        answer = self.registrations.get_item(
            Key={"pk": f"EVENT#{event_id}", "sk": f"USER#{user_id}"}, ConsistentRead=True
        )
        if "Item" not in answer:
            raise registration_not_found()
        return answer["Item"]

    def _seats(self, event_id: str) -> Item:
        answer = self.events.get_item(Key={"eventId": event_id, "part": "SEATS"}, ConsistentRead=True)
        if "Item" not in answer:
            raise event_not_found()
        return answer["Item"]

    def _is_open(self, event_id: str) -> bool:
        return self._seats(event_id)["status"] in OPEN

    def of_event(self, event_id: str, query: RegistrationQuery) -> RegistrationPage:
        """Return a page of an event's registrations by user id, or of the waitlisted ones in queue order."""
        partition = f"EVENT#{event_id}"
        prefix = "WAIT#" if query.status == "waitlisted" else "USER#"
        request: Item = {}
        if query.cursor:
            request["ExclusiveStartKey"] = {"pk": partition, "sk": f"{prefix}{cursors.decode(query.cursor)}"}
        if query.status == "confirmed":
            request["FilterExpression"] = Attr("status").eq("confirmed")
        answer = self.registrations.query(
            KeyConditionExpression=Key("pk").eq(partition) & Key("sk").begins_with(prefix),
            ConsistentRead=True,
            Limit=query.limit,
            **request,
        )
        if not answer["Items"]:
            self._seats(event_id)
        last = answer.get("LastEvaluatedKey")
        return RegistrationPage(
            registrations=[self._with_position(item) for item in answer["Items"]],
            next_cursor=cursors.encode(str(last["sk"]).removeprefix(prefix)) if last else None,
        )

    def of_user(self, user_id: str, query: PageQuery) -> UserRegistrationPage:
        """Return a page of a user's registrations by event id, with their events."""
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
            raise user_not_found()
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
                UserRegistration(**dict(self._with_position(registrations[event_id])), event=events[event_id])
                for event_id in event_ids
                if event_id in registrations and event_id in events
            ],
            next_cursor=cursors.encode(event_ids[-1]) if len(pointers) > query.limit else None,
        )

    def _with_position(self, item: Item) -> Registration:
        """Return the registration of a registration item or of a queue item, with its position."""
        waiting = item["sk"].startswith("WAIT#")
        seq = int(item["sk"].removeprefix("WAIT#")) if waiting else item.get("seq")
        return Registration(
            event_id=item["pk"].removeprefix("EVENT#"),
            user_id=item["userId"] if waiting else item["sk"].removeprefix("USER#"),
            status="waitlisted" if waiting else item["status"],
            registered_at=item["registeredAt"],
            waitlist_position=None if seq is None else self._position(item["pk"], int(seq)),
        )

    def _position(self, partition: str, seq: int) -> int:
        queue = Key("sk").between(f"WAIT#{0:012d}", f"WAIT#{seq:012d}")
        return self.registrations.query(KeyConditionExpression=Key("pk").eq(partition) & queue, Select="COUNT")["Count"]


def _plain(item: Item) -> Item:
    """Return an item of an error in plain form: boto3's resource does not convert those."""
    deserializer = TypeDeserializer()
    return {name: deserializer.deserialize(value) for name, value in item.items()}
