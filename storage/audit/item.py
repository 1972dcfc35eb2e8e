"""Audits items of the Registrations table, each with its companions: the items that must exist beside it."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from storage.audit.findings import Kind, Violation
from storage.audit.item_types import event_of, fault, is_block, is_place, is_pointer, user_of
from storage.audit.reads import key_of, snapshot
from storage.dynamodb.attributes import Item, Key
from storage.dynamodb.tables import Tables
from storage.items import (
    details_key,
    is_registration,
    pointer_key,
    queue_key,
    queue_number,
    registration_key,
    seats_key,
    user_key,
)

#: Return table and key of each companion of an item, by a name for it.
Companions = Callable[[Item], dict[str, tuple[str, Key]]]
#: Yield what is wrong with an item, given its companions by name, None for each that does not exist.
Judge = Callable[[Mapping[str, Item | None], Item], Iterator[Violation]]


def check(tables: Tables, items: Sequence[Item], companions: Companions, judge: Judge) -> Iterator[Violation]:
    """Yield what is wrong with items, even while others write.

    The companions are read in batches. An item that looks wrong is judged again on a snapshot of it and all of its
    companions, so that a write in progress is not reported.
    """
    wanted = [(item, companions(item)) for item in items]
    found = _read(tables, [table_key for _, keys in wanted for table_key in keys.values()])
    for item, keys in wanted:
        seen = {name: found.get(_identity(*table_key)) for name, table_key in keys.items()}
        if any(judge(seen, item)):
            yield from _judge_snapshot(tables, item, companions, judge)


def _read(tables: Tables, table_keys: Sequence[tuple[str, Key]]) -> dict[tuple[str, ...], Item]:
    # BatchGetItem refuses a key that occurs twice.
    unique = {_identity(*table_key): table_key for table_key in table_keys}
    found = tables.get_all(unique.values())
    return {_identity(table, item): item for table, items in found.items() for item in items}


def _identity(table: str, item: Item) -> tuple[str, ...]:
    names = {"Events": ("eventId", "part"), "Users": ("userId",), "Registrations": ("pk", "sk")}[table]
    return (table, *(item[name] for name in names))


def _judge_snapshot(tables: Tables, item: Item, companions: Companions, judge: Judge) -> Iterator[Violation]:
    keys = companions(item)
    now, *found = snapshot(tables, [("Registrations", key_of(item)), *keys.values()])
    # An item that is gone, or now has other companions, has changed since it was read: the next audit judges it.
    if now is not None and companions(now) == keys:
        yield from judge(dict(zip(keys, found, strict=True)), now)


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
        yield violation(Kind.MALFORMED, f"damaged registration: {wrong}")
    if seen["pointer"] is None:
        yield violation(Kind.REGISTRATION_WITHOUT_POINTER, "this registration has no pointer in the user's list")
    if seen["user"] is None:
        yield violation(Kind.REGISTRATION_WITHOUT_USER, "the user of this registration does not exist")
    if "place" in seen:
        place, waits = seen["place"], f"this user waits at number {item['seq']}"
        if place is None:
            yield violation(Kind.WAITING_WITHOUT_PLACE, f"{waits}, but has no place in the queue")
        elif fault(place) is None and place["userId"] != user_of(item):
            yield violation(Kind.PLACE_OF_ANOTHER, f"{waits}, but the place there is another user's")


def companions_of_place(item: Item) -> dict[str, tuple[str, Key]]:
    if fault(item):
        return {}
    return {"registration": ("Registrations", registration_key(event_of(item), user_of(item)))}


def judge_place(seen: Mapping[str, Item | None], item: Item) -> Iterator[Violation]:
    def violation(kind: Kind, finding: str) -> Violation:
        return Violation("Registrations", key_of(item), kind, finding, {**seen, "item": item})

    if wrong := fault(item):
        yield violation(Kind.MALFORMED, f"damaged place in the queue: {wrong}")
        return
    registration = seen["registration"]
    # The place of a damaged registration is kept until the operator has restored the registration.
    damaged = registration is not None and fault(registration) is not None
    if not damaged and not _waits_at(registration, queue_number(item)):
        yield violation(Kind.PLACE_WITHOUT_WAITING, "no registration waits at this place in the queue")


def _waits_at(registration: Item | None, seq: int) -> bool:
    return registration is not None and registration.get("status") == "waitlisted" and registration.get("seq") == seq


def no_companions(_item: Item) -> dict[str, tuple[str, Key]]:
    return {}


def judge_block(_seen: Mapping[str, Item | None], item: Item) -> Iterator[Violation]:
    if wrong := fault(item):
        yield Violation("Registrations", key_of(item), Kind.MALFORMED, f"damaged block of numbers: {wrong}")


def companions_of_stray(item: Item) -> dict[str, tuple[str, Key]]:
    """Return the companions that show that an item of any type belongs to something."""
    event_id = event_of(item)
    if is_pointer(item):
        return {"registration": ("Registrations", registration_key(event_id, user_of(item)))}
    if is_registration(item) or is_place(item) or is_block(item):
        return {"details": ("Events", details_key(event_id)), "seats": ("Events", seats_key(event_id))}
    return {}


def judge_stray(seen: Mapping[str, Item | None], item: Item) -> Iterator[Violation]:
    if any(companion is not None for companion in seen.values()):
        return
    kind, finding = Kind.UNKNOWN_ITEM, "the service does not write such items"
    if is_pointer(item):
        kind, finding = Kind.POINTER_WITHOUT_REGISTRATION, "this pointer in a user's list has no registration"
    elif is_block(item):
        kind, finding = Kind.LEFT_WITHOUT_EVENT, "these numbers belong to the queue of an event that does not exist"
    elif seen:
        kind, finding = Kind.EVENT_MISSING, "this item belongs to an event that does not exist"
    yield Violation("Registrations", key_of(item), kind, finding, {**seen, "item": item})
