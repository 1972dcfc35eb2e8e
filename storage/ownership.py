"""Whose an event is: the owner that a request demands, as a condition of what it writes or reads.

The demanded owner is None where a request may be for any event; then nothing is added, and nothing is read. An event
that was made without an owner belongs to nobody, and is refused to every owner.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from storage.dynamodb.attributes import Item
from storage.dynamodb.steps import Step
from storage.dynamodb.tables import Tables
from storage.errors import NotOwner, Refusal
from storage.items import seats_key

Read = TypeVar("Read")


def check(actual: str | None, demanded: str | None) -> None:
    """Refuse an event that belongs to another owner than demanded.

    Raises:
        NotOwner: It does.

    """
    if demanded is not None and actual != demanded:
        raise NotOwner


def demanding(seats: Step, owner: str | None) -> Step:
    """Return the step of SEATS, the first of its transaction, with the condition that the event belongs to `owner`.

    Its refusal precedes those of all other steps, which would tell a stranger who is registered.
    """
    if owner is None:
        return seats

    def refusal(image: Item | None) -> Refusal | None:
        return NotOwner() if image is not None and image.get("owner") != owner else seats.refusal(image)

    # DynamoDB refuses parentheses around parentheses; the conditions of SEATS have theirs around each OR.
    condition = "#owner = :owner" if seats.condition is None else f"#owner = :owner AND {seats.condition}"
    return replace(seats, condition=condition, values={**seats.values, "owner": owner}, refusal=refusal, decisive=True)


def reading(tables: Tables, event_id: str, owner: str | None, read: Callable[[], Read]) -> Read:
    """Return what `read` reads of an event that belongs to `owner`, or that does not exist.

    The owner is checked before and after: meanwhile the event may be deleted, and made again by somebody else.

    Raises:
        NotOwner: The event belongs to another owner.

    """
    if owner is None:
        return read()
    _check_stored(tables, event_id, owner)
    found = read()
    _check_stored(tables, event_id, owner)
    return found


def _check_stored(tables: Tables, event_id: str, owner: str) -> None:
    seats = tables.get("Events", seats_key(event_id))
    if seats is not None:
        check(seats.get("owner"), owner)
