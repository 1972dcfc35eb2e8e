"""Audits items of the Registrations table, each beside its companions: the items that must be there with it."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from storage.audit.findings import Kind, Violation
from storage.audit.reads import key_of, snapshot
from storage.dynamodb.attributes import Item, Key
from storage.dynamodb.tables import Tables
from storage.items import (
    LEFT_PREFIX,
    QUEUE_PREFIX,
    USER_PREFIX,
    details_key,
    pointer_key,
    queue_key,
    queue_number,
    registration_key,
    seats_key,
    user_key,
)

#: Name -> table and key of each companion of an item.
Companions = Callable[[Item], dict[str, tuple[str, Key]]]
#: An item and its companions by name -> what is wrong; "item" is the item itself.
Judge = Callable[[Mapping[str, Item | None], Item], Iterator[Violation]]

_PLACE: Final = re.compile(rf"{QUEUE_PREFIX}[0-9]{{12}}")
_LEFT: Final = re.compile(rf"{LEFT_PREFIX}[0-9]{{10}}")


def check(tables: Tables, items: Sequence[Item], companions: Companions, judge: Judge) -> Iterator[Violation]:
    """Yield what is wrong with items, whatever others write meanwhile.

    The companions are read in batches; whoever looks wrong then is judged again with all of them as they were at one
    moment, so that nothing is reported that was only being written.
    """
    wanted = [(item, companions(item)) for item in items]
    found = _read(tables, [table_key for _, keys in wanted for table_key in keys.values()])
    for item, keys in wanted:
        seen = {name: found.get(_identity(*table_key)) for name, table_key in keys.items()}
        if any(judge(seen, item)):
            yield from _at_one_moment(tables, item, companions, judge)


def _read(tables: Tables, table_keys: Sequence[tuple[str, Key]]) -> dict[tuple[str, ...], Item]:
    # A batch takes no key twice.
    unique = {_identity(*table_key): table_key for table_key in table_keys}
    found = tables.get_all(unique.values())
    return {_identity(table, item): item for table, items in found.items() for item in items}


def _identity(table: str, item: Item) -> tuple[str, ...]:
    names = {"Events": ("eventId", "part"), "Users": ("userId",), "Registrations": ("pk", "sk")}[table]
    return (table, *(item[name] for name in names))


def _at_one_moment(tables: Tables, item: Item, companions: Companions, judge: Judge) -> Iterator[Violation]:
    keys = companions(item)
    now, *found = snapshot(tables, [("Registrations", key_of(item)), *keys.values()])
    # Who has left, or has left and come back, is not who was read before: the next audit looks again.
    if now is not None and companions(now) == keys:
        yield from judge(dict(zip(keys, found, strict=True)), now)


def is_registration(item: Item) -> bool:
    return str(item["pk"]).startswith("EVENT#") and str(item["sk"]).startswith(USER_PREFIX)


def is_place(item: Item) -> bool:
    return str(item["pk"]).startswith("EVENT#") and _PLACE.fullmatch(item["sk"]) is not None


def is_left(item: Item) -> bool:
    """Whether an item says which numbers of a block were left."""
    return str(item["pk"]).startswith("EVENT#") and _LEFT.fullmatch(item["sk"]) is not None


def is_pointer(item: Item) -> bool:
    return str(item["pk"]).startswith("USER#") and str(item["sk"]).startswith("EVENT#")


def event_of(item: Item) -> str:
    """Return the id of the event that a registration, a place or a pointer belongs to."""
    return str(item["sk"] if is_pointer(item) else item["pk"]).removeprefix("EVENT#")


def user_of(item: Item) -> str:
    """Return the id of the user that a registration, a place or a pointer belongs to."""
    if "userId" in item:
        return str(item["userId"])
    return str(item["pk"] if is_pointer(item) else item["sk"]).removeprefix(USER_PREFIX)


def fault(item: Item) -> str | None:
    """Say what is wrong with the attributes of a registration, a place or a block of numbers by themselves."""
    if is_left(item):
        return None if isinstance(item.get("numbers"), frozenset) else "it does not say which numbers were left"
    if not isinstance(item.get("registeredAt"), str):
        return "it does not say when it was made"
    if is_place(item):
        return None if isinstance(item.get("userId"), str) and item["userId"] else "it does not say whose it is"
    status, seq = item.get("status"), item.get("seq")
    if status == "confirmed":
        return None if seq is None else "it is confirmed, but still has a number in the queue"
    if status != "waitlisted":
        return "it is neither confirmed nor waitlisted"
    return None if type(seq) is int and seq >= 0 else "it waits without a number in the queue"


def waits_at(registration: Item | None, seq: int) -> bool:
    """Whether a registration waits at this number."""
    return registration is not None and registration.get("status") == "waitlisted" and registration.get("seq") == seq


def companions_of_registration(item: Item) -> dict[str, tuple[str, Key]]:
    event_id, user_id = event_of(item), user_of(item)
    keys = {
        "pointer": ("Registrations", pointer_key(user_id, event_id)),
        "user": ("Users", user_key(user_id)),
    }
    waits = fault(item) is None and item["status"] == "waitlisted"
    return keys | ({"place": ("Registrations", queue_key(event_id, item["seq"]))} if waits else {})


def judge_registration(seen: Mapping[str, Item | None], item: Item) -> Iterator[Violation]:
    def violation(kind: Kind, finding: str) -> Violation:
        return Violation("Registrations", key_of(item), kind, finding, {**seen, "item": item})

    if wrong := fault(item):
        yield violation(Kind.MALFORMED, f"this registration is damaged: {wrong}")
    if seen["pointer"] is None:
        yield violation(Kind.REGISTRATION_WITHOUT_POINTER, "this registration is missing from the user's list")
    if seen["user"] is None:
        yield violation(Kind.REGISTRATION_WITHOUT_USER, "this registration is of a user who does not exist")
    if "place" in seen:
        place = seen["place"]
        if place is None:
            yield violation(Kind.WAITING_WITHOUT_PLACE, f"this person waits at {item['seq']}, but is not in the queue")
        elif fault(place) is None and place["userId"] != user_of(item):
            yield violation(Kind.PLACE_OF_ANOTHER, f"this person waits at {item['seq']}, where somebody else is")


def companions_of_place(item: Item) -> dict[str, tuple[str, Key]]:
    if fault(item):
        return {}
    return {"registration": ("Registrations", registration_key(event_of(item), user_of(item)))}


def judge_place(seen: Mapping[str, Item | None], item: Item) -> Iterator[Violation]:
    def violation(kind: Kind, finding: str) -> Violation:
        return Violation("Registrations", key_of(item), kind, finding, {**seen, "item": item})

    if wrong := fault(item):
        yield violation(Kind.MALFORMED, f"this place in the queue is damaged: {wrong}")
        return
    registration = seen["registration"]
    # What a damaged registration meant is for a person to find out: its place is kept until then.
    damaged = registration is not None and fault(registration) is not None
    if not damaged and not waits_at(registration, queue_number(item)):
        yield violation(Kind.PLACE_WITHOUT_WAITING, "nobody waits at this place in the queue")


def no_companions(_item: Item) -> dict[str, tuple[str, Key]]:
    return {}


def judge_left(_seen: Mapping[str, Item | None], item: Item) -> Iterator[Violation]:
    if wrong := fault(item):
        yield Violation("Registrations", key_of(item), Kind.MALFORMED, f"this block of numbers is damaged: {wrong}")


def companions_of_stray(item: Item) -> dict[str, tuple[str, Key]]:
    """Return what shows that an item of any kind belongs to something."""
    event_id = event_of(item)
    if is_pointer(item):
        return {"registration": ("Registrations", registration_key(event_id, user_of(item)))}
    if is_registration(item) or is_place(item) or is_left(item):
        return {"details": ("Events", details_key(event_id)), "seats": ("Events", seats_key(event_id))}
    return {}


def judge_stray(seen: Mapping[str, Item | None], item: Item) -> Iterator[Violation]:
    if any(companion is not None for companion in seen.values()):
        return
    kind, finding = Kind.UNKNOWN_ITEM, "the ledger has no such items"
    if is_pointer(item):
        kind, finding = Kind.POINTER_WITHOUT_REGISTRATION, "this entry in a user's list has no registration"
    elif is_left(item):
        kind, finding = Kind.LEFT_WITHOUT_EVENT, "these numbers are of the queue of an event that does not exist"
    elif seen:
        kind, finding = Kind.EVENT_MISSING, "this belongs to an event that does not exist"
    yield Violation("Registrations", key_of(item), kind, finding, {**seen, "item": item})
