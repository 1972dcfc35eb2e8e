"""The steps of a transaction at a user's item: a registration enters an event; leaving for good must find it.

The items of a transaction become visible one by one. So a user can be marked as leaving while the list of their
registrations still misses one that was admitted before. Therefore the item names the events that were entered lately,
`recent`: the pointers to these are locked until they are visible, and only then are they forgotten.
"""

from collections.abc import Callable
from typing import Final, TypeVar

from storage.dynamodb.attributes import Item, Value
from storage.dynamodb.steps import Changed, Step
from storage.dynamodb.tables import Tables
from storage.errors import Refusal, UserNotFound
from storage.items import pointer_key, user_key

#: Maximum number of events that a user's item names. It stays below 1 KB, one write unit, unless the ids are long.
RECENT: Final = 8

Outcome = TypeVar("Outcome")


class _RecentFull(Refusal):
    """The user's item names as many events as it may; a signal, never seen outside."""

    def __init__(self, user: Item) -> None:
        super().__init__()  # Without arguments, so that a traceback shows no ids.
        self.user = user


def entering_step(user_id: str, event_id: str, leaving: str | None = None) -> Step:
    """Return the step that lets an existing user enter an event; `leaving` is the mark that an import lets pass."""
    stays = "attribute_not_exists(#leaving)" if leaving is None else "#leaving = :leaving"
    values: dict[str, Value] = {"event": frozenset({event_id}), "most": RECENT}

    def refusal(image: Item | None) -> Refusal | None:
        if image is None or image.get("leaving") != leaving:
            return UserNotFound()
        return _RecentFull(image)

    return Step(
        action="Update",
        table="Users",
        key=user_key(user_id),
        change="ADD #recent :event",
        condition=(
            f"attribute_exists(#userId) AND {stays} AND (attribute_not_exists(#recent) OR size(#recent) < :most)"
        ),
        values=values if leaving is None else {**values, "leaving": leaving},
        refusal=refusal,
    )


def is_gone(user: Item | None) -> bool:
    """Return whether a user does not exist for callers: there is none, or one who is leaving."""
    return user is None or "leaving" in user


def leaving_step(user_id: str, leaving: str) -> Step:
    """Return the step that checks that a user is still leaving, and no new one with the same id."""
    return Step(
        action="ConditionCheck",
        table="Users",
        key=user_key(user_id),
        condition="#leaving = :leaving",
        values={"leaving": leaving},
        refusal=lambda _image: UserNotFound(),
    )


def full_user(refusal: Refusal | None) -> Item | None:
    """Return the user whose item has no room, by the refusal that says so; `settle` makes room."""
    return refusal.user if isinstance(refusal, _RecentFull) else None


def settling(tables: Tables, attempt: Callable[[Item | None], Outcome]) -> Callable[[Item | None], Outcome]:
    """Return an attempt that makes room in a user's item where there is none, and is repeated then."""

    def settled(image: Item | None) -> Outcome:
        try:
            return attempt(image)
        except _RecentFull as full:
            settle(tables, full.user)
            raise Changed from full

    return settled


def settle(tables: Tables, user: Item) -> None:
    """Forget the events that a user has entered lately, once the pointers to all of them are visible.

    Raises:
        Changed: One of them is not visible yet, or the user has entered another event.

    """
    recent = user.get("recent", frozenset())
    if not recent:
        return
    forget = Step(
        action="Update",
        table="Users",
        key=user_key(user["userId"]),
        change="REMOVE #recent",
        condition="#recent = :recent",
        values={"recent": recent},
    )
    # Behind the others: the item of a first step whose condition failed is taken for the counters of an event.
    tables.transact([*(_visible_step(user["userId"], event_id) for event_id in sorted(recent)), forget])


def _visible_step(user_id: str, event_id: str) -> Step:
    """Return the step that waits until a pointer is visible: it conflicts with its lock, and is true otherwise."""
    return Step(
        action="ConditionCheck",
        table="Registrations",
        key=pointer_key(user_id, event_id),
        condition="attribute_exists(#pk) OR attribute_not_exists(#pk)",
    )
