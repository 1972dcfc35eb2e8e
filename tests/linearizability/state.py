"""The state of one event, the requests that change it, and how."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from storage.notifications import Kind

OPEN: Final = frozenset({"active", "scheduled", "ongoing"})

Name = Literal[
    "register",
    "unregister",
    "update",
    "delete user",
    "get event",
    "get registration",
    "list registrations",
    "list queue",
]

#: Who makes a request: `anybody` where no token is required, `nobody` without the token that is.
Caller = Literal["anybody", "person", "organizer", "admin", "another person", "another organizer", "nobody"]

#: The answer to those who may not make the request.
REFUSALS: Final[Mapping[Caller, int]] = {"another person": 403, "another organizer": 403, "nobody": 401}


@dataclass(frozen=True, slots=True)
class State:
    """One event at one moment; the queue is in order."""

    capacity: int
    has_waitlist: bool = True
    status: str = "active"
    confirmed: frozenset[str] = frozenset()
    queue: tuple[str, ...] = ()
    #: The key of the request that registered a user, of those that had one.
    keys: frozenset[tuple[str, str]] = frozenset()
    #: Users who are leaving for good, also those who are deleted.
    leaving: frozenset[str] = frozenset()
    deleted: frozenset[str] = frozenset()
    #: What was told of each user from now on, if that is known.
    untold: frozenset[tuple[str, tuple[Kind, ...]]] | None = None

    @property
    def open(self) -> bool:
        return self.status in OPEN

    @property
    def free(self) -> bool:
        """Whether there is a free seat."""
        return len(self.confirmed) < self.capacity

    @property
    def owes(self) -> bool:
        """Whether a promotion is owed: a person waits beside a free seat of an open event."""
        return self.open and self.free and bool(self.queue)

    def knows(self, user: str) -> bool:
        return user in self.confirmed or user in self.queue

    def may_join(self, user: str) -> bool:
        """Whether nothing about the user is in the way of a registration."""
        return not self.knows(user) and user not in self.leaving


@dataclass(frozen=True, slots=True)
class Call:
    """A request of a caller: for a user, maybe with a key, or with the fields of an update as the API names them."""

    name: Name
    user: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)
    caller: Caller = "anybody"
    key: str | None = None

    @property
    def refusal(self) -> int | None:
        """The status of every answer, if the caller may not make the request."""
        if (self.name, self.caller) == ("delete user", "organizer"):
            return 403
        return REFUSALS.get(self.caller)


def promote(state: State) -> State:
    """Give the head of the queue a seat."""
    return replace(state, confirmed=state.confirmed | {state.queue[0]}, queue=state.queue[1:])


def join(call: Call, state: State) -> State | None:
    if not state.may_join(call.user) or not state.open:
        return None
    keys = state.keys | {(call.user, call.key)} if call.key else state.keys
    if state.free and not state.queue:
        return replace(state, confirmed=state.confirmed | {call.user}, keys=keys)
    return replace(state, queue=(*state.queue, call.user), keys=keys) if state.has_waitlist else None


def leave(call: Call, state: State) -> State | None:
    if not state.knows(call.user):
        return None
    left = replace(
        state,
        confirmed=state.confirmed - {call.user},
        queue=tuple(user for user in state.queue if user != call.user),
        keys=frozenset(kept for kept in state.keys if kept[0] != call.user),
    )
    return promote(left) if left.owes and call.user in state.confirmed else left


def change(call: Call, state: State) -> State | None:
    capacity = call.fields.get("capacity", state.capacity)
    if capacity < len(state.confirmed):
        return None
    return replace(
        state,
        capacity=capacity,
        has_waitlist=call.fields.get("hasWaitlist", state.has_waitlist),
        status=call.fields.get("status", state.status),
    )


def begin_deletion(call: Call, state: State) -> State | None:
    """From now on nobody can register the user."""
    return None if call.user in state.deleted else replace(state, leaving=state.leaving | {call.user})


def leave_for_good(call: Call, state: State) -> State | None:
    """Leave the event, if the user is registered for it."""
    return leave(call, state) or state if call.user in state.leaving else None


def end_deletion(call: Call, state: State) -> State | None:
    is_last = call.user in state.leaving and not state.knows(call.user)
    return replace(state, deleted=state.deleted | {call.user}) if is_last else None


#: What each request does, one after the other.
EFFECTS: Final[Mapping[Name, Sequence[Callable[[Call, State], State | None]]]] = {
    "register": [join],
    "unregister": [leave],
    "update": [change],
    "delete user": [begin_deletion, leave_for_good, end_deletion],
}
