"""What the ledger is after each transaction, judged at once by rule 10: there is no moment at which it may be wrong."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from storage import rules
from tests.simulation.dynamodb import Change
from tests.simulation.expressions import Item


class ViolationError(Exception):
    """A promise of the design was broken; the message says which and where."""


@dataclass(frozen=True, slots=True)
class State:
    """One event at one moment. `people` are those registered: their number in the queue, or None for a seat."""

    details: Item | None = None
    seats: Item | None = None
    people: Mapping[str, int | None] = field(default_factory=dict)
    places: Mapping[int, str] = field(default_factory=dict)
    pointers: frozenset[str] = frozenset()
    #: Where the numbers are kept of those who left the queue.
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
    def queue(self) -> list[str]:
        """Those who wait, in order."""
        return [self.places[seq] for seq in sorted(self.places)]

    @property
    def confirmed(self) -> int:
        return sum(seq is None for seq in self.people.values())

    @property
    def waiting_beside_a_seat(self) -> bool:
        return self.open and bool(self.places) and self.confirmed < self.number("capacity")


@dataclass(frozen=True, slots=True)
class Commit:
    """What one transaction did to one event, for whom it was made, and when: moments are numbers of transactions."""

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
        """Those who got a seat, with the number that they had in the queue."""
        return {
            user: seq
            for user, seq in self.before.people.items()
            if seq is not None and user in self.after.people and self.after.people[user] is None
        }

    @property
    def updated(self) -> bool:
        """Whether the event's own fields were changed, or the event made or deleted."""
        return self.before.details != self.after.details


@dataclass
class Ledger:
    """All events at all moments."""

    states: dict[str, list[tuple[int, State]]] = field(default_factory=dict)
    users: dict[str, int] = field(default_factory=dict)
    #: The commit since which somebody waits beside a free seat, by event.
    episodes: dict[str, Commit] = field(default_factory=dict)
    figures: Counter[str] = field(default_factory=Counter)
    moment: int = 0

    def state(self, event_id: str) -> State:
        """Return an event as it is now."""
        return self.states[event_id][-1][1] if event_id in self.states else State()

    def between(self, event_id: str, first: int, last: int) -> list[State]:
        """Return all that an event was from one moment to another, both included."""
        found: list[State] = []
        for moment, state in reversed(self.states.get(event_id, [])):
            if moment <= last:
                found.append(state)
            if moment <= first:
                return found
        return [*found, State()]

    def decided(self, moment: int, changes: Sequence[Change], by: Any) -> list[Commit]:
        """Take what a transaction changed, and judge it.

        Raises:
            ViolationError: It broke a rule.

        """
        self.moment = moment
        after: dict[str, State] = {}
        for (table, partition, sort), old, item in changes:
            if table == "Users":
                if old is not None:
                    raise ViolationError(f"user {partition} is made over another")
                self.users.setdefault(partition, moment)
                continue
            event_id = partition if table == "Events" else (partition + "#" + sort).split("EVENT#")[1].split("#")[0]
            after[event_id] = _with(after.get(event_id, self.state(event_id)), table, partition, sort, item)
        commits = [Commit(moment, by, self.state(event_id), state) for event_id, state in after.items()]
        for event_id, commit in zip(after, commits, strict=True):
            self.states.setdefault(event_id, []).append((moment, commit.after))
            self._judge(event_id, commit)
        return commits

    def _judge(self, event_id: str, commit: Commit) -> None:
        before, after = commit.before, commit.after
        self.figures += Counter(seats=list(commit.came.values()).count(None), promotions=len(commit.promoted))
        self.figures["places in the queue"] += len(commit.came) - list(commit.came.values()).count(None)
        broken = [what for what, is_so in {**self._state_findings(after), **_change_findings(commit)}.items() if is_so]
        if after.waiting_beside_a_seat and not before.waiting_beside_a_seat:
            self.episodes[event_id] = commit
            if not commit.updated:
                broken.append("somebody waits beside a free seat, and no change of the event has made it so")
        if not after.waiting_beside_a_seat:
            self.episodes.pop(event_id, None)
        if broken:
            raise ViolationError(f"event {event_id}, transaction {commit.moment}: {'; '.join(broken)}")

    def _state_findings(self, state: State) -> dict[str, bool]:
        waiting = {seq: user for user, seq in state.people.items() if seq is not None}
        if not state.exists or state.details is None:
            left = bool(state.people or state.places or state.pointers or state.left_behind)
            return {"one half of an event": state.details != state.seats, "something is left of a deleted event": left}
        shared = ("capacity", "status", "hasWaitlist", "version")
        return {
            "more people are confirmed than there are seats": state.confirmed > state.number("capacity"),
            "the count of the confirmed is wrong": state.confirmed != state.number("confirmed"),
            "the count of the waiting is wrong": len(waiting) != state.number("waitlisted"),
            "the queue and the registrations do not agree": waiting != state.places,
            "the pointers and the registrations do not agree": state.pointers != state.people.keys(),
            "somebody is registered who is no user": not state.people.keys() <= self.users.keys(),
            "a number of the queue will be given again": max(waiting, default=-1) >= state.number("nextSeq"),
            "the halves of the event differ": any(state.details[name] != (state.seats or {})[name] for name in shared),
        }


def _change_findings(commit: Commit) -> dict[str, bool]:
    before, after = commit.before, commit.after
    promoted, left = sorted(commit.promoted.values()), list(commit.left.values())
    seats, places = (
        [seq for seq in commit.came.values() if seq is None],
        [s for s in commit.came.values() if s is not None],
    )
    full = before.confirmed >= before.number("capacity")
    hand_on = before.open and before.places and None in left
    return {
        "somebody jumps the queue": promoted != sorted(before.places)[: len(promoted)],
        "somebody is demoted": any(
            seq is None and after.people.get(user, None) is not None for user, seq in before.people.items()
        ),
        "somebody has another place in the queue": any(
            seq is not None and after.people.get(user) not in {None, seq} for user, seq in before.people.items()
        ),
        "somebody is promoted on a closed event": bool(promoted) and not before.open,
        "somebody comes in to a closed event": bool(commit.came) and not before.open,
        "somebody gets a seat before those who wait": bool(seats and before.places),
        "somebody queues where there is no waitlist": bool(places) and not before.value("hasWaitlist"),
        "somebody queues beside a free seat": bool(places) and not full and not before.places,
        "a number of the queue is given again": any(seq < before.number("nextSeq") for seq in places),
        "a seat that becomes free does not go to the head of the queue": bool(hand_on) and len(promoted) != 1,
        "somebody who leaves the queue promotes": bool(promoted and left) and None not in left,
        "an event is made over another": before.exists
        and after.exists
        and (before.details or {})["createdAt"] != (after.details or {})["createdAt"],
        "an event with registrations is deleted": before.exists and not after.exists and bool(before.people),
    }


def _with(state: State, table: str, partition: str, sort: str, item: Item | None) -> State:
    """Return an event's state with one item changed."""
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
        return replace(state, people=others if item is None else {**others, name: seq})
    if kind == "LEFT":
        block = frozenset({name})
        return replace(state, left_behind=state.left_behind - block if item is None else state.left_behind | block)
    if kind == "WAIT":
        places = {seq: user for seq, user in state.places.items() if seq != int(name)}
        return replace(state, places=places if item is None else {**places, int(name): item["userId"]["S"]})
    return state
