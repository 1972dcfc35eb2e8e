"""Whether an answer tells the truth: it was so at some moment during the call, and was done if it says so."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final

from storage import errors
from storage.model import Event, Registration
from tests.simulation.clients import Call
from tests.simulation.dynamodb import LAG
from tests.simulation.ledger import Commit, Ledger, State, ViolationError
from tests.simulation.network import Crash

#: What a transaction does that does what was asked for; people who are promoted on the way do not count.
_DOES: Final[dict[str, Callable[[Commit, str], bool]]] = {
    "register": lambda commit, user_id: user_id in commit.came,
    "unregister": lambda commit, user_id: user_id in commit.left,
    "update": lambda commit, _user_id: commit.updated,
    "delete event": lambda commit, _user_id: not commit.after.exists,
    "create event": lambda commit, _user_id: not commit.before.exists,
}

_ATTRIBUTES: Final = {"has_waitlist": "hasWaitlist"}


def judge(call: Call, ledger: Ledger) -> None:
    """Judge what a call answered.

    Raises:
        ViolationError: It was not true at any moment of the call.

    """
    if isinstance(call.outcome, Crash):
        return
    _judge_deeds(call)
    if isinstance(call.outcome, errors.StorageUnavailable | errors.Contention):
        return
    states = ledger.between(call.request.event_id, call.since, call.until)
    true = _refusal_is_true if isinstance(call.outcome, errors.Refusal) else _answer_is_true
    if not true(call, ledger, states):
        raise ViolationError(f"{call} was answered {call.outcome!r}, which was never true")


def _judge_deeds(call: Call) -> None:
    """Look whether what the answer says was done was done by the call itself, and nothing if it was refused."""
    if call.request.name not in _DOES or call.unknown:
        return
    deeds = sum(_DOES[call.request.name](commit, call.request.user_id) for commit in call.commits)
    expected = {1} if call.succeeded else {0}
    if call.request.name == "update" and (call.succeeded or isinstance(call.outcome, errors.Contention)):
        expected = {0, 1}  # There may be nothing to change; and a change that was made stays.
    if call.request.name == "update" and isinstance(call.outcome, errors.EventNotFound):
        expected = {0, 1}  # Somebody may have deleted the event right after.
    if call.request.name == "register" and isinstance(call.outcome, errors.Contention):
        expected = {0, 1}  # Whoever has joined the queue helps with a promotion, and that may meet others.
    if isinstance(call.outcome, errors.StorageUnavailable):
        return
    if deeds not in expected:
        raise ViolationError(f"{call} was answered {call.outcome!r}, but did it {deeds} times")
    for commit in call.commits:
        _judge_version(call, commit)


def _judge_version(call: Call, commit: Commit) -> None:
    """Look that a change was made to a version that the caller accepts, and to nothing that was not asked for."""
    if not commit.updated or not commit.before.exists:
        return
    given = {_ATTRIBUTES.get(name, name): value for name, value in call.request.given.items()}
    if commit.before.value("version") not in given.get("expected", [commit.before.value("version")]):
        raise ViolationError(f"{call} changed another version than was expected")
    if commit.before.details and commit.after.details:
        names = {"title", "capacity", "status", "hasWaitlist"} - given.keys()
        if any(commit.before.details[name] != commit.after.details[name] for name in names):
            raise ViolationError(f"{call} took back what somebody else had changed")


def _refusal_is_true(call: Call, ledger: Ledger, states: list[State]) -> bool:  # noqa: C901, PLR0911 - one case for each refusal
    request, outcome = call.request, call.outcome
    expected = request.given.get("expected", ())
    match outcome:
        case errors.EventNotFound():
            return any(not state.exists for state in states)
        case errors.UserNotFound():
            return ledger.users.get(request.user_id, call.until + 1) > call.since
        case errors.UserExists():
            return ledger.users.get(request.user_id, call.until + 1) <= call.until
        case errors.RegistrationNotFound():
            return any(request.user_id not in state.people for state in states)
        case errors.EventExists():
            return any(state.exists for state in states)
        case errors.AlreadyRegistered():
            return _is_registration(outcome.registration, call, ledger)
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
        case errors.VersionMismatch():
            return any(state.exists and state.value("version") not in expected for state in states)
    return False


def _answer_is_true(call: Call, ledger: Ledger, states: list[State]) -> bool:  # noqa: PLR0911 - one case for each operation
    request, outcome = call.request, call.outcome
    match request.name:
        case "register" | "get registration":
            mine = [commit for commit in call.commits if request.user_id in commit.came]
            # Whoever joins beside a free seat promotes first, and reads the place after it; else it is known exactly.
            exact = request.name == "register" and mine and not mine[-1].after.waiting_beside_a_seat
            return (outcome.event_id, outcome.user_id) == (request.event_id, request.user_id) and _is_registration(
                outcome, call, ledger, mine[-1].moment if exact else None
            )
        case "update":
            asked = {name: value for name, value in request.given.items() if name != "expected"}
            same = [state for state in states if state.value("version") == outcome.version]
            since = max((commit.moment for commit in call.commits if commit.updated), default=call.since)
            counts = {(s.confirmed, len(s.places)) for s in ledger.between(request.event_id, since, call.until)}
            return (
                any(_is_event(replace(outcome, confirmed=s.confirmed, waitlisted=len(s.places)), [s]) for s in same)
                and (outcome.confirmed, outcome.waitlisted) in counts
                and all(getattr(outcome, name) == asked[name] for name in asked)
            )
        case "get event":
            return _is_event(outcome, states)
        case "create event" | "create user" | "delete event" | "unregister":
            return True
        case "list event":
            return _is_list_of_event(call, ledger, states)
        case "list user":
            return all(
                _is_registration(registration, call, ledger) and registration.event_id == event.event_id
                for registration, event in outcome
            ) and _has_each_once(
                [registration.event_id for registration, _event in outcome],
                (
                    event_id
                    for event_id in ledger.states
                    if all(request.user_id in s.people for s in ledger.between(event_id, call.since, call.until))
                ),
            )
    return _has_each_once([event.event_id for event in outcome], _listed(call, ledger))


def _is_event(event: Event, states: Iterable[State]) -> bool:
    return any(
        state.exists
        and (event.version, event.capacity, event.status, event.has_waitlist, event.confirmed, event.waitlisted)
        == (*map(state.value, ("version",)), state.number("capacity"), *map(state.value, ("status", "hasWaitlist")),
            state.confirmed, len(state.places))
        for state in states
    )  # fmt: skip


def _is_registration(registration: Registration, call: Call, ledger: Ledger, exactly: int | None = None) -> bool:
    """Say whether it was like this at a moment; but for one known exactly, a place may be counted a little late."""
    event_id, user_id = registration.event_id, registration.user_id
    states = ledger.between(event_id, call.since, call.until)
    if registration.status == "confirmed":
        return registration.position is None and any(state.people.get(user_id, 0) is None for state in states)
    numbers = {state.people[user_id] for state in states if state.people.get(user_id) is not None}
    before = ledger.between(event_id, call.since - LAG, call.until)
    if exactly is not None:
        before = ledger.between(event_id, exactly, exactly)
    return any(_may_be(registration.position, number, before) for number in numbers if number is not None)


def _may_be(position: int | None, number: int, states: list[State]) -> bool:
    """Say whether so many may have been counted ahead of a number: those who always were, and any who ever were."""
    ahead = [{seq for seq in state.places if seq < number} for state in states]
    return position is not None and len(set.intersection(*ahead)) < position <= len(set.union(*ahead)) + 1


def _is_list_of_event(call: Call, ledger: Ledger, states: list[State]) -> bool:
    wanted, entries = call.request.given["status"], call.outcome
    waits = [entry for entry in entries if entry.status == "waitlisted"]
    throughout = set.intersection(*({u for u, seq in s.people.items() if _fits(seq, wanted)} for s in states))
    if not all(_is_registration(entry, call, ledger) and wanted in {None, entry.status} for entry in entries):
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


def _listed(call: Call, ledger: Ledger) -> list[str]:
    """Return the events that a list of events must show: the index may miss the last moments."""
    status = call.request.given["status"]
    found = []
    for event_id in ledger.states:
        states = ledger.between(event_id, call.since - LAG, call.until)
        if all(state.exists and status in {None, state.value("status")} for state in states):
            found.append(event_id)
    return found


def _has_each_once(shown: list[str], needed: Iterable[str]) -> bool:
    return len(shown) == len(set(shown)) and set(needed) <= set(shown)
