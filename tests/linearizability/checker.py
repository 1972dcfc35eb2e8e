"""Linearizability checker: searches an order of all moments of a history in which the model gives every answer.

The algorithm is that of Wing and Gong (1993) with Lowe's cache of visited configurations (2017), as in Knossos and
Porcupine, which do not exist for Python. A moment can be next if its operation was invoked before any unfinished
operation was answered. An operation without an answer may take effect at any time after its invocation, or never. If
it is known what was told of each user, every moment must do what was told next, and in the end nothing is left.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from storage.model import RegistrationStatus
from storage.notifications import KINDS
from tests.linearizability.model import NEVER, Answer, Moment, moments
from tests.linearizability.state import Call, State, promote

#: Maximum number of configurations to visit; a history that needs more is too wide to be checked.
LIMIT: Final = 200_000


class TooWideError(Exception):
    """A history allows more orders than the checker visits."""


@dataclass(frozen=True, slots=True)
class Operation:
    """A request and its answer, with the times of both in nanoseconds on one clock."""

    client: int
    call: Call
    invoked: float
    answered: float = math.inf
    answer: Answer | None = None

    @property
    def known(self) -> bool:
        """Whether the outcome is known."""
        return self.answer is not None and not self.answer.unknown

    @property
    def impossible(self) -> bool:
        """Whether no state of the event explains the answer."""
        return NEVER in moments(self.call, self.answer)


History = Sequence[Operation]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a history is linearizable; `visited` counts configurations, `last` is the state furthest on."""

    explained: bool
    visited: int
    last: State


def check(initial: State, history: History) -> Verdict:
    """Search an order of all moments in which every answer is true.

    Raises:
        TooWideError: The search exceeds `LIMIT` configurations.

    """
    return _Search(history).run(initial)


class _Search:
    """The search in one history. A configuration is the number of moments done of each operation, and a state.

    A moment that only reads and is true now is done at once: postponing it can't help. Identical requests without an
    answer are done in the order of their invocations. None without an answer is begun by changing nothing: what it
    would change later, in a deletion that has begun, the request that began the deletion can change as well.
    """

    def __init__(self, history: History) -> None:
        self._operations = sorted(history, key=lambda operation: operation.invoked)
        self._moments = [moments(operation.call, operation.answer) for operation in self._operations]
        self._same_before = [self._last_same(number) for number in range(len(self._operations))]

    def _last_same(self, number: int) -> int | None:
        operation, before = self._operations[number], range(number - 1, -1, -1)
        unknown = (other for other in before if not (operation.known or self._operations[other].known))
        return next((other for other in unknown if self._operations[other].call == operation.call), None)

    def run(self, initial: State) -> Verdict:
        if any(NEVER in claimed for claimed in self._moments):
            return Verdict(explained=False, visited=0, last=initial)
        start = (0,) * len(self._operations)
        stack, seen, furthest = [(start, initial)], {(start, initial)}, (-1, initial)
        while stack:
            if len(seen) > LIMIT:
                raise TooWideError
            done, state = stack.pop()
            furthest = max(furthest, (sum(done), state), key=lambda reached: reached[0])
            if self._complete(done, state):
                return Verdict(explained=True, visited=len(seen), last=state)
            for configuration in self._next(done, state):
                if configuration not in seen:
                    seen.add(configuration)
                    stack.append(configuration)
        return Verdict(explained=False, visited=len(seen), last=furthest[1])

    def _complete(self, done: tuple[int, ...], state: State) -> bool:
        return not state.untold and all(
            passed == len(claimed) or not operation.known
            for passed, claimed, operation in zip(done, self._moments, self._operations, strict=True)
        )

    def _next(self, done: tuple[int, ...], state: State) -> list[tuple[tuple[int, ...], State]]:
        found = []
        for number, moment in self._candidates(done):
            after = _tell(state, moment.after(state))
            is_idle = after == state and not (done[number] or self._operations[number].known)
            if after is not None and not is_idle:
                advanced = ((*done[:number], done[number] + 1, *done[number + 1 :]), after)
                if moment.reads:
                    return [advanced]
                found.append(advanced)
        # The end of the list is visited first: candidates in their order, a promotion last.
        promoted = _tell(state, promote(state)) if state.owes else None
        return ([(done, promoted)] if promoted else []) + found[::-1]

    def _candidates(self, done: tuple[int, ...]) -> Iterator[tuple[int, Moment]]:
        unfinished = [
            (number, operation)
            for number, operation in enumerate(self._operations)
            if done[number] < len(self._moments[number])
        ]
        until = min((operation.answered for _, operation in unfinished if operation.known), default=math.inf)
        for number, operation in unfinished:
            if operation.invoked > until:
                return
            before = self._same_before[number]
            if before is None or done[before]:
                yield number, self._moments[number][done[number]]


def _tell(before: State, after: State | None) -> State | None:
    """Return the state after a moment without what it tells, or None if something else was told."""
    if after is None or after is before or before.untold is None:
        return after
    left = dict(before.untold)
    for user in (before.confirmed ^ after.confirmed) | (set(before.queue) ^ set(after.queue)):
        told = left.pop(user, ())
        if told[:1] != (KINDS[_status(before, user), _status(after, user)],):
            return None
        if told[1:]:
            left[user] = told[1:]
    return replace(after, untold=frozenset(left.items()))


def _status(state: State, user: str) -> RegistrationStatus | None:
    return "confirmed" if user in state.confirmed else "waitlisted" if user in state.queue else None


def smallest(initial: State, history: History) -> History:
    """Return a minimal part of a history that is not linearizable either.

    An answer that is impossible in every state is shown alone. Otherwise, answers later than the first inexplicable one
    are dropped, then operations that only read, then further answers, one by one. Each step only makes the rest easier
    to explain, and is not made if the rest becomes too wide to be checked.
    """
    impossible = [operation for operation in history if operation.impossible]
    if impossible:
        return impossible[:1]
    ends = sorted(operation.answered for operation in history if operation.known)
    first, last = 0, len(ends) - 1
    while first < last:
        middle = (first + last) // 2
        if _inexplicable(initial, _until(history, ends[middle])):
            last = middle
        else:
            first = middle + 1
    left = _until(history, ends[first])
    for reduce in (_without, _without_answer):
        for operation in left:
            other = reduce(left, operation)
            if _inexplicable(initial, other):
                left = other
    return left


def _inexplicable(initial: State, history: History) -> bool:
    """Return whether it is certain that a history is not linearizable."""
    with suppress(TooWideError):
        return not check(initial, history).explained
    return False


def _until(history: History, end: float) -> History:
    """Return the history as known at a time."""
    return [
        operation if operation.answered <= end else replace(operation, answered=math.inf, answer=None)
        for operation in history
        if operation.invoked <= end
    ]


def _without(history: History, operation: Operation) -> History:
    """Drop an operation, if it changed nothing."""
    changes = any(not moment.reads for moment in moments(operation.call, operation.answer))
    return [other for other in history if changes or other is not operation]


def _without_answer(history: History, operation: Operation) -> History:
    unanswered = replace(operation, answered=math.inf, answer=None)
    return [unanswered if other is operation else other for other in history]
