"""The repairs, each of one kind of violation: a transaction on the condition that its items are as they were found."""

from collections.abc import Callable

from storage import queue
from storage.audit.conditions import as_found, changed, check, found, transact
from storage.audit.findings import Violation
from storage.audit.item_types import event_of, user_of
from storage.dynamodb.steps import Step
from storage.dynamodb.tables import Tables
from storage.errors import Contention
from storage.items import (
    pointer_key,
    queue_item,
    queue_key,
    queue_number,
    registration_key,
    seats_key,
    to_registration,
    to_seats,
)
from storage.rules import promotable


def set_count(attribute: str) -> Callable[[Tables, Violation], None]:
    """Return the repair of one counter of SEATS, for an event that has not changed since its items were counted."""

    def repair_count(tables: Tables, violation: Violation) -> None:
        seats, right = found(violation, "seats"), found(violation, "counted")[attribute]
        condition, values = as_found(seats, (attribute, "version", "changes"))
        transact(
            tables,
            Step(
                action="Update",
                table="Events",
                key=violation.key,
                change=f"SET #{attribute} = :right",
                condition=condition,
                values={**values, "right": right},
                refusal=changed,
            ),
        )

    return repair_count


def promote(tables: Tables, violation: Violation) -> None:
    """Continue an interrupted promotion, as the next write on the event would."""
    if promotable(queue.promote_waiting(tables, violation.key["eventId"], to_seats(found(violation, "seats")))):
        raise Contention


def put_pointer(tables: Tables, violation: Violation) -> None:
    """Put the pointer of a registration that still exists."""
    registration = found(violation, "item")
    transact(
        tables,
        check("Registrations", violation.key, "attribute_exists(#pk)"),
        Step(action="Put", table="Registrations", item=pointer_key(user_of(registration), event_of(registration))),
    )


def delete_pointer(tables: Tables, violation: Violation) -> None:
    """Delete a pointer whose registration still does not exist."""
    pointer = found(violation, "item")
    registration = registration_key(event_of(pointer), user_of(pointer))
    transact(
        tables,
        check("Registrations", registration, "attribute_not_exists(#pk)"),
        Step(action="Delete", table="Registrations", key=violation.key),
    )


def put_place(tables: Tables, violation: Violation) -> None:
    """Put the place of a waiting registration back into the queue, at the number that the registration has.

    A number that was never given is refused: `nextSeq` must be set beyond it first, or it would be given again.
    """
    registration = found(violation, "item")
    event_id, seq = event_of(registration), registration["seq"]
    transact(
        tables,
        check("Events", seats_key(event_id), "#nextSeq > :seq", {"seq": seq}),
        check("Registrations", violation.key, *as_found(registration)),
        Step(
            action="Put",
            table="Registrations",
            item=queue_item(to_registration(registration), seq),
            condition="attribute_not_exists(#pk)",
            refusal=changed,
        ),
    )


def delete_place(tables: Tables, violation: Violation) -> None:
    """Delete a place whose user still does not wait at its number."""
    place = found(violation, "item")
    seq, registration = queue_number(place), registration_key(event_of(place), user_of(place))
    condition, values = as_found(place)
    transact(
        tables,
        check("Registrations", registration, "attribute_not_exists(#seq) OR #seq <> :seq", {"seq": seq}),
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
    """Record numbers without a place as left, so that the positions behind them are right again."""
    lost = found(violation, "lost")
    transact(
        tables,
        Step(
            action="Update",
            table="Registrations",
            key=violation.key,
            change="ADD #numbers :lost",
            values={"lost": lost["numbers"]},
        ),
        *(
            check("Registrations", queue_key(lost["eventId"], seq), "attribute_not_exists(#pk)")
            for seq in sorted(lost["numbers"])
        ),
    )
