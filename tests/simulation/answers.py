"""Checks that each answer was true at some moment of its call, and that the call did exactly what it reports."""

import itertools
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from storage import errors, queue
from storage.dynamodb.attributes import marshal
from storage.items import details_item
from storage.model import Event, Registration
from tests.simulation.clients import Call, Request
from tests.simulation.dynamodb import LAG
from tests.simulation.expressions import Item
from tests.simulation.network import Crash
from tests.simulation.timeline import Commit, State, Timeline, ViolationError, key_in

#: Whether a transaction has the effect of the request; promotions on the way do not count.
_EFFECTS: Final[dict[str, Callable[[Commit, str], bool]]] = {
    "register": lambda commit, user_id: user_id in commit.came,
    "unregister": lambda commit, user_id: user_id in commit.left,
    "update": lambda commit, _user_id: commit.updated,
    "delete event": lambda commit, _user_id: not commit.after.exists,
    "empty event": lambda commit, _user_id: not commit.after.exists,
    "create event": lambda commit, _user_id: not commit.before.exists,
}

_ATTRIBUTES: Final = {"has_waitlist": "hasWaitlist"}


def check_answer(call: Call, timeline: Timeline) -> None:
    """Check the answer of a call.

    Raises:
        ViolationError: It was not true at any moment of the call.

    """
    if isinstance(call.outcome, Crash):
        return
    _check_effects(call, timeline)
    if isinstance(call.outcome, errors.Unavailable) and not isinstance(call.outcome, errors.PromotionInProgress):
        return
    states = timeline.between(call.request.event_id, call.since, call.until)
    true = _refusal_is_true if isinstance(call.outcome, errors.Refusal) else _answer_is_true
    if not true(call, timeline, states):
        raise ViolationError(f"{call} was answered {call.outcome!r}, which was never true")


def _check_effects(call: Call, timeline: Timeline) -> None:
    """Check that a successful call had its effect once, and a refused call none.

    Only `Unavailable` may leave open whether a transaction was applied, but for a promotion that a successful call has
    helped with: that is not its own matter.
    """
    unavailable = isinstance(call.outcome, errors.Unavailable)
    promotes = call.request.name in {"promote", "register", "unregister", "update", "delete user"}
    if call.undecided and not unavailable and not (promotes and not isinstance(call.outcome, errors.Refusal)):
        raise ViolationError(f"{call} was answered {call.outcome!r}, although the outcome of a transaction is unknown")
    if call.request.name in {"register", "unregister"}:
        batches = sum(bool(commit.promoted) and not commit.left for commit in call.commits)
        if batches > queue.ASSISTED_BATCHES:
            raise ViolationError(f"{call} promoted {batches} batches, which are not its own matter")
    _check_deletion(call)
    if call.request.name not in _EFFECTS or call.unknown:
        return
    times = sum(_EFFECTS[call.request.name](commit, call.request.user_id) for commit in call.commits)
    expected = {1} if call.succeeded else {0}
    if call.succeeded and (call.request.name == "empty event" or _was_done_before(call, timeline)):
        expected = {0, 1}  # Another request may have completed a deletion that has begun.
    if call.request.name == "update" and (call.succeeded or isinstance(call.outcome, errors.Unavailable)):
        expected = {0, 1}  # It may change nothing; and a change stays although its answer can't be read.
    if isinstance(call.outcome, errors.StorageUnavailable):
        return
    if times not in expected:
        raise ViolationError(f"{call} was answered {call.outcome!r}, but was applied {times} times")
    timeline.figures["repetitions"] += call.succeeded and not times and call.request.key is not None
    for commit in call.commits:
        _check_version(call, commit)


def _check_deletion(call: Call) -> None:
    if call.request.name == "delete user" and any(it.left.keys() - {call.request.user_id} for it in call.commits):
        raise ViolationError(f"{call} took back what is another user's")


def _was_done_before(call: Call, timeline: Timeline) -> bool:
    """Return whether a request of the same key has made what the call asks for, at some moment of the call."""
    states = timeline.between(call.request.event_id, call.since, call.until)
    return call.request.key is not None and any(_key(state, call.request) == call.request.key for state in states)


def _key(state: State, request: Request) -> str | None:
    """Return the key of the request that made what this one asks for."""
    return state.key if request.name == "create event" else state.keys.get(request.user_id)


def _by_another(call: Call, states: list[State]) -> list[State]:
    """Return the states in which what the call asks for is not its own work: otherwise it must not be refused."""
    return [state for state in states if call.request.key is None or _key(state, call.request) != call.request.key]


def _check_version(call: Call, commit: Commit) -> None:
    """Check that an update changed only a version that the caller accepts, and only the given fields."""
    if not commit.updated or not commit.before.exists:
        return
    given = {_ATTRIBUTES.get(name, name): value for name, value in call.request.given.items()}
    if call.request.name == "empty event":
        given["status"] = "cancelled"
    versions = _versions(commit.before, call.request)
    if versions.isdisjoint(given.get("expected", versions)):
        raise ViolationError(f"{call} changed a version other than the expected one")
    if commit.before.details and commit.after.details:
        names = {"title", "capacity", "status", "hasWaitlist"} - given.keys()
        if any(commit.before.details[name] != commit.after.details[name] for name in names):
            raise ViolationError(f"{call} reverted a change of another client")


def _versions(state: State, request: Request) -> set[str]:
    """Return the versions of which a request may expect one: a deletion also that before it was begun."""
    begun = {state.deleting} if request.name == "empty event" and state.deleting else set()
    return {state.value("version")} | begun


def _was_changed_meanwhile(call: Call, states: list[State]) -> bool:
    """Return whether an event had another version during its deletion than at its beginning and by closing it."""
    closed = {commit.after.value("version") for commit in call.commits if commit.updated}
    return len({state.value("version") for state in states if state.exists} - closed) > 1


def _refusal_is_true(call: Call, timeline: Timeline, states: list[State]) -> bool:  # noqa: C901, PLR0911, PLR0912 - one case for each refusal
    request, outcome = call.request, call.outcome
    expected = request.given.get("expected", ())
    match outcome:
        case errors.EventNotFound():
            return any(not state.exists for state in states)
        case errors.UserNotFound():
            found = timeline.users_between(request.user_id, call.since, call.until)
            return any(user is None or ("leaving" in user and request.name != "delete user") for user in found)
        case errors.UserExists():
            found = timeline.users_between(request.user_id, call.since, call.until)
            return any(user and ("leaving" in user or key_in(user) != (request.key or "none")) for user in found)
        case errors.RegistrationNotFound():
            return any(request.user_id not in state.people for state in states)
        case errors.EventExists():
            return any(state.exists for state in _by_another(call, states))
        case errors.AlreadyRegistered():
            others = any(request.user_id in state.people for state in _by_another(call, states))
            return others and _is_registration(outcome.registration, call, timeline)
        case errors.EventClosed():
            return any(state.value("status") == outcome.event_status and not state.open for state in states)
        case errors.EventFull():
            return any(
                state.open
                and not state.value("hasWaitlist")
                and (state.places or state.confirmed >= state.number("capacity"))
                for state in states
            )
        case errors.CapacityBelowConfirmed():
            return any(state.confirmed == outcome.minimum > request.given["capacity"] for state in states)
        case errors.EventHasRegistrations():
            return any(state.people for state in states)
        case errors.PromotionInProgress():
            return any(state.waiting_beside_a_seat and not state.value("hasWaitlist") for state in states)
        case errors.VersionMismatch():
            return any(state.exists and _versions(state, request).isdisjoint(expected) for state in states)
        case errors.DeletionStopped():
            return _was_changed_meanwhile(call, states)
    return False


def _answer_is_true(call: Call, timeline: Timeline, states: list[State]) -> bool:  # noqa: C901, PLR0911 - one case for each operation
    request, outcome = call.request, call.outcome
    match request.name:
        case "register" | "get registration":
            return (outcome.event_id, outcome.user_id) == (request.event_id, request.user_id) and any(
                _is_registration(outcome, call, timeline, moment) for moment in _admissions(call)
            )
        case "update":
            since = max((commit.moment for commit in call.commits if commit.updated), default=call.since)
            states = timeline.between(request.event_id, since, call.until)
            # It has the values that were asked for, unless another client has changed them since.
            return _is_event(outcome, states) and any(_has_fields(state, request.given) for state in states)
        case "get event" | "create event":
            return _is_event(outcome, states)
        case "create user":
            found = timeline.users_between(request.user_id, call.since, call.until)
            return outcome.user_id == request.user_id and any(user and "leaving" not in user for user in found)
        case "delete user":
            return any(user is None for user in timeline.users_between(request.user_id, call.since, call.until))
        case "empty event":
            return any(not state.exists for state in states)
        case "get user":
            found = timeline.users_between(request.user_id, call.since, call.until)
            return any(user is not None and "leaving" not in user for user in found)
        case "delete event" | "unregister" | "promote":
            return True
        case "list event":
            return _is_list_of_event(call, timeline, states)
        case "list user":
            return all(
                _is_registration(registration, call, timeline, derived=True)
                and registration.event_id == event.event_id
                and any(
                    state.details == marshal(details_item(event))
                    for state in timeline.between(event.event_id, call.since, call.until)
                )
                for registration, event in outcome
            ) and _has_each_once(
                [registration.event_id for registration, _event in outcome],
                (
                    event_id
                    for event_id in timeline.states
                    if all(request.user_id in s.people for s in timeline.between(event_id, call.since, call.until))
                ),
            )
    # The index lags, and so do the counts: each event is one state, which may be slightly older than the call.
    return all(
        _is_event(event, timeline.between(event.event_id, call.since - LAG, call.until))
        and request.given["status"] in {None, event.status}
        for event in outcome
    ) and _has_each_once([event.event_id for event in outcome], _listed(call, timeline))


def _admissions(call: Call) -> list[int | None]:
    """Return the moments of which the position in an answer must be exactly true, or None where it may lag.

    A newcomer's position is that of the transaction that gave the place, but for a newcomer beside a free seat, who
    promotes first. A late copy of a transaction may register a user again who has left meanwhile, so there may be two.
    """
    if call.request.name != "register" or call.outcome.status == "confirmed" or not call.commits:
        return [None]
    return [
        None if commit.after.waiting_beside_a_seat else commit.moment
        for commit in call.commits
        if commit.came.get(call.request.user_id) is not None
    ] or [None]  # An earlier request of the same key was admitted.


def _value(item: Item, name: str) -> Any:
    """Return the value of a field of an event in the item DETAILS."""
    ((kind, value),) = item[_ATTRIBUTES.get(name, name)].items()
    return int(value) if kind == "N" else value


def _is_event(event: Event, states: Iterable[State]) -> bool:
    """Return whether all fields and both counts of an event are those of one state."""
    own = marshal(details_item(event))
    return any(
        state.details == own and (state.confirmed, len(state.places)) == (event.confirmed, event.waitlisted)
        for state in states
    )


def _has_fields(state: State, given: Mapping[str, Any]) -> bool:
    """Return whether an event has the fields that an update gives."""
    fields = {_ATTRIBUTES.get(name, name): value for name, value in given.items() if name != "expected"}
    return state.details is not None and marshal(fields).items() <= state.details.items()


def _is_registration(
    registration: Registration, call: Call, timeline: Timeline, exactly: int | None = None, *, derived: bool = False
) -> bool:
    """Return whether a registration was true at some moment; unless `exactly` is set, its position may lag.

    A position `derived` from the counters may be off by the number of people behind, or at the place, who left the
    queue meanwhile: the counters and the LEFT item are read one after the other.
    """
    event_id, user_id = registration.event_id, registration.user_id
    states = timeline.between(event_id, call.since, call.until)
    if registration.status == "confirmed":
        return registration.position is None and any(state.people.get(user_id, 0) is None for state in states)
    numbers = {state.people[user_id] for state in states if state.people.get(user_id) is not None}
    before = timeline.between(event_id, call.since - LAG, call.until)
    if exactly is not None:
        before = timeline.between(event_id, exactly, exactly)
    return any(
        _may_be(registration.position, number, before, _gone_behind(number, before) if derived else 0)
        for number in numbers
        if number is not None
    )


def _may_be(position: int | None, number: int, states: list[State], off: int) -> bool:
    """Return whether a position lies between the number always ahead and the number ever ahead of a place."""
    ahead = [{seq for seq in state.places if seq < number} for state in states]
    if position is None or position < 1:
        return False
    return len(set.intersection(*ahead)) - off < position <= len(set.union(*ahead)) + 1 + off


def _gone_behind(number: int, states: list[State]) -> int:
    """Return how many people at and behind a place left the queue in these states, which are the latest first."""
    return sum(
        len({seq for seq in before.places if seq >= number} - after.places.keys())
        for after, before in itertools.pairwise(states)
    )


def _is_list_of_event(call: Call, timeline: Timeline, states: list[State]) -> bool:
    wanted, entries = call.request.given["status"], call.outcome
    waits = [entry for entry in entries if entry.status == "waitlisted"]
    throughout = set.intersection(*({u for u, seq in s.people.items() if _fits(seq, wanted)} for s in states))
    if not all(_is_registration(entry, call, timeline) and wanted in {None, entry.status} for entry in entries):
        return False
    if wanted == "waitlisted":
        positions = [entry.position or 0 for entry in waits]
        seqs = [min(s.people[e.user_id] or 0 for s in states if s.people.get(e.user_id) is not None) for e in waits]
        if len(entries) <= call.request.given["limit"] and positions != list(range(1, len(waits) + 1)):
            return False
        return (
            len(set(map(id, waits))) == len(waits)
            and throughout <= {e.user_id for e in waits}
            and (len(states) > 1 or seqs == sorted(seqs))
        )
    users = [entry.user_id for entry in entries]
    return users == sorted(set(users)) and throughout <= set(users)


def _fits(seq: int | None, status: str | None) -> bool:
    return status is None or (status == "confirmed") == (seq is None)


def _listed(call: Call, timeline: Timeline) -> list[str]:
    """Return the events that a list must contain, given that the index lags."""
    status = call.request.given["status"]
    found = []
    for event_id in timeline.states:
        states = timeline.between(event_id, call.since - LAG, call.until)
        if all(state.exists and status in {None, state.value("status")} for state in states):
            found.append(event_id)
    return found


def _has_each_once(shown: list[str], needed: Iterable[str]) -> bool:
    return len(shown) == len(set(shown)) and set(needed) <= set(shown)
