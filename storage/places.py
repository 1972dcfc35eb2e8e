"""The steps of a transaction that change places in the queue of an event."""

from collections.abc import Container, Iterable

from storage.dynamodb.attributes import Item
from storage.dynamodb.steps import Step
from storage.dynamodb.tables import Tables
from storage.items import left_key, queue_item, queue_key, queue_number, registration_key
from storage.model import Registration, now


def place_step(registration: Registration, seq: int, together: str | None = None) -> Step:
    """Return the step that gives a place in the queue; `together` is as in `queue_item`."""
    return Step(
        action="Put",
        table="Registrations",
        item=queue_item(registration, seq, together),
        condition="attribute_not_exists(#pk)",
    )


def ahead_step(event_id: str, seq: int) -> Step:
    """Return the step that makes a person who joins or leaves at `seq` wait until the place ahead is visible.

    The items of a transaction become visible one by one: the counters may include a place that a Query still misses.
    Until it is visible, the place is locked, and this step conflicts with the lock. Its condition is always true, as a
    place that was left meanwhile is no obstacle.
    """
    return Step(
        action="ConditionCheck",
        table="Registrations",
        key=queue_key(event_id, seq - 1),
        condition="attribute_exists(#pk) OR attribute_not_exists(#pk)",
    )


def leaving_steps(
    tables: Tables, event_id: str, registrations: Iterable[Item], promoted: Container[int] = ()
) -> list[Step]:
    """Return the steps that remove the places of registrations from the queue, and record the numbers that left.

    The positions behind depend on these. The head's number is recorded too, because the head may change before the
    transaction; a record below the head has no effect. The transaction may also promote people, with these numbers.
    """
    doubtful = {item["seq"]: torn(tables, item) for item in registrations if "seq" in item}
    seqs = list(doubtful)
    blocks: dict[str, list[int]] = {}
    for seq in seqs:
        blocks.setdefault(left_key(event_id, seq)["sk"], []).append(seq)
    # A place that this transaction removes is not locked by another.
    ahead = [seq for seq in seqs if doubtful[seq] and seq - 1 not in doubtful and seq - 1 not in promoted]
    return [
        *(Step(action="Delete", table="Registrations", key=queue_key(event_id, seq)) for seq in seqs),
        *(
            Step(
                action="Update",
                table="Registrations",
                key=left_key(event_id, numbers[0]),
                change="ADD #numbers :left",
                values={"left": frozenset(numbers)},
            )
            for numbers in blocks.values()
        ),
        *(ahead_step(event_id, seq) for seq in ahead),
    ]


def promotion_steps(event_id: str, head: Item) -> list[Step]:
    """Return the steps that remove a place from the queue and confirm its registration, if both still exist."""
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
            change="SET #status = :confirmed, #promotedAt = :now REMOVE #seq, #together",
            condition="#seq = :seq",
            values={"confirmed": "confirmed", "now": now(), "seq": queue_number(head)},
        ),
    ]


def torn(tables: Tables, item: Item) -> bool:
    """Return whether the place ahead was written by the same transaction, and may not be visible yet."""
    return "together" in item and item["together"] not in tables.answered
