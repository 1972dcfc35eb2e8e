"""Users: create and get; `storage.user_deletion` deletes them."""

from collections.abc import Iterable
from functools import partial

from storage.dynamodb.steps import Step
from storage.dynamodb.tables import Tables
from storage.errors import UserExists, UserNotFound
from storage.items import intact, to_user, user_item, user_key
from storage.model import User, now
from storage.repetitions import Repeated, new_id, request_of, unless_repeated
from storage.user_steps import is_gone


def create(tables: Tables, user_id: str | None, name: str, key: str | None = None) -> User:
    """Create a user; without an id, generate one. If the same request with this key has done it, return that user.

    Raises:
        UserExists: The id is taken; until all is removed, also by a user who is leaving.
        KeyReused: It was another request that had this key.

    """
    user = User(user_id=user_id or new_id(key), name=name, created_at=now(), request=request_of(key, [name]))
    taken = unless_repeated(user.request, UserExists)
    # A transaction costs 1 WRU more than PutItem but is idempotent: botocore's retry after a lost reply succeeds,
    # where a conditional PutItem would be refused because of its own first attempt.
    step = Step(
        action="Put",
        table="Users",
        item=user_item(user),
        condition="attribute_not_exists(#userId)",
        refusal=lambda image: taken(None if is_gone(image) else image),
    )
    try:
        tables.retry(lambda _image: tables.transact([step]))
    except Repeated as repeated:
        return to_user(repeated.item)
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


def get_all(tables: Tables, user_ids: Iterable[str]) -> dict[str, User]:
    """Return those of different users who exist and are not damaged, by id, with one call per hundred."""
    found = tables.get_all(("Users", user_key(user_id)) for user_id in user_ids)["Users"]
    stored = [item for item in found if not is_gone(item)]
    return {user.user_id: user for item in stored if (user := intact(partial(to_user, item)))}
