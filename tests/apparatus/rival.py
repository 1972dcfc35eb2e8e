"""A rival: somebody who acts between what the code under test has read and what it writes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from storage.dynamodb.tables import Tables


class Rival:
    """Counts the transactions it met and the times it acted."""

    def __init__(self, act: Callable[[], object], times: int) -> None:
        """Act so many times, each before a transaction of somebody else."""
        self.transactions = 0
        self.acted = 0
        self._act = act
        self._times = times
        self._acting = False

    def before_write(self, **_context: Any) -> None:
        """Act, unless it is the rival's own transaction that is about to be sent."""
        if self._acting:
            return
        self.transactions += 1
        if self.acted < self._times:
            self.acted += 1
            self._acting = True
            try:
                self._act()
            finally:
                self._acting = False


def in_turn(*acts: Callable[[], object]) -> Callable[[], object]:
    """Return what does one of several things each time, in order."""
    left = iter(acts)

    def act() -> object:
        return next(left)()

    return act


def nothing() -> None:
    """Let the first of several transactions pass."""


@contextmanager
def rival(tables: Tables, act: Callable[[], object], times: int = 1) -> Iterator[Rival]:
    """Let somebody act just before the next transactions are sent, when all reads for them are done."""
    events = tables.client.meta.events
    other = Rival(act, times)
    events.register("before-call.dynamodb.TransactWriteItems", other.before_write)
    try:
        yield other
    finally:
        events.unregister("before-call.dynamodb.TransactWriteItems", other.before_write)
