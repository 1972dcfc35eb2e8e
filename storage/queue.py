"""The queue of an event: who is next, what place somebody has, and promotion to the seats that are free."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from storage import rules
from storage.attributes import Item
from storage.items import QUEUE_PREFIX, queue_key, queue_number, registration_key, seats_key, to_seats
from storage.rules import Seats
from storage.steps import Step
from storage.tables import Tables

#: The condition that an event is open, and the values that it needs.
IS_OPEN: Final = f"#status IN ({', '.join(f':{status}' for status in rules.OPEN)})"
OPEN_VALUES: Final[dict[str, str]] = {status: status for status in rules.OPEN}

_IN_QUEUE: Final = "#pk = :pk AND begins_with(#sk, :queue)"
_UP_TO: Final = "#pk = :pk AND #sk BETWEEN :first AND :last"


def waiting(tables: Tables, event_id: str, limit: int, after: int | None = None) -> list[Item]:
    """Return up to `limit` places in the queue in its order, from its head or behind a number."""
    values = {"pk": queue_key(event_id, 0)["pk"], "queue": QUEUE_PREFIX}
    start = None if after is None else queue_key(event_id, after)
    return tables.query("Registrations", _IN_QUEUE, values, limit=limit, after=start)


def position(tables: Tables, event_id: str, seq: int) -> int:
    """Return the place in the queue, from 1, that a number in it means now."""
    return 1 if seq == 0 else 1 + tables.count("Registrations", _UP_TO, _range(event_id, seq - 1))


def positions(tables: Tables, event_id: str, seqs: Sequence[int]) -> dict[int, int]:
    """Return the places of several numbers with one walk along the queue."""
    if not seqs:
        return {}
    queue = tables.query("Registrations", _UP_TO, _range(event_id, max(seqs)))
    return {queue_number(item): place for place, item in enumerate(queue, start=1)}


def _range(event_id: str, last: int) -> dict[str, str]:
    return {
        "pk": queue_key(event_id, 0)["pk"],
        "first": queue_key(event_id, 0)["sk"],
        "last": queue_key(event_id, last)["sk"],
    }


def drain(tables: Tables, event_id: str, seats: Seats) -> Seats:
    """Promote in order until no seat is free or nobody waits, and return the seats as they are then.

    Raises:
        Contention: Others kept changing the event. What was promoted stays; the next write on the event goes on.

    """
    while rules.promotable(seats):
        seen = seats
        seats = tables.settle(lambda image: _promote(tables, event_id, to_seats(image) if image else seen))  # noqa: B023 - called at once
    return seats


def _promote(tables: Tables, event_id: str, seats: Seats) -> Seats:
    """Promote as many as a transaction takes, if nothing has changed since the snapshot."""
    count = min(rules.promotable(seats), rules.BATCH)
    if not count:
        return seats
    heads = waiting(tables, event_id, count)
    after = replace(seats, confirmed=seats.confirmed + len(heads), waitlisted=seats.waitlisted - len(heads))
    steps = [
        Step(
            action="Update",
            table="Events",
            key=seats_key(event_id),
            change="SET #confirmed = :confirmedAfter, #waitlisted = :waitlistedAfter",
            condition=f"{IS_OPEN} AND #capacity = :capacity AND #confirmed = :confirmed AND #waitlisted = :waitlisted",
            values={
                **OPEN_VALUES,
                "capacity": seats.capacity,
                "confirmed": seats.confirmed,
                "waitlisted": seats.waitlisted,
                "confirmedAfter": after.confirmed,
                "waitlistedAfter": after.waitlisted,
            },
        )
    ]
    for head in heads:
        steps += promotion(event_id, head)
    tables.transact(steps)
    return after


def promotion(event_id: str, head: Item) -> list[Step]:
    """Return the steps that take a person from the queue and confirm the registration, if both are still there."""
    return [
        Step(
            action="Delete",
            table="Registrations",
            key=queue_key(event_id, queue_number(head)),
            condition="attribute_exists(#pk)",
        ),
        Step(
            action="Update",
            table="Registrations",
            key=registration_key(event_id, head["userId"]),
            change="SET #status = :confirmed REMOVE #seq",
            condition="#seq = :seq",
            values={"confirmed": "confirmed", "seq": queue_number(head)},
        ),
    ]
