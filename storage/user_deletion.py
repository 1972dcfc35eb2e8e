"""Leaving for good: a user's registrations are taken back one by one, then the user is deleted.

A mark, `leaving`, comes first. From then on nobody can register the user, and for everybody else the user is gone. The
rest can be repeated at any time, by any process, and by several at once: every transaction checks the mark.
"""

import secrets
from functools import partial

from storage import registrations
from storage.dynamodb.attributes import Item
from storage.dynamodb.steps import Step
from storage.dynamodb.tables import BATCH_KEYS, Tables
from storage.errors import (
    Contention,
    Damaged,
    DeadlineExceeded,
    DeletionInProgress,
    RegistrationNotFound,
    UserNotFound,
)
from storage.items import pointer_key, registration_key, user_key
from storage.model import now
from storage.registration_lists import pointed_to
from storage.user_steps import leaving_step, settle


def delete(tables: Tables, user_id: str) -> None:
    """Take back all registrations of a user as `registrations.unregister` does, and delete the user.

    Raises:
        UserNotFound: No user has this id.
        Damaged: A registration can't be taken back; all others are.
        DeletionInProgress: The time of the request ran out. The user is leaving, and repeating the request goes on.

    """
    tables.retry(lambda _image: _mark(tables, user_id))
    try:
        # A user who was deleted by another request, and has the same id and leaves again, is not this request's; but
        # who asked for that wants the same.
        while (user := _settled(tables, user_id)) is not None and "leaving" in user:
            try:
                _unregister_all(tables, user_id, user["leaving"])
                tables.retry(partial(_remove, tables, user_id, user["leaving"]))
            except UserNotFound:
                continue
    except (Contention, DeadlineExceeded) as error:
        raise DeletionInProgress from error


def _mark(tables: Tables, user_id: str) -> None:
    """Mark the user as leaving, unless that is done.

    A copy of this write may arrive late. It must not mark a new user with the same id, who was created at another time.
    """
    user = tables.get("Users", user_key(user_id))
    if user is None:
        raise UserNotFound
    if "leaving" in user:
        return
    step = Step(
        action="Update",
        table="Users",
        key=user_key(user_id),
        change="SET #leaving = :leaving",
        condition="#createdAt = :createdAt",
        values={"leaving": f"{now()}#{_new_token()}", "createdAt": user["createdAt"]},
        refusal=lambda _image: UserNotFound(),
    )
    tables.transact([step])


def _settled(tables: Tables, user_id: str) -> Item | None:
    """Return the item of the user once all registrations that were admitted before the mark are visible."""

    def attempt(_image: Item | None) -> Item | None:
        user = tables.get("Users", user_key(user_id))
        if user is not None and "leaving" in user:
            settle(tables, user)
        return user

    return tables.retry(attempt)


def _unregister_all(tables: Tables, user_id: str, leaving: str) -> None:
    """Take back every registration to which a pointer leads, page by page.

    Raises:
        UserNotFound: The user was deleted meanwhile, by another request.
        Damaged: One of them can't be taken back.

    """
    damage: Damaged | None = None
    after: str | None = None
    while event_ids := pointed_to(tables, user_id, BATCH_KEYS, after):
        for event_id in event_ids:
            try:
                tables.retry(partial(_unregister, tables, event_id, user_id, leaving))
            except Damaged as error:
                damage = error
        after = event_ids[-1]
    if damage:
        raise damage


def _unregister(tables: Tables, event_id: str, user_id: str, leaving: str, _image: Item | None) -> None:
    """Take back a registration; if there is none, as it was taken back already, there must be no pointer either."""
    still_leaving = leaving_step(user_id, leaving)
    try:
        registrations.unregister(tables, event_id, user_id, also=[still_leaving])
    except RegistrationNotFound:
        registration = registration_key(event_id, user_id)
        tables.transact(
            [
                still_leaving,
                Step(
                    action="ConditionCheck",
                    table="Registrations",
                    key=registration,
                    condition="attribute_not_exists(#pk)",
                ),
                Step(action="Delete", table="Registrations", key=pointer_key(user_id, event_id)),
            ]
        )


def _remove(tables: Tables, user_id: str, leaving: str, _image: Item | None) -> None:
    """Delete the user, if it is still this one and has entered no event since it was settled.

    Raises:
        UserNotFound: It is not.

    """
    step = Step(
        action="Delete",
        table="Users",
        key=user_key(user_id),
        condition="#leaving = :leaving AND attribute_not_exists(#recent)",
        values={"leaving": leaving},
        refusal=lambda _image: UserNotFound(),
    )
    tables.transact([step])


def _new_token() -> str:
    return secrets.token_hex(8)
