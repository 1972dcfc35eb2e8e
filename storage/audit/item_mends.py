"""Mends registrations, pointers and places in the queue."""

from storage.audit.conditions import as_found, changed, check, found, transact
from storage.audit.event import usable
from storage.audit.findings import Violation
from storage.audit.item import event_of, user_of
from storage.audit.reads import key_of
from storage.dynamodb.attributes import Item
from storage.dynamodb.steps import Step
from storage.dynamodb.tables import Tables
from storage.errors import Conflicting
from storage.items import (
    details_key,
    pointer_key,
    queue_item,
    queue_key,
    queue_number,
    registration_key,
    seats_key,
    to_registration,
)


def put_pointer(tables: Tables, violation: Violation) -> None:
    registration = found(violation, "item")
    transact(
        tables,
        check("Registrations", violation.key, "attribute_exists(#pk)"),
        Step(action="Put", table="Registrations", item=pointer_key(user_of(registration), event_of(registration))),
    )


def delete_pointer(tables: Tables, violation: Violation) -> None:
    pointer = found(violation, "item")
    owner = registration_key(event_of(pointer), user_of(pointer))
    transact(
        tables,
        check("Registrations", owner, "attribute_not_exists(#pk)"),
        Step(action="Delete", table="Registrations", key=violation.key),
    )


def put_place(tables: Tables, violation: Violation) -> None:
    """Put somebody back into the queue, at the number that the registration still says, if it was ever given."""
    item = found(violation, "item")
    seats = _seats(tables, item)
    if item["seq"] >= seats["nextSeq"]:
        _join_tail(tables, item, seats)
    else:
        transact(tables, check("Registrations", violation.key, *as_found(item)), _place_at(item, item["seq"]))


def move_to_tail(tables: Tables, violation: Violation) -> None:
    """Give somebody a place at the end of the queue, for the number that the registration says is another's.

    If it turns out to be nobody's, nothing is done: that place is deleted, and then this person is put back at it.
    """
    item, place = found(violation, "item"), found(violation, "place")
    owner = registration_key(event_of(item), place["userId"])
    owned = check("Registrations", owner, "#seq = :seq", {"seq": queue_number(place)})
    _join_tail(tables, item, _seats(tables, item), owned)


def _seats(tables: Tables, item: Item) -> Item:
    seats = tables.get("Events", seats_key(event_of(item)))
    if seats is None or not usable(seats):
        raise Conflicting
    return seats


def _join_tail(tables: Tables, item: Item, seats: Item, *more: Step) -> None:
    tail = seats["nextSeq"]
    condition, values = as_found(item)
    transact(
        tables,
        Step(
            action="Update",
            table="Events",
            key=seats_key(event_of(item)),
            change="ADD #nextSeq :one, #changes :one",
            condition="#nextSeq = :tail",
            values={"one": 1, "tail": tail},
            refusal=changed,
        ),
        Step(
            action="Update",
            table="Registrations",
            key=key_of(item),
            change="SET #seq = :tail",
            condition=condition,
            values={**values, "tail": tail},
            refusal=changed,
        ),
        _place_at(item, tail),
        *more,
    )


def _place_at(registration: Item, seq: int) -> Step:
    place = queue_item(to_registration(registration), seq)
    condition = "attribute_not_exists(#pk)"
    return Step(action="Put", table="Registrations", item=place, condition=condition, refusal=changed)


def delete_place(tables: Tables, violation: Violation) -> None:
    place = found(violation, "item")
    seq = queue_number(place)
    condition, values = as_found(place)
    transact(
        tables,
        check(
            "Registrations",
            registration_key(event_of(place), user_of(place)),
            "attribute_not_exists(#seq) OR #seq <> :seq",
            {"seq": seq},
        ),
        Step(
            action="Delete",
            table="Registrations",
            key=queue_key(event_of(place), seq),
            condition=condition,
            values=values,
            refusal=changed,
        ),
    )


def put_numbers(tables: Tables, violation: Violation) -> None:
    """Note numbers that nobody has as left, so that the places of those behind are right again."""
    lost = found(violation, "lost")
    nobody = "attribute_not_exists(#pk)"
    transact(
        tables,
        Step(
            action="Update",
            table="Registrations",
            key=violation.key,
            change="ADD #numbers :lost",
            values={"lost": lost["numbers"]},
        ),
        *(check("Registrations", queue_key(lost["eventId"], seq), nobody) for seq in sorted(lost["numbers"])),
    )


def take_number_back(tables: Tables, violation: Violation) -> None:
    """Note a number at which somebody waits as not left."""
    block, place = found(violation, "block"), found(violation, "place")
    numbers = block["numbers"] - {queue_number(place)}
    condition, values = as_found(block, ["numbers"])
    transact(
        tables,
        check("Registrations", key_of(place), "attribute_exists(#pk)"),
        Step(
            # A set can't be empty.
            action="Put" if numbers else "Delete",
            table="Registrations",
            item={**block, "numbers": numbers} if numbers else None,
            key=None if numbers else violation.key,
            condition=condition,
            values=values,
            refusal=changed,
        ),
    )


def forget_numbers(tables: Tables, violation: Violation) -> None:
    """Delete what the queue of a deleted event has left behind."""
    event_id = event_of(found(violation, "item"))
    transact(
        tables,
        *(check("Events", key, "attribute_not_exists(#part)") for key in (details_key(event_id), seats_key(event_id))),
        Step(action="Delete", table="Registrations", key=violation.key),
    )
