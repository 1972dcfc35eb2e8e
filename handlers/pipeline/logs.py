"""The log: one line per request, as JSON or, on a terminal, as text; never bodies, ids or names of people."""

import logging
import sys
import time
import uuid
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final, TextIO
from urllib.parse import quote

from pydantic_core import to_json
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from handlers.contract import Operation

logger = logging.getLogger("handlers.requests")

#: Any other method is a client's own text, and is not logged.
_METHODS: Final = {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"}

#: Switches of the standard library for parts of a record that no line has.
SPARED: Final = ("logThreads", "logMultiprocessing", "logProcesses", "logAsyncioTasks")

#: Id of the running request, for every line that is logged while it runs.
request_id: ContextVar[str | None] = ContextVar("request_id", default=None)

#: Fields of every line that is logged while one invocation of a Lambda runs.
_invocation: ContextVar[Mapping[str, str] | None] = ContextVar("invocation", default=None)


class Invocation:
    """Adds Lambda's own id of an invocation, which its errors and traces have, and the version that runs, to each line.

    A promotion has no id of a request, nor that of the request before it.
    """

    __slots__ = ("_before", "_fields")

    def __init__(self, lambda_request_id: str, lambda_version: str) -> None:
        """Keep the fields that lines have while the context lasts."""
        self._fields = {"lambda_request_id": lambda_request_id, "lambda_version": lambda_version}

    def __enter__(self) -> None:
        """Begin the invocation."""
        self._before = _invocation.set(self._fields), request_id.set(None)

    def __exit__(self, *_error: object) -> None:
        """End the invocation."""
        fields, request = self._before
        request_id.reset(request)
        _invocation.reset(fields)


class RequestLog:
    """Logs every request once it is answered."""

    def __init__(self, app: ASGIApp, operations: Mapping[str, Operation]) -> None:
        """Log the requests of `app`, with the path templates of its operations."""
        self._app = app
        self._operations = operations

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Give the request an id, serve it, and log it even if it fails."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start = time.perf_counter()
        scope["request_id"] = _request_id(scope)
        scope.setdefault("extensions", {})
        request_id.set(scope["request_id"])
        status = 500

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watch)
        finally:
            self._log(scope, status, (time.perf_counter() - start) * 1000)

    def _log(self, scope: Scope, status: int, milliseconds: float) -> None:
        operation = self._operations.get(scope["extensions"].get("connexion_routing", {}).get("operation_id"))
        fields = {
            "method": scope["method"] if scope["method"] in _METHODS else None,
            # Not the path itself: it contains ids, and an id may be an e-mail address.
            "route": operation.path if operation else scope["extensions"].get("document"),
            "status": status,
            "duration_ms": round(milliseconds, 2),
            "error": scope.get("problem"),
        }
        level = logging.ERROR if status >= 500 else logging.INFO  # noqa: PLR2004 - the first status of server errors
        # `logger.log` would also look for the line of code that calls it.
        record = logger.makeRecord(logger.name, level, "", 0, "request", (), None)
        record.__dict__.update(fields=fields, path=scope["path"])
        logger.handle(record)


def _request_id(scope: Scope) -> str:
    """Return API Gateway's id of the request, which the gateway's log and responses contain too, or a new one."""
    event: Mapping[str, Any] = scope.get("aws.event", {})
    return str(event.get("requestContext", {}).get("requestId") or uuid.uuid4())


class JsonFormatter(logging.Formatter):
    """Formats a record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as JSON."""
        line: dict[str, Any] = {
            "timestamp": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname,
            "message": record.getMessage(),
            "request_id": request_id.get(),
            **(_invocation.get() or {}),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return to_json({name: value for name, value in line.items() if value is not None}).decode()


class PlainFormatter(logging.Formatter):
    """Formats a record as one line of text, for people at a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as text."""
        fields = getattr(record, "fields", None)
        if fields:
            # The person at the terminal has sent the request; no other log has its path.
            route = quote(record.__dict__["path"]) if fields["status"] == HTTPStatus.NOT_FOUND else fields["route"]
            text = (
                f"{fields['method'] or '(other)':<6} {route or '(no route)'} {fields['status']}"
                f" {fields['duration_ms']:.1f} ms {fields['error'] or ''}"
            ).rstrip()
        else:
            text = f"{record.levelname.lower()}: {record.getMessage()}"
        traceback = f"\n{self.formatException(record.exc_info)}" if record.exc_info else ""
        return f"{datetime.fromtimestamp(record.created).astimezone():%H:%M:%S} {text}{traceback}"


def silence_libraries() -> None:
    """Let only the service's own loggers write.

    The runtime of Lambda logs whatever reaches the root logger, and mangum logs the path of every request there, with
    the ids in it.
    """
    logging.getLogger().setLevel(logging.CRITICAL + 1)


def spare_records() -> None:
    """Keep the thread, the process and the task out of records, as no line has them; it saves a fiftieth of a 422."""
    for name in SPARED:
        setattr(logging, name, False)


def configure(stream: TextIO | None = None) -> None:
    """Send the service's log to a stream (default: standard output), as text to a terminal and as JSON elsewhere."""
    stream = stream or sys.stdout
    handler = logging.StreamHandler(stream)
    handler.setFormatter(PlainFormatter() if stream.isatty() else JsonFormatter())
    for name in ("handlers", "storage"):
        package = logging.getLogger(name)
        package.handlers = [handler]
        package.setLevel(logging.INFO)
        package.propagate = False
