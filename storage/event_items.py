"""The two items of an event, DETAILS and SEATS: read as they are at one moment, and changed at once."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Final, NoReturn, TypeVar

from storage.dynamodb.attributes import Item
from storage.dynamodb.steps import Changed, Step
from storage.dynamodb.tables import Tables
from storage.errors import Damaged, EventNotFound
from storage.items import DETAILS, SEATS, details_item, details_key, registration_key, seats_key
from storage.model import Event

#: Number of queries that see the items of different versions, after which they are read as of one moment.
TORN_READS: Final = 3

Outcome = TypeVar("Outcome")

_NO_SEATS: Final = f"has no {SEATS}"


def current(tables: Tables, event_id: str) -> tuple[Item, Item]:
    """Return both items of an event as they are at one moment.

    Raises:
        EventNotFound: No event has this id.
        Damaged: One of the items is missing, or they are of different versions.

    """
    read = Reader(tables, event_id)
    return tables.retry(lambda _image: read())


class Reader:
    """Reads both items of an event, in one attempt after the other."""

    def __init__(self, tables: Tables, event_id: str) -> None:
        """Take the event to read."""
        self._tables, self._event_id = tables, event_id
        self._torn = 0

    def __call__(self) -> tuple[Item, Item]:
        """Return both items, or retry if the query saw only one of them updated.

        An update may become visible slowly. So after a few such queries the items are read as of one moment, which
        conflicts with an update that is under way, and tells it from damage.
        """
        if self._torn >= TORN_READS:
            keys = details_key(self._event_id), seats_key(self._event_id)
            items = [item for item in self._tables.snapshot(("Events", key) for key in keys) if item]
        else:
            items = self._tables.query("Events", "#eventId = :eventId", {"eventId": self._event_id})
        if not items:
            raise EventNotFound
        parts = {item["part"]: item for item in items}
        if parts.keys() == {DETAILS, SEATS} and parts[DETAILS].get("version") == parts[SEATS].get("version"):
            return parts[DETAILS], parts[SEATS]
        if self._torn >= TORN_READS:
            raise Damaged("Events", self._event_id, _difference(parts))
        self._torn += 1
        raise Changed


def _difference(parts: Mapping[str, Item]) -> str:
    missing = [part for part in (DETAILS, SEATS) if part not in parts]
    return f"has no {missing[0]}" if missing else "has DETAILS and SEATS of different versions"


def change_steps(version: str, changed: Event, *, deleting: bool = False) -> list[Step]:
    """Return the steps that store a changed event, if it still has the version that was read.

    With `deleting` they mark it as being deleted with its registrations, by both versions. Every later change gives it
    another version, and so ends the deletion.
    """
    seats: dict[str, str | int | bool] = {
        "capacity": changed.capacity,
        "status": changed.status,
        "hasWaitlist": changed.has_waitlist,
        "changed": changed.version,
    }
    change = "SET #capacity = :capacity, #status = :status, #hasWaitlist = :hasWaitlist, #version = :changed"
    condition = "#version = :version AND #confirmed <= :capacity"
    if deleting:
        change += ", #deleting = :deleting"
        condition = "#version = :version"
        seats["deleting"] = f"{version} {changed.version}"
    return [
        Step(
            action="Put",
            table="Events",
            item=details_item(changed),
            condition="#version = :version",
            values={"version": version},
        ),
        Step(
            action="Update",
            table="Events",
            key=seats_key(changed.event_id),
            change=change,
            condition=condition,
            values={"version": version, **seats},
        ),
    ]


def version_before_deletion(seats: Item) -> str | None:
    """Return the version of an event before the deletion began that it is in, None if it is in none."""
    before, _, closed = seats.get("deleting", "").partition(" ")
    return before if closed and closed == seats.get("version") else None


def checking_absence(
    tables: Tables, event_id: str, attempt: Callable[[Item | None], Outcome]
) -> Callable[[Item | None], Outcome]:
    """Return an attempt that, before it answers that there is no event, as SEATS is missing, looks for DETAILS."""

    def checked(image: Item | None) -> Outcome:
        try:
            return attempt(image)
        except EventNotFound:
            _check_absence(tables, event_id)
            raise

    return checked


def _check_absence(tables: Tables, event_id: str) -> None:
    """Check that an event without SEATS has no DETAILS.

    Raises:
        Damaged: It has DETAILS.
        Changed: It has been created since, or is being created or deleted.

    """
    if tables.get("Events", details_key(event_id)) is None:
        return
    details, seats = tables.snapshot(("Events", key) for key in (details_key(event_id), seats_key(event_id)))
    if seats:
        raise Changed
    if details:
        raise Damaged("Events", event_id, _NO_SEATS)


def check_registrations(tables: Tables, event_id: str, user_ids: Iterable[str]) -> NoReturn:
    """Tell damage from a race after registrations were found, but no SEATS to count them.

    Raises:
        Damaged: The registrations exist without SEATS.
        Changed: They do not: the event was created or deleted between the reads.

    """
    keys = [("Registrations", registration_key(event_id, user_id)) for user_id in user_ids]
    seats, *found = tables.snapshot([("Events", seats_key(event_id)), *keys])
    if seats is None and any(found):
        raise Damaged("Events", event_id, _NO_SEATS)
    raise Changed(seats)


def current_of_listed(tables: Tables, listed: Sequence[Item]) -> list[tuple[Item, Item]]:
    """Return both items of each event that an index lists, as they are at one moment; a deleted event is left out.

    An index is eventually consistent, and so are these reads of the counts, at half the price. If SEATS is missing, or
    its version is not that of DETAILS, one of the two is older than the other: both are read again, consistently.
    """
    event_ids = [item["eventId"] for item in listed]
    found = tables.get_all((("Events", seats_key(event_id)) for event_id in event_ids), consistent=False)
    seats = {item["eventId"]: item for item in found["Events"]}
    agreeing = {
        item["eventId"]: (item, seats[item["eventId"]])
        for item in listed
        if item["eventId"] in seats and item["version"] == seats[item["eventId"]]["version"]
    }
    outdated = [event_id for event_id in event_ids if event_id not in agreeing]
    both = agreeing | _read_again(tables, outdated)
    return [both[event_id] for event_id in event_ids if event_id in both]


def _read_again(tables: Tables, event_ids: Sequence[str]) -> dict[str, tuple[Item, Item]]:
    """Return both items of those events that exist, in as few calls as for all of them together."""
    found = tables.get_all(
        ("Events", key) for event_id in event_ids for key in (details_key(event_id), seats_key(event_id))
    )
    parts = {(item["eventId"], item["part"]): item for item in found["Events"]}
    pairs = [(parts.get((event_id, DETAILS)), parts.get((event_id, SEATS))) for event_id in event_ids]
    both = {details["eventId"]: (details, seats) for details, seats in pairs if details and seats}
    # A batch reads item by item, and may catch an update half-way.
    torn = [event_id for event_id, (details, seats) in both.items() if details["version"] != seats["version"]]
    again = tables.each(*(partial(_if_exists, tables, event_id) for event_id in torn))
    both |= {event_id: pair for event_id, pair in zip(torn, again, strict=True) if pair is not None}
    return {event_id: pair for event_id, pair in both.items() if pair[0]["version"] == pair[1]["version"]}


def _if_exists(tables: Tables, event_id: str) -> tuple[Item, Item] | None:
    try:
        return current(tables, event_id)
    except EventNotFound:
        return None
