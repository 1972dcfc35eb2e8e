"""Concurrent calls on a limited number of threads."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, TypeVar, overload

First = TypeVar("First")
Second = TypeVar("Second")
Outcome = TypeVar("Outcome")


class Threads:
    """Threads that make calls of several callers; each call sees its caller's context, such as the deadline."""

    def __init__(self, count: int) -> None:
        """Take the maximum number of threads."""
        self._executor = ThreadPoolExecutor(count, thread_name_prefix="tables")

    @overload
    def each(self, first: Callable[[], First], second: Callable[[], Second], /) -> tuple[First, Second]: ...

    @overload
    def each(self, *calls: Callable[[], Outcome]) -> tuple[Outcome, ...]: ...

    def each(self, *calls: Callable[[], Any]) -> tuple[Any, ...]:
        """Make independent calls concurrently, the first in the caller's thread, and return their results in order."""
        others = [self._submit(call) for call in calls[1:]]
        return (*(call() for call in calls[:1]), *(other.result() for other in others))

    def _submit(self, call: Callable[[], Outcome]) -> Future[Outcome]:
        return self._executor.submit(copy_context().run, call)
