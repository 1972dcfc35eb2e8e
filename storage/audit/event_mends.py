"""Mends the two items of an event: its counters, and what they both hold."""

import secrets
from collections.abc import Callable

from storage import queue
from storage.audit.conditions import as_found, changed, check, found, transact
from storage.audit.event import COPIES, observe, usable
from storage.audit.findings import Violation
from storage.dynamodb.steps import Step
from storage.dynamodb.tables import Tables
from storage.errors import Conflicting
from storage.items import seats_item, to_seats
from storage.model import now
from storage.rules import Seats


def mend_count(attribute: str) -> Callable[[Tables, Violation], None]:
    """Return the mend of one counter: nothing of the event may have changed since its items were counted."""

    def mend(tables: Tables, violation: Violation) -> None:
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

    return mend


def promote(tables: Tables, violation: Violation) -> None:
    """Go on with a promotion that was interrupted, as the next write on the event would."""
    queue.promote_waiting(tables, violation.key["eventId"], to_seats(found(violation, "seats")))


def copy_seats(tables: Tables, violation: Violation) -> None:
    """Give DETAILS what SEATS says, by which the seats were given, and both a new version, so that ETags tell."""
    details, seats = found(violation, "details"), found(violation, "seats")
    version = secrets.token_hex(8)
    details_condition, details_found = as_found(details, COPIES)
    seats_condition, seats_found = as_found(seats, COPIES)
    copies = {name: seats[name] for name in COPIES} | {"version": version, "updatedAt": now()}
    transact(
        tables,
        Step(
            action="Update",
            table="Events",
            key={"eventId": details["eventId"], "part": details["part"]},
            change=f"SET {', '.join(f'#{name} = :{name}' for name in copies)}",
            condition=details_condition,
            values={**copies, **details_found},
            refusal=changed,
        ),
        Step(
            action="Update",
            table="Events",
            key=violation.key,
            change="SET #version = :version",
            condition=seats_condition,
            values={"version": version, **seats_found},
            refusal=changed,
        ),
    )


def rebuild_seats(tables: Tables, violation: Violation) -> None:
    """Count the registrations again. Nobody can register meanwhile, for the service finds no event without SEATS."""
    event_id = violation.key["eventId"]
    observation = observe(tables, event_id)
    if observation is None or observation.details is None or (observation.seats and usable(observation.seats)):
        raise Conflicting
    details, counted = observation.details, observation.counted
    seats = Seats(
        capacity=details["capacity"],
        status=details["status"],
        has_waitlist=details["hasWaitlist"],
        version=details["version"],
        confirmed=counted.confirmed,
        waitlisted=counted.waitlisted,
        next_seq=counted.last_seq + 1,
    )
    condition, values = as_found(observation.seats) if observation.seats else ("attribute_not_exists(#part)", {})
    details_condition, details_values = as_found(details, COPIES)
    transact(
        tables,
        Step(
            action="Put",
            table="Events",
            item=seats_item(event_id, seats),
            condition=condition,
            values=values,
            refusal=changed,
        ),
        check("Events", {"eventId": event_id, "part": details["part"]}, details_condition, details_values),
    )
