"""The transactions, each write with its condition."""

from .database import EVENTS, REGISTRATIONS, USERS, Item, now

OPEN = ("active", "scheduled", "ongoing")


def seat(registration: Item) -> list[Item]:
    """Return the transaction that confirms a registration if a seat is free and nobody waits."""
    seat = {
        "TableName": EVENTS,
        "Key": {"eventId": registration["eventId"], "part": "SEATS"},
        "UpdateExpression": "ADD confirmed :one",
        "ConditionExpression": (
            "#status IN (:active, :scheduled, :ongoing) AND waitlisted = :zero AND confirmed < #capacity"
        ),
        "ExpressionAttributeNames": {"#status": "status", "#capacity": "capacity"},
        "ExpressionAttributeValues": {":one": 1, ":zero": 0, **{f":{status}": status for status in OPEN}},
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    return [{"Update": seat}, *_admission(registration, {})]


def place(registration: Item, seq: int) -> list[Item]:
    """Return the transaction that adds a registration to the queue if `seq` is still its next number."""
    place = {
        "TableName": EVENTS,
        "Key": {"eventId": registration["eventId"], "part": "SEATS"},
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
            "pk": f"EVENT#{registration['eventId']}",
            "sk": f"WAIT#{seq:012d}",
            "userId": registration["userId"],
            "registeredAt": registration["registeredAt"],
        },
    }
    return [{"Update": place}, *_admission(registration, {"seq": seq}), {"Put": waiting}]


def _admission(registration: Item, queued: Item) -> list[Item]:
    """Return the writes of every registration: check the user, put the new registration, and put its pointer."""
    event_key, user_key = f"EVENT#{registration['eventId']}", f"USER#{registration['userId']}"
    user = {
        "TableName": USERS,
        "Key": {"userId": registration["userId"]},
        "ConditionExpression": "attribute_exists(userId)",
    }
    new = {
        "TableName": REGISTRATIONS,
        "Item": {
            "pk": event_key,
            "sk": user_key,
            "status": registration["status"],
            "registeredAt": registration["registeredAt"],
            **queued,
        },
        "ConditionExpression": "attribute_not_exists(pk)",
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    pointer = {"TableName": REGISTRATIONS, "Item": {"pk": user_key, "sk": event_key}}
    return [{"ConditionCheck": user}, {"Put": new}, {"Put": pointer}]


def departure(registration: Item, head: Item | None) -> list[Item]:
    """Return the transaction that deletes a registration and promotes `head` if a seat becomes free."""
    waiting = registration["status"] == "waitlisted"
    event_id, user_id = registration["pk"].removeprefix("EVENT#"), registration["sk"].removeprefix("USER#")
    count = "waitlisted" if waiting or head else "confirmed"
    seats: Item = {
        "TableName": EVENTS,
        "Key": {"eventId": event_id, "part": "SEATS"},
        "UpdateExpression": f"ADD {count} :less",
        "ExpressionAttributeValues": {":less": -1},
    }
    if count == "confirmed":
        seats["ConditionExpression"] = "waitlisted = :zero OR NOT #status IN (:active, :scheduled, :ongoing)"
        seats["ExpressionAttributeNames"] = {"#status": "status"}
        seats["ExpressionAttributeValues"] |= {":zero": 0, **{f":{status}": status for status in OPEN}}
    own = {
        "TableName": REGISTRATIONS,
        "Key": {"pk": registration["pk"], "sk": registration["sk"]},
        "ConditionExpression": "#status = :status",
        "ExpressionAttributeNames": {"#status": "status"},
        "ExpressionAttributeValues": {":status": registration["status"]},
    }
    pointer = {"TableName": REGISTRATIONS, "Key": {"pk": f"USER#{user_id}", "sk": f"EVENT#{event_id}"}}
    steps: list[Item] = [{"Update": seats}, {"Delete": own}, {"Delete": pointer}]
    if waiting:
        queued = {"pk": registration["pk"], "sk": f"WAIT#{int(registration['seq']):012d}"}
        steps.append({"Delete": {"TableName": REGISTRATIONS, "Key": queued}})
    elif head:
        steps += _promotion(head)
    return steps


def _promotion(head: Item) -> list[Item]:
    place = {
        "TableName": REGISTRATIONS,
        "Key": {"pk": head["pk"], "sk": head["sk"]},
        "ConditionExpression": "attribute_exists(pk)",
    }
    promoted = {
        "TableName": REGISTRATIONS,
        "Key": {"pk": head["pk"], "sk": f"USER#{head['userId']}"},
        "UpdateExpression": "SET #status = :confirmed, promotedAt = :now REMOVE seq",
        "ExpressionAttributeNames": {"#status": "status"},
        "ExpressionAttributeValues": {":confirmed": "confirmed", ":now": now()},
    }
    return [{"Delete": place}, {"Update": promoted}]
