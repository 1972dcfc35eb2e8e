"""The deadline of a request: no call to the store is started, waited for or retried beyond it."""

import time
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

from storage.errors import DeadlineExceeded

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

#: Monotonic time by which this request must be answered, in seconds.
deadline: ContextVar[float] = ContextVar("deadline", default=float("inf"))

#: Timeouts of a call for connecting and for each read, unless the request has less time.
CONNECT_SECONDS: Final = 1.0
READ_SECONDS: Final = 5.0

#: Minimum read timeout. A call with less time left is not made: after a timeout, the outcome of a write is unknown.
MIN_READ_SECONDS: Final = 0.25


class _Deadline:
    """A block with a deadline of its own; a generator for it would take a hundredth of the CPU of a short request."""

    __slots__ = ("_before", "_moment")

    def __init__(self, moment: float) -> None:
        self._moment = moment

    def __enter__(self) -> None:
        self._before = deadline.set(self._moment)

    def __exit__(self, *_error: object) -> None:
        deadline.reset(self._before)


def within(seconds: float) -> _Deadline:
    """Limit the block to `seconds`, or to the request's remaining time if shorter."""
    return _Deadline(min(deadline.get(), time.monotonic() + seconds))


def answered_by(moment: float) -> _Deadline:
    """Give the block this deadline, in place of any other."""
    return _Deadline(moment)


def reserving(seconds: float) -> _Deadline:
    """Keep the last `seconds` of the request for what follows the block."""
    return _Deadline(deadline.get() - seconds)


def last_call() -> float:
    """Return the latest monotonic time at which this request may start a call."""
    return deadline.get() - CONNECT_SECONDS - MIN_READ_SECONDS


def time_left() -> float:
    """Return the time in which this request may still start a call, in seconds."""
    return last_call() - time.monotonic()


def bind(client: "DynamoDBClient") -> None:
    """Apply the deadline to every call of a client; a call without enough time raises DeadlineExceeded."""
    client.meta.events.register("before-send.dynamodb", _send)
    client.meta.events.register_first("needs-retry.dynamodb", _retry)


def _send(request: Any, **_event: Any) -> None:
    """Refuse a call that starts too late, and limit its read timeout; botocore emits this event before each attempt."""
    left = time_left()
    if left < 0:
        raise DeadlineExceeded
    request.context["read_timeout"] = min(READ_SECONDS, MIN_READ_SECONDS + left)


def _retry(attempts: int, **_event: Any) -> Any:
    """Forbid a retry that may start too late after botocore's pause; None leaves the decision to botocore."""
    longest_pause = 2 ** (attempts - 1)
    return False if time.monotonic() + longest_pause > last_call() else None
