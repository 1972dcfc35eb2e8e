"""The queue of an event: who is next, what place somebody has, and promotion to the seats that are free.

Its numbers are given without a gap, and people are promoted from its head alone. So whoever has a number between the
head's and mine is ahead of me, but for those who left the queue, and they leave their numbers behind: a place is two
small reads, however long the queue is.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from storage import rules
from storage.dynamodb.attributes import Item
from storage.dynamodb.steps import Step
from storage.dynamodb.tables import Tables
from storage.errors import Contention
from storage.items import (
    BLOCK,
    QUEUE_PREFIX,
    left_key,
    queue_key,
    queue_number,
    registration_key,
    seats_key,
    to_seats,
)
from storage.rules import Seats

#: The condition that an event is open, and the values that it needs.
IS_OPEN: Final = f"#status IN ({', '.join(f':{status}' for status in rules.OPEN)})"
OPEN_VALUES: Final[dict[str, str]] = {status: status for status in rules.OPEN}

_IN_QUEUE: Final = "#pk = :pk AND begins_with(#sk, :queue)"
_LEFT: Final = "#pk = :pk AND #sk BETWEEN :first AND :last"


def waiting(
    tables: Tables, event_id: str, limit: int, after: int | None = None, *, consistent: bool = True
) -> list[Item]:
    """Return up to `limit` places in the queue in its order, from its head or behind a number."""
    values = {"pk": queue_key(event_id, 0)["pk"], "queue": QUEUE_PREFIX}
    start = None if after is None else queue_key(event_id, after)
    return tables.query("Registrations", _IN_QUEUE, values, limit=limit, after=start, consistent=consistent)


def position(tables: Tables, event_id: str, seq: int) -> int:
    """Return the place in the queue, from 1, that a number in it means now."""
    return positions(tables, event_id, [seq])[seq]


def positions(tables: Tables, event_id: str, seqs: Sequence[int]) -> dict[int, int]:
    """Return the places of several numbers with two reads, which may lag behind by a moment: that halves their price.

    Places only fall, as nobody ever gets in ahead of somebody else. So, though the queue may move between the two
    reads, an answer lies between the places that its owner had at the one and at the other.
    """
    if not seqs:
        return {}
    last = max(seqs)
    heads = waiting(tables, event_id, 1, consistent=False)
    # Whoever is ahead of the head has been promoted or has left since the number was read; nobody is ahead of them.
    head = queue_number(heads[0]) if heads else last
    left = _left(tables, event_id, head, last) if head < last else []
    return {seq: max(1, seq - head + 1 - bisect_left(left, seq)) for seq in seqs}


def _left(tables: Tables, event_id: str, head: int, last: int) -> list[int]:
    """Return the numbers from that of the head to the last whose owners left the queue, in order."""
    first, end = left_key(event_id, head), left_key(event_id, last)
    values = {"pk": first["pk"], "first": first["sk"], "last": end["sk"]}
    blocks = tables.query("Registrations", _LEFT, values, consistent=False)
    return sorted(seq for block in blocks for seq in block["numbers"] if seq >= head)


def leaving_steps(event_id: str, seq: int) -> list[Step]:
    """Return the steps that take a person from the queue and leave the number behind, for the places of the others.

    The number of the head would not be needed, but whether somebody is the head can't be said for sure before the
    transaction; below the head it does no harm.
    """
    return [
        Step(action="Delete", table="Registrations", key=queue_key(event_id, seq)),
        Step(
            action="Update",
            table="Registrations",
            key=left_key(event_id, seq),
            change="ADD #numbers :number",
            values={"number": frozenset({seq})},
        ),
    ]


def forgetting_steps(event_id: str, next_seq: int) -> list[Step]:
    """Return the steps that remove what was left behind of all numbers that were given.

    The keys are calculated, not read: a read could miss what a transaction is still writing.
    """
    return [
        Step(action="Delete", table="Registrations", key=left_key(event_id, seq)) for seq in range(0, next_seq, BLOCK)
    ]


def promote_waiting(tables: Tables, event_id: str, seats: Seats) -> Seats:
    """Promote in order until no seat is free or nobody waits, and return the seats as they are then.

    Raises:
        Contention: Others kept changing the event, or the queue is damaged. What was promoted stays; the next write on
            the event goes on.

    """
    while rules.promotable(seats):
        seen = seats
        seats = tables.retry(lambda image: _promote(tables, event_id, to_seats(image) if image else seen))  # noqa: B023 - called at once
        if seats == seen:
            # Somebody is counted who is not in the queue: only a repair can help, and this would go on for ever.
            raise Contention
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
            change="SET #confirmed = :confirmedAfter, #waitlisted = :waitlistedAfter ADD #changes :one",
            condition=f"{IS_OPEN} AND #capacity = :capacity AND #confirmed = :confirmed AND #waitlisted = :waitlisted",
            values={
                **OPEN_VALUES,
                "capacity": seats.capacity,
                "confirmed": seats.confirmed,
                "waitlisted": seats.waitlisted,
                "confirmedAfter": after.confirmed,
                "waitlistedAfter": after.waitlisted,
                "one": 1,
            },
        )
    ]
    for head in heads:
        steps += promotion_steps(event_id, head)
    tables.transact(steps)
    return after


def promotion_steps(event_id: str, head: Item) -> list[Step]:
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
