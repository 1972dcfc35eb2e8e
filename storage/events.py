"""Events: create, get, list, update and delete."""

import logging
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any, Final

from storage import cursors, event_items, ownership, queue, rules
from storage.dynamodb.attributes import Item
from storage.dynamodb.steps import Changed, Step
from storage.dynamodb.tables import Tables
from storage.errors import (
    Contention,
    Damaged,
    EventExists,
    EventNotFound,
    Unavailable,
    VersionMismatch,
)
from storage.items import (
    LISTING,
    details_item,
    details_key,
    intact,
    seats_item,
    seats_of,
    to_event,
    to_seats,
)
from storage.model import FIELD_NAMES, Event, EventFields, EventStatus, Page, new_version, now
from storage.repetitions import Repeated, new_id, request_of, unless_repeated
from storage.schema import BY_DATE, BY_STATUS

logger = logging.getLogger(__name__)

#: The form of `listedBy`.
_LISTED_BY: Final = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{15}#.{1,100}"


def create(
    tables: Tables, event_id: str | None, fields: EventFields, owner: str | None = None, key: str | None = None
) -> Event:
    """Create an event, which belongs to `owner`; without an id, generate one.

    If the same request with this key has done it, return that event as it is now.

    Raises:
        EventExists: The id is taken.
        KeyReused: It was another request that had this key.

    """
    given, moment = {name: getattr(fields, name) for name in FIELD_NAMES}, now()
    event = Event(
        event_id=event_id or new_id(key),
        version=new_version(),
        created_at=moment,
        updated_at=moment,
        owner=owner,
        request=request_of(key, given),
        **given,
    )
    items = details_item(event), seats_item(event.event_id, seats_of(event))
    taken = unless_repeated(event.request, EventExists), lambda _image: EventExists()
    steps = [
        Step(
            action="Put",
            table="Events",
            item=item,
            condition="attribute_not_exists(#eventId)",
            refusal=refusal,
            # With a key, only DETAILS, the first of them, tells whether this is a repetition.
            decisive=key is not None,
        )
        for item, refusal in zip(items, taken, strict=True)
    ]

    def attempt(_image: Item | None) -> Event:
        try:
            tables.transact(steps)
        except Repeated:
            return _as_it_is_now(tables, event)
        return event

    return tables.retry(attempt)


def _as_it_is_now(tables: Tables, made: Event) -> Event:
    """Return the event that an earlier request made.

    Raises:
        Changed: It has been deleted since, and possibly made again by somebody else.

    """
    try:
        event = get(tables, made.event_id)
    except EventNotFound as deleted:
        raise Changed from deleted
    if event.request != made.request:
        raise Changed
    return event


def get(tables: Tables, event_id: str) -> Event:
    """Return an event with its counts.

    Raises:
        EventNotFound: No event has this id.

    """
    return to_event(*event_items.current(tables, event_id))


def list_page(  # noqa: PLR0913 - a list, its filters and its page
    tables: Tables,
    *,
    status: EventStatus | None = None,
    first_day: str | None = None,
    last_day: str | None = None,
    limit: int,
    cursor: str | None = None,
) -> Page[Event]:
    """Return a page of events by date, then by id; the days (`YYYY-MM-DD`, UTC) are inclusive.

    Raises:
        CursorInvalid: The cursor is damaged, or belongs to another list.

    """
    name = cursors.list_name("events", status, first_day, last_day)
    # A tilde sorts behind every character that follows the day in a key.
    lower, upper = first_day or "0000", f"{last_day or '9999'}~"
    after = None if cursor is None else cursors.decode(name, cursor, _LISTED_BY)
    if lower > upper or (after is not None and not lower <= after <= upper):
        return Page()
    index, attribute, value = (BY_STATUS, "status", status) if status else (BY_DATE, "listing", LISTING)
    listed = tables.query(
        "Events",
        f"#{attribute} = :value AND #listedBy BETWEEN :lower AND :upper",
        {"value": value, "lower": lower, "upper": upper},
        index=index,
        limit=limit + 1,
        after=None if after is None else {attribute: value, "listedBy": after, **details_key(after.split("#")[1])},
    )
    shown = listed[:limit]
    current = [
        (details, seats)
        for details, seats in event_items.current_of_listed(tables, shown)
        if details[attribute] == value and lower <= details["listedBy"] <= upper
    ]
    return Page(
        [
            event
            for items in sorted(current, key=lambda items: items[0]["listedBy"])
            if (event := intact(partial(to_event, *items)))
        ],
        cursors.encode(name, shown[-1]["listedBy"]) if len(listed) > limit else None,
    )


def update(  # noqa: PLR0913 - an event, its changes and their conditions
    tables: Tables,
    event_id: str,
    changes: Mapping[str, Any],
    expected: Collection[str] | None = None,
    excluded: Collection[str] = (),
    owner: str | None = None,
) -> Event:
    """Change fields of an event, then promote from the queue to the seats that are free, as far as there is time.

    Return the event as it was at one moment afterwards: if others have changed it meanwhile, with their changes.
    `changes` are fields of `EventFields` by name; `expected` are the versions that the caller accepts, None for any but
    the `excluded` ones. An event that has these values already is not changed, and need not have an expected version:
    this request may be the repetition of one that succeeded (RFC 9110, 13.1.1). It continues a promotion all the same.
    `owner` is the owner that the event must have, None for any. If the promotion meets damage, which the caller can't
    mend, the change is stored and the log says so; the event is returned, and its counts show who still waits.

    Raises:
        EventNotFound: No event has this id.
        NotOwner: The event belongs to another owner.
        VersionMismatch: The event has none of the expected versions, or an excluded one.
        CapacityBelowConfirmed: The capacity is lower than the number of people confirmed.
        Unavailable: The fields may be changed already; repeating the request shows it, and continues the promotion.

    """
    try:
        read = event_items.Reader(tables, event_id)
        seen = tables.retry(lambda _image: _change(tables, read, changes, expected, excluded, owner))
        details, seats = seen or _after_update(tables, event_id)
        if rules.promotable(to_seats(seats)):
            with _stored():
                queue.promote_waiting(tables, event_id, to_seats(seats))
            details, seats = _after_update(tables, event_id)
    except Unavailable:
        # Nobody may repeat the request.
        tables.hand_over(event_id, unknown=True)
        raise
    return to_event(details, seats)


@contextmanager
def _stored() -> Iterator[None]:
    """Log the damage that a promotion behind a stored change meets."""
    try:
        yield
    except Damaged as damage:
        logger.error("%s; the change before it is stored: %s", queue.UNFINISHED, damage)  # noqa: TRY400 - its traceback says nothing more


def _after_update(tables: Tables, event_id: str) -> tuple[Item, Item]:
    """Read an event for the answer to its update.

    Raises:
        Contention: Another client has deleted the event. EventNotFound would mean that this request changed nothing.

    """
    try:
        return event_items.current(tables, event_id)
    except EventNotFound as deleted:
        raise Contention from deleted


def _change(  # noqa: PLR0913 - an event, its changes and their conditions
    tables: Tables,
    read: event_items.Reader,
    changes: Mapping[str, Any],
    expected: Collection[str] | None,
    excluded: Collection[str],
    owner: str | None,
) -> tuple[Item, Item] | None:
    """Write the changed fields if they are unchanged since they were read; without a change, return what was read.

    The version that was read together with the owner is a condition of the write, and no two events share one.
    """
    details_seen, seats_seen = read()
    ownership.check(details_seen.get("owner"), owner)
    event, seats = to_event(details_seen, seats_seen), to_seats(seats_seen)
    changed = replace(event, **changes)
    if event.version in excluded:
        raise VersionMismatch
    if changes and changed == event:
        return details_seen, seats_seen
    if expected is not None and event.version not in expected:
        raise VersionMismatch
    if changed == event:
        return details_seen, seats_seen
    rules.check_capacity(seats, changed.capacity)
    changed = replace(changed, version=new_version(), updated_at=now())
    tables.transact(event_items.change_steps(event.version, changed))
    return None
