"""Checks a concurrent history against the model: in some order of all moments, every answer must be true.

The search is that of Wing and Gong (1993) with Lowe's memory of the configurations met (2017), as in Knossos and
Porcupine, which do not exist for Python. A moment can come next if its operation was invoked before every unfinished
one was answered. Operations without an answer never have to come, and can come at any time.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from tests.linearizability.model import Answer, Call, Moment, State, moments, promote

#: More configurations than this are not looked at: the history is too wide to be judged.
LIMIT: Final = 200_000


class TooWideError(Exception):
    """A history allows more orders than can be looked at."""


@dataclass(frozen=True, slots=True)
class Operation:
    """What a client asked and was answered, with the times of both in nanoseconds on one clock."""

    client: int
    call: Call
    invoked: float
    answered: float = math.inf
    answer: Answer | None = None

    @property
    def known(self) -> bool:
        """Whether the outcome is known."""
        return self.answer is not None and not self.answer.unknown


History = Sequence[Operation]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a history can be explained; `visited` configurations were looked at, `last` came nearest to the end."""

    explained: bool
    visited: int
    last: State


def check(initial: State, history: History) -> Verdict:
    """Look for an order of all moments in which every answer is true.

    Raises:
        TooWideError: The history allows too many.

    """
    return _Search(history).run(initial)


class _Search:
    """The search in one history. A configuration is the number of moments that each operation is through, and a state.

    A moment that only reads and is true now is taken at once: what it waits for can only be in the way. Of requests
    that are the same and have no answer, the first comes first.
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
        start = (0,) * len(self._operations)
        stack, seen, furthest = [(start, initial)], {(start, initial)}, (-1, initial)
        while stack:
            if len(seen) > LIMIT:
                raise TooWideError
            done, state = stack.pop()
            furthest = max(furthest, (sum(done), state), key=lambda reached: reached[0])
            if self._complete(done):
                return Verdict(explained=True, visited=len(seen), last=state)
            for configuration in self._next(done, state):
                if configuration not in seen:
                    seen.add(configuration)
                    stack.append(configuration)
        return Verdict(explained=False, visited=len(seen), last=furthest[1])

    def _complete(self, done: tuple[int, ...]) -> bool:
        return all(
            passed == len(claimed) or not operation.known
            for passed, claimed, operation in zip(done, self._moments, self._operations, strict=True)
        )

    def _next(self, done: tuple[int, ...], state: State) -> list[tuple[tuple[int, ...], State]]:
        found = []
        for number, moment in self._candidates(done):
            after = moment.after(state)
            if after is not None:
                advanced = ((*done[:number], done[number] + 1, *done[number + 1 :]), after)
                if moment.reads:
                    return [advanced]
                found.append(advanced)
        # The first found is to be looked at first, and a promotion last.
        return ([(done, promote(state))] if state.owes else []) + found[::-1]

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


def smallest(initial: State, history: History) -> History:
    """Return the smallest part of a history that can be found which can't be explained either.

    Answers that came later than the first that can't be explained are forgotten, then operations that only read are
    left out, then more answers forgotten, one by one. All of that only makes it easier to explain the rest.
    """
    ends = sorted(operation.answered for operation in history if operation.known)
    first, last = 0, len(ends) - 1
    while first < last:
        middle = (first + last) // 2
        if check(initial, _until(history, ends[middle])).explained:
            first = middle + 1
        else:
            last = middle
    left = _until(history, ends[first])
    for lessen in (_without, _forgetting):
        for operation in left:
            other = lessen(left, operation)
            if not check(initial, other).explained:
                left = other
    return left


def _until(history: History, end: float) -> History:
    """Return the history as it was known at that time."""
    return [
        operation if operation.answered <= end else replace(operation, answered=math.inf, answer=None)
        for operation in history
        if operation.invoked <= end
    ]


def _without(history: History, operation: Operation) -> History:
    """Leave out an operation that changed nothing."""
    changes = any(not moment.reads for moment in moments(operation.call, operation.answer))
    return [other for other in history if changes or other is not operation]


def _forgetting(history: History, operation: Operation) -> History:
    forgotten = replace(operation, answered=math.inf, answer=None)
    return [forgotten if other is operation else other for other in history]
