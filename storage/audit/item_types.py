"""The types of items in the Registrations table, and whether the attributes of an item are valid by themselves."""

import re
from typing import Final

from storage.dynamodb.attributes import Item
from storage.items import LEFT_PREFIX, QUEUE_PREFIX, USER_PREFIX

_PLACE: Final = re.compile(rf"{QUEUE_PREFIX}[0-9]{{12}}")
_BLOCK: Final = re.compile(rf"{LEFT_PREFIX}[0-9]{{10}}")


def is_place(item: Item) -> bool:
    return str(item["pk"]).startswith("EVENT#") and _PLACE.fullmatch(item["sk"]) is not None


def is_block(item: Item) -> bool:
    """Return whether an item is a LEFT item: the numbers of a block whose owners left."""
    return str(item["pk"]).startswith("EVENT#") and _BLOCK.fullmatch(item["sk"]) is not None


def is_pointer(item: Item) -> bool:
    return str(item["pk"]).startswith("USER#") and str(item["sk"]).startswith("EVENT#")


def event_of(item: Item) -> str:
    """Return the event id of a registration, a place, a block or a pointer."""
    return str(item["sk"] if is_pointer(item) else item["pk"]).removeprefix("EVENT#")


def user_of(item: Item) -> str:
    """Return the user id of a registration, a place or a pointer."""
    if "userId" in item:
        return str(item["userId"])
    return str(item["pk"] if is_pointer(item) else item["sk"]).removeprefix(USER_PREFIX)


def numbers_of(block: Item | None) -> frozenset[int]:
    """Return the valid numbers that a block records as left; none if it does not exist."""
    numbers = (block or {}).get("numbers")
    return frozenset(seq for seq in numbers if type(seq) is int) if isinstance(numbers, frozenset) else frozenset()


def fault(item: Item) -> str | None:
    """Return what is wrong with the attributes of a registration, a place or a block; None if they are valid."""
    if is_block(item):
        return None if numbers_of(item) == item.get("numbers") else "numbers is missing or not a set of integers"
    if not isinstance(item.get("registeredAt"), str):
        return "registeredAt is missing"
    if is_place(item):
        return None if isinstance(item.get("userId"), str) and item["userId"] else "userId is missing"
    return _registration_fault(item)


def _registration_fault(item: Item) -> str | None:
    status, seq, promoted = item.get("status"), item.get("seq"), item.get("promotedAt")
    if not isinstance(promoted, str | None):
        return "promotedAt is not a text"
    if status == "confirmed":
        return None if seq is None else "it is confirmed, but has a seq"
    if status != "waitlisted":
        return "status is neither confirmed nor waitlisted"
    if promoted is not None:
        return "it is waitlisted, but has a promotedAt"
    return None if type(seq) is int and seq >= 0 else "it is waitlisted without a valid seq"
