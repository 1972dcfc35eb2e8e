"""The lists of an event's and of a user's registrations."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final

from storage import cursors, event_items, ownership, queue, user_positions, users
from storage.dynamodb.attributes import Item, Key
from storage.dynamodb.tables import BATCH_KEYS, Tables, batches
from storage.items import (
    USER_PREFIX,
    details_key,
    intact,
    pointer_key,
    queue_number,
    registration_key,
    to_event,
    to_registration,
)
from storage.model import Event, Page, Registration, RegistrationStatus

#: Maximum number of calls for a page.
PAGE_CALLS: Final = 6

_ALL_OF: Final = "#pk = :pk AND begins_with(#sk, :prefix)"


def of_event(  # noqa: PLR0913 - a list, its filter, its page and whose it is
    tables: Tables,
    event_id: str,
    *,
    status: RegistrationStatus | None = None,
    limit: int,
    cursor: str | None = None,
    owner: str | None = None,
) -> Page[Registration]:
    """Return a page of an event's registrations: by user id, or with the status `waitlisted` in the order of the queue.

    `owner` is the owner that the event must have, None for any.

    Raises:
        EventNotFound: No event has this id.
        NotOwner: The event belongs to another owner.
        CursorInvalid: The cursor is damaged, or belongs to another list.

    """
    return ownership.reading(tables, event_id, owner, partial(_of_event, tables, event_id, status, limit, cursor))


def _of_event(
    tables: Tables, event_id: str, status: RegistrationStatus | None, limit: int, cursor: str | None
) -> Page[Registration]:
    name = cursors.list_name("registrations of event", event_id, status)
    if status == "waitlisted":
        page = _queue_page(tables, event_id, name, limit, cursor)
    else:
        page = _registrations_page(tables, event_id, name, status, limit, cursor)
    # An empty page with a cursor has read registrations, but none with the status.
    empty = not page.entries and page.next_cursor is None
    if empty:
        tables.retry(event_items.checking_absence(tables, event_id, lambda _image: queue.seats(tables, event_id)))
    return page


def _queue_page(tables: Tables, event_id: str, name: str, limit: int, cursor: str | None) -> Page[Registration]:
    after = None if cursor is None else int(cursors.decode(name, cursor, "[0-9]{1,12}"))
    places = queue.waiting(tables, event_id, limit + 1, after)
    if not places:
        return Page()
    first = 1 if after is None else queue.position(tables, event_id, queue_number(places[0]))
    shown = places[:limit]
    return Page(
        list(_intact(shown, range(first, first + len(shown)))),
        cursors.encode(name, str(queue_number(shown[-1]))) if len(places) > limit else None,
    )


def _registrations_page(  # noqa: PLR0913 - a list, its filter and its page
    tables: Tables, event_id: str, name: str, status: RegistrationStatus | None, limit: int, cursor: str | None
) -> Page[Registration]:
    after = None if cursor is None else registration_key(event_id, cursors.decode(name, cursor, ".{1,100}"))
    if status:
        values = _in_event(event_id) | {"status": status}
        items, stopped = tables.query_filtered(
            "Registrations", _ALL_OF, values, only="#status = :status", limit=limit + 1, after=after
        )
    else:
        items, stopped = items_of_event(tables, event_id, limit + 1, after), None
    shown = items[:limit]
    positions = queue.positions(tables, event_id, [item["seq"] for item in shown if "seq" in item])
    entries = list(_intact(shown, [positions.get(item.get("seq", -1)) for item in shown]))
    last = shown[-1] if len(items) > limit else stopped
    return Page(entries, cursors.encode(name, last["sk"].removeprefix(USER_PREFIX)) if last else None)


def items_of_event(tables: Tables, event_id: str, limit: int, after: Key | None = None) -> list[Item]:
    """Return up to `limit` registrations of an event by user id, behind the key `after`."""
    return tables.query("Registrations", _ALL_OF, _in_event(event_id), limit=limit, after=after)


def _in_event(event_id: str) -> dict[str, str]:
    return {"pk": registration_key(event_id, "")["pk"], "prefix": USER_PREFIX}


def _intact(items: Sequence[Item], positions: Sequence[int | None]) -> Iterator[Registration]:
    """Yield registrations, and leave out damaged ones, so that one of them does not take the whole list away."""
    for item, position in zip(items, positions, strict=True):
        if registration := intact(partial(to_registration, item, position)):
            yield registration


def of_user(
    tables: Tables, user_id: str, *, limit: int, cursor: str | None = None, owner: str | None = None
) -> Page[tuple[Registration, Event]]:
    """Return a page of a user's registrations by event id, each with its event, which has no counts.

    The page is short if the positions of all its waitlisted registrations would take more than `PAGE_CALLS`. With an
    `owner`, only registrations for events of this owner are in it, which may take more calls to find.

    Raises:
        UserNotFound: No user has this id.
        CursorInvalid: The cursor is damaged, or belongs to another list.

    """
    name = cursors.list_name("registrations of user", user_id)
    after = None if cursor is None else cursors.decode(name, cursor, ".{1,100}")
    listed = _event_ids(tables, user_id, limit + 1, after, owner)
    event_ids = listed[:limit]
    found = tables.get_all(
        key
        for event_id in event_ids
        for key in (
            ("Registrations", registration_key(event_id, user_id)),
            ("Events", details_key(event_id)),
        )
    )
    read = ((item["eventId"], intact(partial(to_event, item))) for item in found["Events"])
    events = {event_id: event for event_id, event in read if event and owner in {None, event.owner}}
    items = {item["pk"].removeprefix("EVENT#"): item for item in found["Registrations"]}
    # Since the pointers were read, a registration or its event may have been deleted.
    known = items.keys() & events.keys()
    numbers = {each: items[each]["seq"] for each in event_ids if each in known and "seq" in items[each]}
    calls = PAGE_CALLS - 1 - batches(2 * len(event_ids))
    positions = user_positions.positions(tables, numbers, calls)
    beyond = next((each for each in numbers if each not in positions), None)
    shown = event_ids if beyond is None else event_ids[: event_ids.index(beyond)]
    here = [each for each in shown if each in known]
    entries = [(intact(partial(to_registration, items[each], positions.get(each))), events[each]) for each in here]
    return Page(
        [(registration, event) for registration, event in entries if registration],
        cursors.encode(name, shown[-1]) if len(listed) > len(shown) else None,
    )


def _event_ids(tables: Tables, user_id: str, limit: int, after: str | None, owner: str | None) -> list[str]:
    """Return the ids of up to `limit` events that the user has registered for, behind the id `after`.

    With an owner, those of other owners are passed over: a page that ended at one of them would have its id in the
    cursor, and tell that the user is registered for it.

    Raises:
        UserNotFound: No user has this id.

    """
    event_ids = pointed_to(tables, user_id, limit if owner is None else BATCH_KEYS, after)
    if not event_ids:
        users.get(tables, user_id)
    if owner is None:
        return event_ids
    owned: list[str] = []
    while event_ids and len(owned) < limit:
        found = tables.get_all(("Events", details_key(event_id)) for event_id in event_ids)["Events"]
        owners = {item["eventId"]: item.get("owner") for item in found}
        owned += [event_id for event_id in event_ids if owners.get(event_id) == owner]
        more = len(event_ids) == BATCH_KEYS and len(owned) < limit
        event_ids = pointed_to(tables, user_id, BATCH_KEYS, event_ids[-1]) if more else []
    return owned[:limit]


def pointed_to(tables: Tables, user_id: str, limit: int, after: str | None) -> list[str]:
    """Return the ids of up to `limit` events to which pointers of a user lead, behind the id `after`."""
    values = {"pk": pointer_key(user_id, "")["pk"], "prefix": "EVENT#"}
    start = None if after is None else pointer_key(user_id, after)
    pointers = tables.query("Registrations", _ALL_OF, values, limit=limit, after=start)
    return [pointer["sk"].removeprefix("EVENT#") for pointer in pointers]
