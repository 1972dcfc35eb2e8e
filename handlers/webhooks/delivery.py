"""One attempt to deliver a notification: signed as Standard Webhooks, posted once, and what the answer means."""

import io
import json
import random
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum, auto
from functools import cache
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPMessage
from socket import socket
from typing import Any, Final

from standardwebhooks.webhooks import Webhook

from handlers.models.answers import RegistrationNotification
from handlers.webhooks.addresses import InsideError, connected
from handlers.webhooks.endpoint import Endpoint

CONTENT_TYPE: Final = "application/cloudevents+json; charset=utf-8"

#: Time for an attempt, from the connection to the head of the answer; only looking up the name is not part of it.
ATTEMPT_SECONDS: Final = 15.0

#: Bytes of an answer that are read at most: its head. Its body is never read.
MAX_BYTES: Final = 65_536

#: The longest wait that a receiver can ask for, in seconds.
MAX_RETRY_AFTER: Final = 3600.0

_LATER: Final = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}


class Verdict(Enum):
    """What an attempt means for the notification."""

    DELIVERED = auto()
    #: The receiver is down or busy: the same again later.
    LATER = auto()
    #: The receiver will never take this one, or its address is refused.
    REFUSED = auto()
    #: The receiver wants nothing more, as Standard Webhooks has it for 410.
    GONE = auto()


@dataclass(frozen=True, slots=True)
class Outcome:
    """The verdict, the reason in words, and after how many seconds the receiver wants to be asked again."""

    verdict: Verdict
    reason: str
    after: float | None = None


def deliver(endpoint: Endpoint, notification: RegistrationNotification, seconds: float = ATTEMPT_SECONDS) -> Outcome:
    """Post a notification once; no redirect is followed, and no failure is raised."""
    body = json.dumps(notification, ensure_ascii=False, separators=(",", ":"))
    headers = {
        "Content-Type": CONTENT_TYPE,
        "User-Agent": "events-api",
        "Connection": "close",
        **signed(endpoint, notification["id"], body, datetime.now(UTC)),
    }
    try:
        status, answer = _post(endpoint, body.encode(), headers, time.monotonic() + seconds)
    except InsideError as error:
        return Outcome(Verdict.REFUSED, f"refused to connect: {error}")
    except (OSError, HTTPException, UnicodeError) as error:  # A name that is too long is a UnicodeError.
        return Outcome(Verdict.LATER, f"no answer: {type(error).__name__}: {error}"[:200])
    return _outcome(status, answer)


def wait_seconds(attempt: int, outcome: Outcome, first: float, longest: float) -> float:
    """Return how long to wait after an attempt: exponential, with jitter, and not less than the receiver asks for.

    `first` is the wait after the first attempt, in seconds; it doubles with each further one, up to `longest`.
    """
    nominal = min(first * 2.0 ** min(attempt - 1, 20), longest)
    jitter = random.uniform(0.75, 1.25)  # noqa: S311 - no secret
    return max(nominal * jitter, outcome.after or 0.0)


def signed(endpoint: Endpoint, message_id: str, body: str, now: datetime) -> dict[str, str]:
    """Return the headers of Standard Webhooks, with one signature for each secret."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(Webhook(secret).sign(message_id, now, body) for secret in endpoint.secrets),
    }


def _outcome(status: int, answer: HTTPMessage) -> Outcome:
    reason = f"answered {status}"
    if status // 100 == 2:  # noqa: PLR2004 - success
        return Outcome(Verdict.DELIVERED, reason)
    if status == HTTPStatus.GONE:
        return Outcome(Verdict.GONE, reason)
    if status in _LATER or not 300 <= status < 500:  # noqa: PLR2004 - neither a redirect nor the sender's fault
        return Outcome(Verdict.LATER, reason, retry_after(answer.get("Retry-After"), datetime.now(UTC)))
    return Outcome(Verdict.REFUSED, reason)


def retry_after(text: str | None, now: datetime) -> float | None:
    """Return the seconds in a header `Retry-After`, which has them or a date (RFC 9110, 10.2.3), up to an hour."""
    text = (text or "").strip()
    if text.isascii() and text.isdecimal():
        return min(float(text), MAX_RETRY_AFTER)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    seconds = (moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds()
    return min(max(0.0, seconds), MAX_RETRY_AFTER)


def _post(endpoint: Endpoint, body: bytes, headers: Mapping[str, str], end: float) -> tuple[int, HTTPMessage]:
    """Return status and headers of the answer to a request that ends at a monotonic time."""
    with (
        connected(endpoint.host, endpoint.port, end, inside=endpoint.inside) as plain,
        _secured(plain, endpoint, end) as wire,
    ):
        connection = HTTPConnection(endpoint.host, endpoint.port, timeout=None)
        connection.sock = _Wire(wire, end)
        connection.request("POST", endpoint.target, body, dict(headers))
        with connection.getresponse() as response:
            return response.status, response.headers


def _secured(plain: socket, endpoint: Endpoint, end: float) -> socket:
    """Return a connection over TLS, verified for the host's name, or the same one for http."""
    if not endpoint.tls:
        return plain
    plain.settimeout(_left(end))
    return tls_context().wrap_socket(plain, server_hostname=endpoint.host)


@cache
def tls_context() -> ssl.SSLContext:
    """Return the settings of TLS: certificates are verified by the authorities of the system."""
    return ssl.create_default_context()


def _left(end: float) -> float:
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError("the time for an attempt is over")
    return left


class _Wire:
    """What http.client needs of a socket. Reading ends in time, and after a number of bytes."""

    def __init__(self, wire: socket, end: float) -> None:
        self._wire, self._end = wire, end

    def sendall(self, content: bytes) -> None:
        self._wire.settimeout(_left(self._end))
        self._wire.sendall(content)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Answer(self._wire, self._end))

    def close(self) -> None:
        """Do nothing: the connection is closed by those who opened it."""


class _Answer(io.RawIOBase):
    def __init__(self, wire: socket, end: float) -> None:
        self._wire, self._end, self._room = wire, end, MAX_BYTES

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._wire.settimeout(_left(self._end))
        count = self._wire.recv_into(buffer, min(len(buffer), self._room))
        self._room -= count
        return count
