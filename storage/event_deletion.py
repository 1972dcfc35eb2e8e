"""Deleting an event: without registrations at once; with them it is cancelled, emptied in batches, and then deleted.

The change to cancelled has a version of its own, which every later transaction demands. So any other change of the
event stops the deletion. SEATS keeps this version and the one before as a mark, `deleting`: a repetition goes on from
any process, by the same If-Match, also while another one is at work.
"""

from collections.abc import Collection
from dataclasses import replace
from typing import Final

from storage import event_items, ownership, queue
from storage.dynamodb.attributes import Item
from storage.dynamodb.steps import Changed, Step
from storage.dynamodb.tables import Tables
from storage.emptying import People
from storage.errors import (
    Contention,
    DeadlineExceeded,
    DeletionInProgress,
    DeletionStopped,
    EventHasRegistrations,
    EventNotFound,
    Refusal,
    VersionMismatch,
)
from storage.items import (
    details_key,
    seats_key,
    to_event,
    to_seats,
)
from storage.model import Event, new_version, now
from storage.rules import Seats

#: Writes left in a transaction (maximum 100) beside the two items of an event.
_SPARE: Final = 98


def delete(
    tables: Tables,
    event_id: str,
    expected: Collection[str] | None = None,
    excluded: Collection[str] = (),
    owner: str | None = None,
) -> None:
    """Delete an event without registrations.

    `expected` are the versions that the caller accepts, None for any but the `excluded` ones; `owner` is the owner that
    the event must have, None for any.

    Raises:
        EventNotFound: No event has this id.
        NotOwner: The event belongs to another owner.
        VersionMismatch: The event has none of the expected versions, or an excluded one.
        EventHasRegistrations: A person has a seat or waits for one.

    """

    def attempt(image: Item | None) -> None:
        seen = to_seats(image) if image else None
        seats = ownership.demanding(_seats_deletion(event_id, expected, excluded, seen), owner)
        _delete(tables, event_id, seats, seen)

    tables.retry(event_items.checking_absence(tables, event_id, attempt))


def delete_with_registrations(
    tables: Tables,
    event_id: str,
    expected: Collection[str] | None = None,
    excluded: Collection[str] = (),
    owner: str | None = None,
) -> None:
    """Delete an event and all its registrations; the parameters are those of `delete`.

    Raises:
        EventNotFound: No event has this id.
        NotOwner: The event belongs to another owner.
        VersionMismatch: The event has none of the expected versions, or an excluded one; nor had it when a deletion
            began that is not complete.
        DeletionStopped: Another request has changed the event meanwhile. The people who are left stay registered.
        Damaged: An item of the event is missing or damaged, its counters are wrong, or the head of the queue can't be
            removed.
        DeletionInProgress: The time of the request ran out. The event is cancelled, and repeating the request goes on.

    """
    read = event_items.Reader(tables, event_id)
    closed = tables.retry(lambda _image: _close(tables, read, expected, excluded, owner))
    people = People(tables, closed)
    go_on = event_items.checking_absence(tables, event_id, lambda _image: _go_on(tables, closed, people))
    try:
        while tables.retry(go_on):
            pass
    except EventNotFound:
        # Another request has deleted it.
        return
    except VersionMismatch as changed:
        raise DeletionStopped from changed
    except (Contention, DeadlineExceeded) as error:
        raise DeletionInProgress from error


def _close(
    tables: Tables,
    read: event_items.Reader,
    expected: Collection[str] | None,
    excluded: Collection[str],
    owner: str | None,
) -> Event:
    """Cancel the event and mark it, unless that is done, and return it as it is then."""
    details, seats = read()
    ownership.check(details.get("owner"), owner)
    event, before = to_event(details, seats), event_items.version_before_deletion(seats)
    versions = {event.version, before}
    if (expected is not None and versions.isdisjoint(expected)) or not versions.isdisjoint(excluded):
        raise VersionMismatch
    if before is not None:
        return event
    closed = replace(event, status="cancelled", version=new_version(), updated_at=now())
    tables.transact(event_items.change_steps(event.version, closed, deleting=True))
    return closed


def _go_on(tables: Tables, closed: Event, people: People) -> bool:
    """Remove a batch of people; once nobody is left, delete the event and return False."""
    seats = people.remove_some()
    if seats is None:
        return True
    try:
        _delete(tables, closed.event_id, _seats_deletion(closed.event_id, [closed.version], (), seats), seats)
    except EventHasRegistrations as imported:
        # An import has added people to the cancelled event.
        raise Changed from imported
    return False


def _delete(tables: Tables, event_id: str, seats: Step, seen: Seats | None) -> None:
    """Delete the event and the LEFT items of its queue; without a snapshot, assume that nobody has ever queued."""
    left = queue.deletion_steps(event_id, seen.next_seq if seen else 0)
    while len(left) > _SPARE:
        # The event goes last, so that a deletion that is interrupted here can be repeated.
        tables.transact([replace(seats, action="ConditionCheck"), *left[:_SPARE]])
        left = left[_SPARE:]
    tables.transact([seats, Step(action="Delete", table="Events", key=details_key(event_id)), *left])


def _seats_deletion(
    event_id: str, expected: Collection[str] | None, excluded: Collection[str], seen: Seats | None
) -> Step:
    """Return the step that deletes SEATS if nobody is registered or has queued since the snapshot."""
    accepted = {} if expected is None else {f"version{n}": version for n, version in enumerate(expected or ["none"])}
    refused = {f"excluded{n}": version for n, version in enumerate(excluded)}
    condition = "#confirmed = :zero AND #waitlisted = :zero AND #nextSeq = :nextSeq"
    condition += f" AND #version IN ({', '.join(f':{name}' for name in accepted)})" if accepted else ""
    condition += f" AND NOT #version IN ({', '.join(f':{name}' for name in refused)})" if refused else ""

    def refusal(image: Item | None) -> Refusal | None:
        if image is None:
            return EventNotFound()
        if (expected is not None and image["version"] not in expected) or image["version"] in excluded:
            return VersionMismatch()
        return EventHasRegistrations() if image["confirmed"] or image["waitlisted"] else None

    return Step(
        action="Delete",
        table="Events",
        key=seats_key(event_id),
        condition=condition,
        values={"zero": 0, "nextSeq": seen.next_seq if seen else 0, **accepted, **refused},
        refusal=refusal,
    )
