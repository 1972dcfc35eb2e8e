"""Several departures from one event in one transaction, as if they were made one after the other."""

from collections.abc import Container, Mapping, Sequence
from typing import Final

from storage import event_items, places, queue
from storage.dynamodb.attributes import Item
from storage.dynamodb.steps import Changed, Step
from storage.dynamodb.tables import Tables
from storage.errors import Damaged, Refusal, RegistrationNotFound, Unavailable
from storage.items import USER_PREFIX, queue_number, registration_key, seats_key, to_seats
from storage.queue import IS_OPEN, OPEN_VALUES
from storage.queue_check import QueueCheck
from storage.registration_steps import removal_steps
from storage.rules import Seats, promotable

#: Maximum number of departures in a transaction: each has up to 5 of its 100 steps.
MAX_DEPARTURES: Final = 19

Answers = dict[str, Refusal | None]


def unregister_all(tables: Tables, event_id: str, user_ids: Sequence[str]) -> Answers:
    """Remove the registrations of up to 19 different users, and promote the head of the queue to each freed seat.

    Return None or the refusal of each. Those missing in the result must be removed alone: nothing was done for them, as
    a promotion is unfinished, or the queue is damaged.
    """
    answers: Answers = {}
    check = QueueCheck(tables, event_id)

    def attempt(_image: Item | None) -> None:
        left = [user_id for user_id in user_ids if user_id not in answers]
        seats, leaving = _read(tables, event_id, left)
        answers.update({user_id: RegistrationNotFound() for user_id in left if user_id not in leaving})
        if seats is None and leaving:
            event_items.check_registrations(tables, event_id, leaving)
        if seats and leaving and not promotable(seats) and (steps := _steps(tables, event_id, check, seats, leaving)):
            tables.transact(steps)
            answers.update(dict.fromkeys(leaving))

    try:
        tables.retry(attempt)
    except Unavailable as refusal:
        # It leaves open whether the transaction was applied: all members get the same answer.
        return dict.fromkeys(user_ids, refusal) | answers
    return answers


def _read(tables: Tables, event_id: str, user_ids: Sequence[str]) -> tuple[Seats | None, dict[str, Item]]:
    """Return the seats of the event, if it exists, and the registrations of those users who have one."""
    keys = [("Registrations", registration_key(event_id, user_id)) for user_id in user_ids]
    found = tables.get_all([("Events", seats_key(event_id)), *keys])
    items = {item["sk"].removeprefix(USER_PREFIX): item for item in found["Registrations"]}
    return next(map(to_seats, found["Events"]), None), {
        user_id: items[user_id] for user_id in user_ids if user_id in items
    }


def _steps(tables: Tables, event_id: str, check: QueueCheck, seats: Seats, leaving: Mapping[str, Item]) -> list[Step]:
    """Return the steps that remove all who leave; none if the queue is damaged, or not as the counters show it."""
    waiting = [user_id for user_id, item in leaving.items() if "seq" in item]
    seated = len(leaving) - len(waiting)
    promoted: list[Item] = []
    if seats.open and seats.waitlisted and seated:
        heads = queue.heads(tables, event_id, len(leaving))
        try:
            check(heads)
        except Damaged:
            # Only those who leave a seat meet it. Each alone does, and is told so.
            return []
        promoted = _staying(heads, leaving, waiting)[:seated]
    freed, fewer = seated - len(promoted), len(waiting) + len(promoted)
    if seats.open and freed and fewer != seats.waitlisted:
        return []
    steps = [_seats_step(event_id, seats, freed=freed, fewer=fewer)]
    for user_id, item in leaving.items():
        steps += removal_steps(event_id, user_id, item)
    for head in promoted:
        steps += places.promotion_steps(event_id, head)
    return steps + places.leaving_steps(tables, event_id, leaving.values(), {queue_number(head) for head in promoted})


def _staying(heads: Sequence[Item], leaving: Container[str], waiting: Container[str]) -> list[Item]:
    """Return the first people in the queue but those who leave it.

    Raises:
        Changed: One of those who leave a seat waited for it at the time of the second read.

    """
    if any(head["userId"] in leaving and head["userId"] not in waiting for head in heads):
        raise Changed
    return [head for head in heads if head["userId"] not in waiting]


def _seats_step(event_id: str, seats: Seats, *, freed: int, fewer: int) -> Step:
    """Return the step that counts fewer people, on the condition that nobody else must be promoted.

    If seats become free on an open event, nobody waits afterwards; otherwise no seat is free, before or after.
    """
    change = "ADD #confirmed :freed, #waitlisted :fewer, #changes :one"
    values: dict[str, str | int | bool] = {**OPEN_VALUES, "freed": -freed, "fewer": -fewer, "one": 1}
    if not seats.open:
        condition = f"NOT {IS_OPEN}"
    elif freed:
        condition = f"{IS_OPEN} AND #waitlisted = :waitlisted"
        values["waitlisted"] = fewer
    else:
        condition = f"#confirmed >= #capacity AND {IS_OPEN}"
    return Step(
        action="Update", table="Events", key=seats_key(event_id), change=change, condition=condition, values=values
    )
