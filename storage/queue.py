"""The queue of an event: its head, positions in it, and promotion to free seats.

Numbers are assigned without gaps, and only the head is promoted. So the position of a number is its distance from the
head's number, less the numbers in between whose owners left the queue. These numbers are kept in LEFT items: a position
takes two small reads, regardless of the length of the queue.
"""

import logging
from bisect import bisect_left
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Final

from storage import places, rules
from storage.dynamodb.attributes import Item
from storage.dynamodb.deadline import READ_SECONDS, reserving, time_left
from storage.dynamodb.steps import Changed, Step
from storage.dynamodb.tables import Tables
from storage.errors import Contention, Damaged, DeadlineExceeded, EventNotFound, StorageUnavailable, Unavailable
from storage.items import (
    BLOCK,
    QUEUE_PREFIX,
    left_key,
    queue_key,
    queue_number,
    seats_key,
    to_seats,
)
from storage.queue_check import QueueCheck
from storage.rules import Seats

logger = logging.getLogger(__name__)

#: The condition that an event is open, and its values.
IS_OPEN: Final = f"#status IN ({', '.join(f':{status}' for status in rules.OPEN)})"
OPEN_VALUES: Final[dict[str, str]] = {status: status for status in rules.OPEN}

#: Maximum number of batches that a request on another matter promotes.
ASSISTED_BATCHES: Final = 2

#: Time that a promotion leaves for the answer of its request, and time that a batch must have, in seconds.
ANSWER_SECONDS: Final = 1.0
BATCH_SECONDS: Final = 1.0

#: The beginning of every line in the log about a promotion that needs help; an alarm looks for it.
UNFINISHED: Final = "a promotion is left unfinished"

#: Time in seconds after which a write whose reply was lost is not applied any more: twice the timeout of a read.
UNKNOWN_SECONDS: Final = 2 * READ_SECONDS

_IN_QUEUE: Final = "#pk = :pk AND begins_with(#sk, :queue)"
_LEFT: Final = "#pk = :pk AND #sk BETWEEN :first AND :last"


def seats(tables: Tables, event_id: str) -> Seats:
    """Return the seats of an event.

    Raises:
        EventNotFound: No event has this id.

    """
    item = tables.get("Events", seats_key(event_id))
    if item is None:
        raise EventNotFound
    return to_seats(item)


def waiting(
    tables: Tables, event_id: str, limit: int, after: int | None = None, *, consistent: bool = True
) -> list[Item]:
    """Return up to `limit` places in the queue, in order, from its head or behind the number `after`."""
    values = {"pk": queue_key(event_id, 0)["pk"], "queue": QUEUE_PREFIX}
    start = None if after is None else queue_key(event_id, after)
    return tables.query("Registrations", _IN_QUEUE, values, limit=limit, after=start, consistent=consistent)


def heads(tables: Tables, event_id: str, limit: int) -> list[Item]:
    """Return up to `limit` places in the queue, in order, from its head, for their promotion.

    Of places that were written together, a Query may return one and still miss those ahead. So the place ahead of each
    must be in the list, or not be locked any more before the last Query (README, "What a read may miss").

    Raises:
        Changed: A transaction is writing to the place ahead of one of them.

    """
    visible: set[int] = set()
    while True:
        found = waiting(tables, event_id, limit)
        numbers = {queue_number(place) for place in found}
        ahead = {queue_number(place) - 1 for place in found if places.torn(tables, place)} - numbers - visible
        if not ahead:
            return found
        tables.snapshot(("Registrations", queue_key(event_id, seq)) for seq in sorted(ahead))
        visible |= ahead


def position(tables: Tables, event_id: str, seq: int) -> int:
    """Return the current position of a number in the queue, from 1."""
    return positions(tables, event_id, [seq])[seq]


def positions(tables: Tables, event_id: str, seqs: Sequence[int]) -> dict[int, int]:
    """Return the current positions of several numbers in the queue.

    The reads of the head and of the LEFT items are eventually consistent, at half the price of consistent ones. A
    position only falls, as nobody joins ahead of another person: if the queue moves between the two reads, the result
    lies between the positions at the time of each.
    """
    if not seqs:
        return {}
    last = max(seqs)
    first = waiting(tables, event_id, 1, consistent=False)
    # A number below the head's has been promoted or left: report position 1.
    head = queue_number(first[0]) if first else last
    left = _left(tables, event_id, head, last) if head < last else []
    return {seq: max(1, seq - head + 1 - bisect_left(left, seq)) for seq in seqs}


def _left(tables: Tables, event_id: str, head: int, last: int) -> list[int]:
    """Return, in order, the numbers from `head` to the end of the block of `last` whose owners left the queue."""
    first, end = left_key(event_id, head), left_key(event_id, last)
    values = {"pk": first["pk"], "first": first["sk"], "last": end["sk"]}
    blocks = tables.query("Registrations", _LEFT, values, consistent=False)
    return sorted(seq for block in blocks for seq in block["numbers"] if seq >= head)


def deletion_steps(event_id: str, next_seq: int) -> list[Step]:
    """Return the steps that delete the LEFT items of all numbers below `next_seq`.

    The keys are computed, not read: a read could miss an item that a transaction is about to write.
    """
    return [
        Step(action="Delete", table="Registrations", key=left_key(event_id, seq)) for seq in range(0, next_seq, BLOCK)
    ]


def promote_waiting(
    tables: Tables, event_id: str, seats: Seats, batches: int | None = None, *, assisting: bool = False
) -> Seats:
    """Promote in order, in batches, and return the seats afterwards.

    They may still be promotable: the promotion ends after this number of batches (None for any), while the request
    still has time for its answer, or when others keep changing the event. Then it is handed over (`Tables.hand_over`),
    and at the latest the next write on the event continues it. A request that assists ends at the first change by
    others: they may be promoting, and to compete with them would only cost time and write units.

    Raises:
        Damaged: The head of the queue can't be promoted, and the request does not only assist. People promoted so far
            stay confirmed, and nothing is handed over.
        StorageUnavailable: The store does not answer. People promoted so far stay confirmed.

    """
    left, check = batches, QueueCheck(tables, event_id)
    try:
        with reserving(ANSWER_SECONDS):
            while rules.promotable(seats) and left != 0 and time_left() >= BATCH_SECONDS:
                seen, left = seats, None if left is None else left - 1
                promote = partial(_promote, tables, event_id, check)
                seats = promote(seen) if assisting else tables.retry(partial(_with_snapshot, promote, seen))
                if seats == seen:
                    # A person is counted who is not in the queue: not visible yet, or the queue is damaged.
                    break
    except (Changed, Contention, DeadlineExceeded) as error:
        logger.debug("a promotion is unfinished: %r", error)
    except Damaged as damage:
        if not assisting:
            raise
        logger.error("%s: %s", UNFINISHED, damage)  # noqa: TRY400 - its traceback says nothing more
        return seats
    except StorageUnavailable:
        tables.hand_over(event_id)
        raise
    if rules.promotable(seats):
        tables.hand_over(event_id)
    return seats


def assist(tables: Tables, event_id: str, seats: Seats | None = None) -> None:
    """Continue a promotion for a request that is done already: a few batches at most, and no failure is the request's.

    Without the seats as they are after the request, read them: with an old snapshot the promotion may seem finished.
    """
    with suppress(Unavailable):
        if seats is None:
            resume(tables, event_id, ASSISTED_BATCHES, assisting=True)
        else:
            promote_waiting(tables, event_id, seats, ASSISTED_BATCHES, assisting=True)


def resume(tables: Tables, event_id: str, batches: int | None = None, *, assisting: bool = False) -> bool:
    """Continue a promotion that was handed over, if it is still unfinished, by this number of batches (None for any).

    Return True if it is stuck: people wait beside free seats, and none was promoted.

    Raises:
        Damaged: As `promote_waiting`.
        Unavailable: The store does not answer, or there was no time for a call.

    """
    try:
        seats = tables.get("Events", seats_key(event_id))
    except Unavailable:
        tables.hand_over(event_id)
        raise
    if seats is None:
        return False
    before = to_seats(seats)
    after = promote_waiting(tables, event_id, before, batches, assisting=assisting)
    return after == before and rules.promotable(before) > 0


def _with_snapshot(promote: Callable[[Seats], Seats], seats: Seats, image: Item | None) -> Seats:
    return promote(to_seats(image) if image else seats)


def _promote(tables: Tables, event_id: str, check: QueueCheck, seats: Seats) -> Seats:
    """Promote one batch, if nothing has changed since the snapshot."""
    count = min(rules.promotable(seats), rules.BATCH)
    if not count:
        return seats
    promoted = heads(tables, event_id, count)
    if promoted:
        check(promoted)
    after = replace(seats, confirmed=seats.confirmed + len(promoted), waitlisted=seats.waitlisted - len(promoted))
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
    for head in promoted:
        steps += places.promotion_steps(event_id, head)
    tables.transact(steps)
    return after
