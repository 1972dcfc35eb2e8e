"""A rival: another client that acts between the reads and the write of the code under test."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from storage.dynamodb.tables import Tables
from tests.apparatus.hooks import hooked


class Rival:
    """Acts before transactions of the code under test, and counts them and its acts."""

    def __init__(self, act: Callable[[], object], times: int) -> None:
        """Act before each of the first `times` transactions."""
        self.transactions = 0
        self.acted = 0
        self._act = act
        self._times = times
        self._acting = False

    def before_write(self, **_context: Any) -> None:
        """Act, unless the transaction about to be sent is the rival's own."""
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
    """Return an act that does the next of several acts each time."""
    left = iter(acts)

    def act() -> object:
        return next(left)()

    return act


def nothing() -> None:
    """Let a transaction pass; an act for `in_turn`."""


@contextmanager
def before_call(tables: Tables, call: str, number: int, act: Callable[[], object]) -> Iterator[None]:
    """Act once, just before a call such as `Query` is sent for the `number`th time, from 1."""
    numbers = itertools.count(1)

    def before(**_context: Any) -> None:
        if next(numbers) == number:
            act()

    with hooked(tables, f"before-call.dynamodb.{call}", before):
        yield


@contextmanager
def rival(tables: Tables, act: Callable[[], object], times: int = 1) -> Iterator[Rival]:
    """Act just before each of the next transactions is sent, when all reads for it are done."""
    other = Rival(act, times)
    with hooked(tables, "before-call.dynamodb.TransactWriteItems", other.before_write):
        yield other
