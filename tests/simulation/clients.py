"""Requests of simulated clients: each client draws a few, and retries those whose outcome is unknown."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, Final

from storage import event_deletion, events, queue, registration_lists, registrations, user_deletion, users
from storage.dynamodb.tables import Tables
from storage.errors import Refusal, Unavailable
from storage.model import EventFields, Page
from storage.repetitions import new_id
from tests.simulation.network import Crash
from tests.simulation.timeline import Commit

CAPACITIES: Final = (1, 1, 1, 2, 2, 3, 5)
STATUSES: Final = ("active", "active", "scheduled", "ongoing", "completed", "cancelled")
#: The requests that may have a key.
POSTS: Final = frozenset({"register", "create event", "create user"})

WEIGHTS: Final = {
    "register": 20,
    "unregister": 14,
    "update": 10,
    "delete event": 2,
    "create event": 2,
    "create user": 2,
    "delete user": 2,
    "get user": 1,
    "get event": 2,
    "get registration": 2,
    "list event": 2,
    "list user": 2,
    "list events": 1,
}
#: Weights of a crowd that only makes conflicting writes.
WRITES_ONLY: Final = {
    "register": 8,
    "unregister": 8,
    "update": 4,
    "delete event": 1,
    "create event": 1,
    "create user": 2,
    "delete user": 2,
}
#: Weights of a crowd in which people leave for good, and others get their ids.
LEAVING: Final = {"register": 12, "delete user": 8, "create user": 10, "unregister": 1, "update": 1}
#: Weights of a crowd whose requests share transactions.
HOT: Final = (
    {"register": 24, "unregister": 14, "update": 2, "get registration": 1, "list event": 1},
    {"register": 30, "unregister": 5, "update": 1},
    {"register": 5, "unregister": 30, "update": 1},
    {"register": 6, "unregister": 16, "update": 8},
    {"register": 20, "unregister": 8, "create user": 4, "delete user": 6},
)


@dataclass(frozen=True, slots=True)
class Request:
    """One request of a client; a POST may have a key, and with one the id of what it creates may be `generated`."""

    name: str
    event_id: str
    user_id: str
    given: Mapping[str, Any] = field(default_factory=dict)
    key: str | None = None
    generated: bool = False

    def __str__(self) -> str:
        key = f" (key {self.key})" if self.key else ""
        return f"{self.name} {self.event_id} {self.user_id} {dict(self.given) or ''}".rstrip() + key

    def with_key(self, number: int) -> "Request":
        """Return the request of this number as it is sent: every other POST has a key, and some of these no id."""
        if self.name not in POSTS or number % 2:
            return self
        key = f"k{number}"
        if number % 8 or self.name == "register":
            return replace(self, key=key)
        generated = replace(self, key=key, generated=True)
        if self.name == "create event":
            return replace(generated, event_id=new_id(key))
        return replace(generated, user_id=new_id(key))


@dataclass(eq=False, slots=True)
class Call:
    """A request with its outcome, and the moments (numbers of transactions) at which it began and ended."""

    client: str
    request: Request
    since: int
    until: int = 0
    outcome: Any = None
    #: The tokens of its transactions that may have been applied, or may be applied later, without an answer.
    undecided: set[str] = field(default_factory=set)
    #: Whether a cancelled transaction may be applied later, by an earlier copy of its request.
    overtaken: bool = False
    over: bool = False
    #: Whether it handed over the promotion of its event to the worker.
    handed_over: bool = False
    commits: list[Commit] = field(default_factory=list)

    @property
    def unknown(self) -> bool:
        return bool(self.undecided) or self.overtaken

    @property
    def succeeded(self) -> bool:
        return self.over and not isinstance(self.outcome, Refusal | Crash)

    def __str__(self) -> str:
        return f"{self.client}: {self.request}"


def pages(page: Callable[[str | None], Page[Any]]) -> list[Any]:
    """Return the entries of all pages of a list."""
    entries: list[Any] = []
    cursor = None
    while True:
        part = page(cursor)
        entries += part.entries
        cursor = part.next_cursor
        if cursor is None:
            return entries


def fields(given: Mapping[str, Any]) -> EventFields:
    """Return complete fields of an event, with defaults for those not given."""
    rest = {"title": "T", "description": "D", "date": "2030-05-01", "location": "L", "organizer": "O"}
    return EventFields(**{**rest, **given})


def execute(tables: Tables, request: Request) -> Any:  # noqa: C901, PLR0911, PLR0912 - one line for each operation
    """Execute a request with the functions of `storage`, and return the result."""
    event_id, user_id, given = request.event_id, request.user_id, request.given
    match request.name:
        case "register":
            return registrations.register(tables, event_id, user_id, key=request.key)
        case "unregister":
            return registrations.unregister(tables, event_id, user_id)
        case "update":
            changes = {name: value for name, value in given.items() if name != "expected"}
            return events.update(tables, event_id, changes, given.get("expected"))
        case "delete event":
            return event_deletion.delete(tables, event_id, given.get("expected"))
        case "empty event":
            return event_deletion.delete_with_registrations(tables, event_id, given.get("expected"))
        case "promote":
            return queue.resume(tables, event_id, given["batches"])
        case "create event":
            return events.create(tables, None if request.generated else event_id, fields(given), key=request.key)
        case "create user":
            return users.create(tables, None if request.generated else user_id, user_id, request.key)
        case "delete user":
            return user_deletion.delete(tables, user_id)
        case "get user":
            return users.get(tables, user_id)
        case "get event":
            return events.get(tables, event_id)
        case "get registration":
            return registrations.get(tables, event_id, user_id)
        case "list event":
            return pages(lambda cursor: registration_lists.of_event(tables, event_id, cursor=cursor, **given))
        case "list user":
            return pages(lambda cursor: registration_lists.of_user(tables, user_id, cursor=cursor, **given))
        case "list events":
            return pages(lambda cursor: events.list_page(tables, cursor=cursor, **given))
    raise AssertionError(request.name)


def draw(
    random: Random,
    event_ids: list[str],
    user_ids: list[str],
    versions: Mapping[str, list[str]],
    weights: Mapping[str, int] = WEIGHTS,
) -> Request:
    """Draw a request; `versions` are those that clients have seen of each event."""
    (name,) = random.choices(list(weights), list(weights.values()))
    event_id, user_id = random.choice(event_ids), random.choice(user_ids)
    given: dict[str, Any] = {}
    if name == "update":
        given = _changes(random)
    elif name == "create event":
        given = {"capacity": random.choice(CAPACITIES), "has_waitlist": random.random() < 0.8}
    elif name.startswith("list"):
        given = {"limit": random.choice((1, 2, 100))}
    if name == "list event":
        given["status"] = random.choice((None, "confirmed", "waitlisted"))
    if name == "list events":
        given["status"] = random.choice((None, *STATUSES))
    if name in {"update", "delete event"} and versions[event_id] and random.random() < 0.3:
        given["expected"] = [random.choice(versions[event_id])]
    return Request(name, "" if name == "delete user" else event_id, user_id, given)


def _changes(random: Random) -> dict[str, Any]:
    chance = random.random()
    if chance < 0.5:
        return {"capacity": random.choice(CAPACITIES)}
    if chance < 0.75:
        return {"status": random.choice(STATUSES)}
    if chance < 0.85:
        return {"has_waitlist": random.random() < 0.5}
    if chance < 0.9:
        return {"status": random.choice(STATUSES), "capacity": random.choice(CAPACITIES)}
    return {"title": random.choice("TUV")}


def emptying(random: Random, request: Request) -> Request:
    """Draw whether a request is one that deletes an event with its registrations, or one that creates it again."""
    name = random.choices([request.name, "empty event", "create event"], [8, 1, 1])[0]
    if name == request.name:
        return request
    given = {"capacity": 2, "has_waitlist": True} if name == "create event" else {}
    if name == "empty event" and "expected" in request.given:
        given = {"expected": request.given["expected"]}
    return Request(name, request.event_id or "e0", request.user_id, given)


def repeated(random: Random, request: Request, outcome: Any) -> bool:
    """Draw whether a client retries: mostly, if the outcome is unknown; with a key, sometimes also if it is known."""
    if isinstance(outcome, Unavailable | Crash):
        return random.random() < 0.9
    return request.key is not None and random.random() < 0.2
