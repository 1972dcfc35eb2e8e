"""Users."""

from uuid import uuid4

from . import database
from .database import USERS, Item, client, marshal, now
from .problems import Problem, user_not_found


def create(body: Item) -> Item:
    user = {"userId": str(uuid4()), **body, "createdAt": now()}
    try:
        client.put_item(TableName=USERS, Item=marshal(user), ConditionExpression="attribute_not_exists(userId)")
    except client.exceptions.ConditionalCheckFailedException as error:
        raise Problem(409, "user-exists", "A user with this id exists.") from error
    return user


def get(user_id: str) -> Item:
    user = database.get(USERS, {"userId": user_id})
    if user is None:
        raise user_not_found()
    return user


def ping() -> None:
    """Read one key to check that DynamoDB answers."""
    client.get_item(TableName=USERS, Key=marshal({"userId": "."}))
