"""The state of each event after each transaction, checked at once against the invariant (see `storage/rules.py`)."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from storage import rules
from tests.simulation.dynamodb import Change
from tests.simulation.expressions import Item


class ViolationError(Exception):
    """The invariant or another promise was broken; the message names which and where."""


@dataclass(frozen=True, slots=True)
class State:
    """One event at one moment. `people` maps each registered user to a number in the queue, or None if confirmed."""

    details: Item | None = None
    seats: Item | None = None
    people: Mapping[str, int | None] = field(default_factory=dict)
    #: The key of the request that registered a user, of those that had one.
    keys: Mapping[str, str] = field(default_factory=dict)
    places: Mapping[int, str] = field(default_factory=dict)
    pointers: frozenset[str] = frozenset()
    #: The blocks (`LEFT#` items) of numbers that left the queue.
    left_behind: frozenset[str] = frozenset()

    @property
    def exists(self) -> bool:
        return self.seats is not None

    def number(self, name: str) -> int:
        return int(self.seats[name]["N"]) if self.seats else 0

    def value(self, name: str) -> Any:
        return next(iter(self.seats[name].values())) if self.seats else None

    @property
    def open(self) -> bool:
        return self.value("status") in rules.OPEN

    @property
    def deleting(self) -> str | None:
        """The version of the event before a deletion with its registrations began that is not complete."""
        mark = self.value("deleting") if self.seats and "deleting" in self.seats else ""
        before, _, closed = mark.partition(" ")
        return before if closed and closed == self.value("version") else None

    @property
    def queue(self) -> list[str]:
        """The waiting users, in order."""
        return [self.places[seq] for seq in sorted(self.places)]

    @property
    def confirmed(self) -> int:
        return sum(seq is None for seq in self.people.values())

    @property
    def key(self) -> str:
        """The key of the request that made the event, or an empty text."""
        return key_in(self.details) if self.details else ""

    @property
    def waiting_beside_a_seat(self) -> bool:
        return self.open and bool(self.places) and self.confirmed < self.number("capacity")


@dataclass(frozen=True, slots=True)
class Commit:
    """The change of one event by one transaction; `moment` is its number, `by` the call that it was made for."""

    event_id: str
    moment: int
    by: Any
    before: State
    after: State

    @property
    def came(self) -> dict[str, int | None]:
        return {user: seq for user, seq in self.after.people.items() if user not in self.before.people}

    @property
    def left(self) -> dict[str, int | None]:
        return {user: seq for user, seq in self.before.people.items() if user not in self.after.people}

    @property
    def promoted(self) -> dict[str, int]:
        """The promoted users, with the numbers that they had in the queue."""
        return {
            user: seq
            for user, seq in self.before.people.items()
            if seq is not None and user in self.after.people and self.after.people[user] is None
        }

    @property
    def updated(self) -> bool:
        """Whether the event was created, changed or deleted, beyond its counts."""
        return self.before.details != self.after.details


@dataclass
class Timeline:
    """Every state of every event, in the order of transactions."""

    states: dict[str, list[tuple[int, State]]] = field(default_factory=dict)
    #: Every state of every user, None where there is none.
    users: dict[str, list[tuple[int, Item | None]]] = field(default_factory=dict)
    #: The moment at which the latest user with an id was created.
    created: dict[str, int] = field(default_factory=dict)
    #: The commit since which a person waits beside a free seat, by event.
    episodes: dict[str, Commit] = field(default_factory=dict)
    figures: Counter[str] = field(default_factory=Counter)
    moment: int = 0

    def state(self, event_id: str) -> State:
        """Return the current state of an event."""
        return self.states[event_id][-1][1] if event_id in self.states else State()

    def user(self, user_id: str) -> Item | None:
        """Return the current state of a user."""
        return self.users[user_id][-1][1] if user_id in self.users else None

    def users_between(self, user_id: str, first: int, last: int) -> list[Item | None]:
        """Return the states of a user between two moments, inclusive, the latest first."""
        return _between(self.users.get(user_id, []), first, last, None)

    def between(self, event_id: str, first: int, last: int) -> list[State]:
        """Return the states of an event between two moments, inclusive, the latest first."""
        return _between(self.states.get(event_id, []), first, last, State())

    def record(self, moment: int, changes: Sequence[Change], by: Any) -> list[Commit]:
        """Record the changes of a transaction, and check them.

        Raises:
            ViolationError: The transaction broke the invariant.

        """
        self.moment = moment
        after: dict[str, State] = {}
        for (table, partition, sort), old, item in changes:
            if table == "Users":
                self._record_user(partition, old, item, by)
                continue
            event_id = partition if table == "Events" else (partition + "#" + sort).split("EVENT#")[1].split("#")[0]
            after[event_id] = _with(after.get(event_id, self.state(event_id)), table, partition, sort, item)
        commits = [Commit(event_id, moment, by, self.state(event_id), state) for event_id, state in after.items()]
        for commit in commits:
            self.states.setdefault(commit.event_id, []).append((moment, commit.after))
            self._check(commit)
        return commits

    def _record_user(self, user_id: str, old: Item | None, item: Item | None, by: Any) -> None:
        self.users.setdefault(user_id, []).append((self.moment, item))
        if not old:
            self.created[user_id] = self.moment
        if old and item and any(old[name] != item[name] for name in ("createdAt", "name")):
            raise ViolationError(f"user {user_id} is overwritten")
        if old and item and "leaving" in old and "leaving" not in item:
            raise ViolationError(f"user {user_id} is not leaving any more")
        if old and not item and "leaving" not in old:
            raise ViolationError(f"user {user_id} is deleted, but was not leaving")
        if not item and any(user_id in self.state(event_id).people for event_id in self.states):
            raise ViolationError(f"user {user_id} is deleted, but is registered")
        marked = item and "leaving" in item and not (old and "leaving" in old)
        if marked and by.over and by.until < self.created[user_id]:
            raise ViolationError(f"user {user_id} is leaving by {by}, which ended before the user was created")
        self.figures["users deleted"] += item is None

    def _check(self, commit: Commit) -> None:
        event_id, before, after = commit.event_id, commit.before, commit.after
        self.figures += Counter(seats=list(commit.came.values()).count(None), promotions=len(commit.promoted))
        self.figures["removed with their events"] += len(commit.left) if request_of(commit.by) == "empty event" else 0
        self.figures["places in the queue"] += len(commit.came) - list(commit.came.values()).count(None)
        broken = [what for what, found in {**self._state_findings(after), **_change_findings(commit)}.items() if found]
        if after.waiting_beside_a_seat and not before.waiting_beside_a_seat:
            self.episodes[event_id] = commit
            if not commit.updated:
                broken.append("a person waits beside a free seat, though no update of the event caused it")
        if not after.waiting_beside_a_seat:
            self.episodes.pop(event_id, None)
        users = {user_id: self.user(user_id) or {} for user_id in (*commit.came, *commit.left)}
        if any("leaving" in users[user_id] for user_id in commit.came):
            broken.append("a user who is leaving is registered")
        if request_of(commit.by) == "empty event" and commit.left and not before.deleting:
            broken.append("the deletion of an event goes on although it was changed")
        if request_of(commit.by) == "delete user" and not all("leaving" in users[user_id] for user_id in commit.left):
            broken.append("the deletion of a user takes back what is another user's")
        if broken:
            raise ViolationError(f"event {event_id}, transaction {commit.moment}: {'; '.join(broken)}")

    def _state_findings(self, state: State) -> dict[str, bool]:
        waiting = {seq: user for user, seq in state.people.items() if seq is not None}
        if not state.exists or state.details is None:
            left = bool(state.people or state.places or state.pointers or state.left_behind)
            return {
                "one half of an event is missing": state.details != state.seats,
                "items of a deleted event are left": left,
            }
        shared = ("capacity", "status", "hasWaitlist", "version")
        return {
            "more people are confirmed than there are seats": state.confirmed > state.number("capacity"),
            "the count of the confirmed is wrong": state.confirmed != state.number("confirmed"),
            "the count of the waiting is wrong": len(waiting) != state.number("waitlisted"),
            "the queue and the registrations do not agree": waiting != state.places,
            "the pointers and the registrations do not agree": state.pointers != state.people.keys(),
            "a registered user does not exist": not all(map(self.user, state.people)),
            "a number of the queue will be reused": max(waiting, default=-1) >= state.number("nextSeq"),
            "the halves of the event differ": any(state.details[name] != (state.seats or {})[name] for name in shared),
        }


def request_of(by: Any) -> str | None:
    """Return the name of the request that a transaction is made for; it has none if it is made for several."""
    return getattr(getattr(by, "request", None), "name", None)


def _between(states: Sequence[tuple[int, Any]], first: int, last: int, before: Any) -> list[Any]:
    found: list[Any] = []
    for moment, state in reversed(states):
        if moment <= last:
            found.append(state)
        if moment <= first:
            return found
    return [*found, before]


def _change_findings(commit: Commit) -> dict[str, bool]:
    before, after = commit.before, commit.after
    promoted, left = sorted(commit.promoted.values()), list(commit.left.values())
    seats, places = (
        [seq for seq in commit.came.values() if seq is None],
        [s for s in commit.came.values() if s is not None],
    )
    full = before.confirmed + len(seats) >= before.number("capacity")
    freed = left.count(None)
    owed = min(freed, len(before.places.keys() - left)) if before.open else 0
    return {
        "a promotion skips the head of the queue": promoted != sorted(before.places.keys() - left)[: len(promoted)],
        "a confirmed person is demoted": any(
            seq is None and after.people.get(user, None) is not None for user, seq in before.people.items()
        ),
        "a person's key changes": any(
            before.keys.get(user) != after.keys.get(user) for user in before.people.keys() & after.people.keys()
        ),
        "an event is changed and still being deleted": commit.updated and bool(before.deleting and after.deleting),
        "an event that is being deleted is not cancelled": bool(after.deleting)
        and after.value("status") != "cancelled",
        "an event's key changes": before.exists and after.exists and before.key != after.key,
        "a person's number in the queue changes": any(
            seq is not None and after.people.get(user) not in {None, seq} for user, seq in before.people.items()
        ),
        "a person is promoted on a closed event": bool(promoted) and not before.open,
        "a person is registered on a closed event": bool(commit.came) and not before.open,
        "a newcomer is confirmed ahead of waiting people": bool(seats and before.places),
        "a person is waitlisted although the waitlist is off": bool(places) and not before.value("hasWaitlist"),
        "a person is waitlisted beside a free seat": bool(places) and not full and not before.places,
        "a number of the queue is reused": any(seq < before.number("nextSeq") for seq in places),
        "a freed seat does not go to the head of the queue": bool(left) and len(promoted) < owed,
        "leaving the queue promotes a person": bool(left) and len(promoted) > freed,
        "an event is overwritten": before.exists
        and after.exists
        and (before.details or {})["createdAt"] != (after.details or {})["createdAt"],
        "an event with registrations is deleted": before.exists and not after.exists and bool(before.people),
    }


def key_in(item: Item) -> str:
    """Return the key that an event or a user has kept, or an empty text."""
    return str(item["request"]["S"]).split(" ")[0] if "request" in item else ""


def _with(state: State, table: str, partition: str, sort: str, item: Item | None) -> State:
    """Return the state of an event after a change of one item."""
    if table == "Events":
        return replace(state, details=item) if sort == "DETAILS" else replace(state, seats=item)
    if partition.startswith("USER#"):
        user = frozenset({partition.removeprefix("USER#")})
        return replace(state, pointers=state.pointers - user if item is None else state.pointers | user)
    kind, name = sort.split("#", 1)
    if kind == "USER":
        others = {user: seq for user, seq in state.people.items() if user != name}
        seq = int(item["seq"]["N"]) if item and "seq" in item else None
        if item and (item["status"]["S"] == "waitlisted") != (seq is not None):
            raise ViolationError(f"{partition} {sort}: the status and the number in the queue do not agree")
        keys = {user: key for user, key in state.keys.items() if user != name}
        if item and "request" in item:
            keys[name] = item["request"]["S"]
        return replace(state, people=others if item is None else {**others, name: seq}, keys=keys)
    if kind == "LEFT":
        block = frozenset({name})
        return replace(state, left_behind=state.left_behind - block if item is None else state.left_behind | block)
    if kind == "WAIT":
        places = {seq: user for seq, user in state.places.items() if seq != int(name)}
        return replace(state, places=places if item is None else {**places, int(name): item["userId"]["S"]})
    return state
