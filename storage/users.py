"""Users: create and get; `storage.user_deletion` deletes them."""

import uuid

from storage.dynamodb.steps import Step
from storage.dynamodb.tables import Tables
from storage.errors import UserExists, UserNotFound
from storage.items import to_user, user_item, user_key
from storage.model import User, now
from storage.user_steps import is_gone


def create(tables: Tables, user_id: str | None, name: str) -> User:
    """Create a user; without an id, generate one.

    Raises:
        UserExists: The id is taken; until all is removed, also by a user who is leaving.

    """
    user = User(user_id=user_id or str(uuid.uuid4()), name=name, created_at=now())
    # A transaction costs 1 WRU more than PutItem but is idempotent: botocore's retry after a lost reply succeeds,
    # where a conditional PutItem would be refused because of its own first attempt.
    step = Step(
        action="Put",
        table="Users",
        item=user_item(user),
        condition="attribute_not_exists(#userId)",
        refusal=lambda _image: UserExists(),
    )
    tables.retry(lambda _image: tables.transact([step]))
    return user


def get(tables: Tables, user_id: str) -> User:
    """Return a user.

    Raises:
        UserNotFound: No user has this id.

    """
    item = tables.get("Users", user_key(user_id))
    if item is None or is_gone(item):
        raise UserNotFound
    return to_user(item)
