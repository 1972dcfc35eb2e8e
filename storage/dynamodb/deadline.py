"""The time that a request has: no call to the store is started, waited for or repeated beyond it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

from storage.errors import Contention

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

#: The moment on `time.monotonic()`'s clock at which the running request must be answered, in seconds.
deadline: ContextVar[float] = ContextVar("deadline", default=float("inf"))

#: A store has so many seconds to take a connection, and then so many to answer, if the request has them.
CONNECT_SECONDS: Final = 1.0
READ_SECONDS: Final = 5.0

#: A call that would have less time to be answered is not made: who gives up a write does not know if it was done.
LEAST_SECONDS: Final = 0.25


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Give what is done inside so many seconds, or what is left if that is less."""
    token = deadline.set(min(deadline.get(), time.monotonic() + seconds))
    try:
        yield
    finally:
        deadline.reset(token)


def last_call() -> float:
    """Return the moment on the clock after which the running request makes no call any more."""
    return deadline.get() - CONNECT_SECONDS - LEAST_SECONDS


def bind(client: "DynamoDBClient") -> None:
    """Hold every call of a client to the deadline of the request that makes it.

    Such a call raises Contention if there is no time for it.
    """
    client.meta.events.register("before-send.dynamodb", _send)
    client.meta.events.register_first("needs-retry.dynamodb", _repeat)


def _send(request: Any, **_event: Any) -> None:
    """Start no call too late, and end it in time; botocore asks before each attempt."""
    left = last_call() - time.monotonic()
    if left < 0:
        raise Contention
    request.context["read_timeout"] = min(READ_SECONDS, LEAST_SECONDS + left)


def _repeat(attempts: int, **_event: Any) -> Any:
    """Forbid a repetition for which there may be no time after botocore's pause; None leaves the choice to botocore."""
    longest_pause = 2 ** (attempts - 1)
    return False if time.monotonic() + longest_pause > last_call() else None
