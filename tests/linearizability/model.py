"""The sequential model of one event, and what each answer of the API claims about it.

An operation takes effect, or reads, at one or more *moments* between its invocation and its answer, in order. Its
answer claims the following; an answer that claims anything else is a violation:

- **register**: one moment. 201 confirmed requires an open event, a free seat and an empty queue; 201 waitlisted
  requires a waitlist and no such seat, and shows the true position. If a promotion is still owed at that moment (the
  capacity was raised just before), the answer may show a later moment: the request continues the promotion first. 409
  event-full: open, no waitlist, no free seat. 409 event-closed: closed, with this status. Both require that the user is
  not registered. 404 user-not-found: the user is leaving for good; 201 and 409 require that the user is not. 409
  already-registered shows the registration as *get registration* does; it was not made by a request with the same key.
  If it was, the answer is 201 and shows it as it is now: a position that the person had at this moment, or after it.
- **unregister**: one moment, at which the head of the queue gets the seat of an open event, even if more are free. 404:
  not registered.
- **update**: the moment of the change; then one at which nobody waits beside a free seat of an open event, as a request
  has time for all promotions of these small events; then one which fields and counts of the answer show together. 409
  capacity-below-confirmed: `minimum` people are confirmed.
- **delete user**: three moments. From the first on the user is leaving for good. At the second a registration of theirs
  is taken back, as by *unregister*; at the third, without one, the user is deleted. 204: the user was not deleted at
  the first; another request may have done the rest. 404: the user is deleted. After 503, or without an answer, it took
  effect up to any of the three.
- **get event**: one moment, which fields and counts show together.
- **get registration**: one moment for the status. The position is read after it, while others may leave or be promoted:
  it is one that the person had between that moment and the answer. (On DynamoDB this read is eventually consistent, and
  may be slightly older; ministack's is consistent.)
- **list registrations** and **list queue**, requested while nothing else is under way: exactly the registered people,
  their statuses and positions, the queue in order, and nobody waits beside a free seat. During writes, a list is read
  item by item and claims nothing.
- **503, or no answer**: the operation took effect at one moment since the invocation, or not at all.
- **401 or 403**: the answer to every request of a caller who may not make it, and to no other. It claims nothing about
  the event, and the request never takes effect.

An answer about one registration is about that of the user in question.

Between these moments people may be promoted from the head of the queue to free seats of an open event, in order and in
batches of any size: after the capacity is raised, the service promotes in separate transactions.
"""

import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from tests.linearizability.state import EFFECTS, Call, Name, State, join


@dataclass(frozen=True, slots=True)
class Answer:
    """The status and the JSON body of an answer."""

    status: int
    body: Mapping[str, Any] = field(default_factory=dict)

    @property
    def unknown(self) -> bool:
        """Whether the outcome is unknown."""
        return self.status == 503

    @property
    def problem(self) -> str:
        return str(self.body.get("type", "")).removeprefix("urn:problem-type:events-api:")

    @property
    def user(self) -> str | None:
        """The user whose registration it shows, if it shows one."""
        user: str | None = self.body.get("registration", self.body).get("userId")
        return user


@dataclass(frozen=True, slots=True)
class Moment:
    """One moment of an operation: `after` returns the next state, or None if the answer contradicts the state."""

    after: Callable[[State], State | None]
    reads: bool = False


#: The moment that no state allows; it is not a read, as the operation may have had an effect.
NEVER: Final = Moment(lambda _state: None)


def moments(call: Call, answer: Answer | None) -> tuple[Moment, ...]:
    """Return the moments that an answer claims; without an answer, at most the moment of the effect."""
    if call.refusal is not None:
        refused = answer is None or answer.unknown or answer.status == call.refusal
        return () if refused else _impossible(call, answer)
    if answer is None or answer.unknown:
        return _effects(call)
    if answer.user not in {call.user, None}:
        return _impossible(call, answer)
    return _CLAIMS.get((call.name, answer.status, answer.problem), _impossible)(call, answer)


def _effects(call: Call, _answer: Answer | None = None) -> tuple[Moment, ...]:
    return tuple(Moment(partial(effect, call)) for effect in EFFECTS.get(call.name, ()))


def _reads(*claims: Callable[[State], bool]) -> tuple[Moment, ...]:
    def reading(claim: Callable[[State], bool]) -> Moment:
        return Moment(lambda state: state if claim(state) else None, reads=True)

    return tuple(map(reading, claims))


def _impossible(_call: Call, _answer: Answer | None) -> tuple[Moment, ...]:
    return (NEVER,)


def _repeats(call: Call, state: State) -> bool:
    """Return whether a request with the same key has registered the user."""
    return (call.user, call.key) in state.keys


def _registered(call: Call, answer: Answer) -> tuple[Moment, ...]:
    def admit(state: State) -> State | None:
        if _repeats(call, state) and call.user not in state.leaving:
            status, place = _shown_standing(answer.body)
            now, last = _standing(state, call.user)
            # A person who waits may be promoted before the position is read, and is then shown as the first.
            return state if status == now and (place == last or 1 <= place < last) else None
        after = join(call, state)
        if after is None:
            return None
        status, place = shown = _shown_standing(answer.body)
        later = after.owes and (status == "confirmed" or 1 <= place <= len(after.queue))
        return after if later or shown == _standing(after, call.user) else None

    return (Moment(admit),)


def _updated(call: Call, answer: Answer) -> tuple[Moment, ...]:
    return (*_effects(call), *_reads(lambda state: not state.owes), *_event_shown(call, answer))


def _event_shown(_call: Call, answer: Answer) -> tuple[Moment, ...]:
    return _reads(lambda state: (seen := _fields(state) | _counts(state)) == _part(answer.body, seen))


def _shown(call: Call, registration: Mapping[str, Any]) -> tuple[Moment, ...]:
    status, place = _shown_standing(registration)
    if status == "confirmed":
        return _reads(lambda state: call.user in state.confirmed)
    return _reads(
        lambda state: call.user in state.queue and 1 <= place <= state.queue.index(call.user) + 1,
        lambda state: call.user not in state.queue or state.queue.index(call.user) + 1 <= place,
    )


def _listed(_call: Call, answer: Answer) -> tuple[Moment, ...]:
    listed = {found["userId"]: _shown_standing(found) for found in answer.body["registrations"]}
    return _reads(
        lambda state: (
            not state.owes and listed == {user: _standing(state, user) for user in (*state.confirmed, *state.queue)}
        )
    )


def _queued(_call: Call, answer: Answer) -> tuple[Moment, ...]:
    listed = [(found["userId"], found["waitlistPosition"]) for found in answer.body["registrations"]]
    return _reads(lambda state: not state.owes and listed == list(zip(state.queue, itertools.count(1), strict=False)))


def _standing(state: State, user: str) -> tuple[str, int]:
    return ("confirmed", 0) if user in state.confirmed else ("waitlisted", state.queue.index(user) + 1)


def _shown_standing(registration: Mapping[str, Any]) -> tuple[str, int]:
    return str(registration["status"]), int(registration.get("waitlistPosition", 0))


def _fields(state: State) -> dict[str, Any]:
    return {"capacity": state.capacity, "hasWaitlist": state.has_waitlist, "status": state.status}


def _counts(state: State) -> dict[str, Any]:
    return {"confirmedCount": len(state.confirmed), "waitlistCount": len(state.queue)}


def _part(body: Mapping[str, Any], like: Mapping[str, Any]) -> dict[str, Any]:
    return {name: body.get(name) for name in like}


_CLAIMS: Final[Mapping[tuple[Name, int, str], Callable[[Call, Answer], tuple[Moment, ...]]]] = {
    ("register", 201, ""): _registered,
    ("register", 409, "already-registered"): lambda call, answer: (
        *_reads(lambda state: not _repeats(call, state) and call.user not in state.leaving),
        *_shown(call, answer.body["registration"]),
    ),
    ("register", 409, "event-closed"): lambda call, answer: _reads(
        lambda state: state.may_join(call.user) and not state.open and state.status == answer.body["eventStatus"]
    ),
    ("register", 409, "event-full"): lambda call, _answer: _reads(
        lambda state: state.may_join(call.user) and state.open and not state.free and not state.has_waitlist
    ),
    ("register", 404, "user-not-found"): lambda call, _answer: _reads(lambda state: call.user in state.leaving),
    ("delete user", 204, ""): _effects,
    ("delete user", 404, "user-not-found"): lambda call, _answer: _reads(lambda state: call.user in state.deleted),
    ("unregister", 204, ""): _effects,
    ("unregister", 404, "registration-not-found"): lambda call, _answer: _reads(
        lambda state: not state.knows(call.user)
    ),
    ("update", 200, ""): _updated,
    ("update", 409, "capacity-below-confirmed"): lambda call, answer: _reads(
        lambda state: call.fields.get("capacity", math.inf) < len(state.confirmed) == answer.body["minimum"]
    ),
    ("get event", 200, ""): _event_shown,
    ("get registration", 200, ""): lambda call, answer: _shown(call, answer.body),
    ("get registration", 404, "registration-not-found"): lambda call, _answer: _reads(
        lambda state: not state.knows(call.user)
    ),
    ("list registrations", 200, ""): _listed,
    ("list queue", 200, ""): _queued,
}
