"""The last step: call the function of the operation with a validated request, and turn its result into a response."""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, Final

from anyio import CapacityLimiter, to_thread
from connexion.middleware.abstract import RoutedAPI, RoutedMiddleware
from connexion.operations import AbstractOperation
from starlette.responses import Response
from starlette.routing import Router
from starlette.types import Receive, Scope, Send

from handlers.contract import ContractError
from handlers.documents import Document
from handlers.pipeline.json_text import render
from handlers.pipeline.turns import Turns
from handlers.pipeline.validation import RequestSchema

#: Maximum number of changes to one event that a process makes at a time. More would only conflict in the store; here
#: they wait in order. A change can last for seconds, so nothing else waits for it.
WRITERS: Final = 4

#: Maximum number of changes to all events at a time. They have threads of their own: reads, and the creation of users
#: and events, never wait for them.
CHANGES: Final = 24


class _Operation:
    """One operation, prepared as far as it does not depend on a request."""

    def __init__(self, operation: AbstractOperation, *, inline: bool, turns: Turns, threads: CapacityLimiter) -> None:
        self._function = operation.function
        self._inline = inline
        # `POST /events` creates an event: an id in its body is a new one.
        self._changes = operation.method != "get" and (operation.method, operation.path) != ("post", "/events")
        self._turns = turns
        self._threads = threads
        self._request = RequestSchema(operation)
        try:
            inspect.signature(self._function).bind(**dict.fromkeys(self._request.arguments))
        except TypeError as error:
            raise ContractError(
                f"{operation.operation_id} does not take the parameters of the contract: {error}"
            ) from error

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        values = await self._request.read(scope, receive)
        call = functools.partial(self._function, **values)
        result = call() if self._inline else await self._run(call, _event_id(values) if self._changes else None)
        await respond(result)(scope, receive, send)

    async def _run(self, call: Callable[[], Any], changed_event: str | None) -> Any:
        """Call the function on a thread; if it changes an event, in turn with other changes to that event."""
        if changed_event is None:
            return await to_thread.run_sync(call)
        async with self._turns.of(changed_event):
            return await to_thread.run_sync(call, limiter=self._threads)


def _event_id(values: Mapping[str, Any]) -> str | None:
    """Return the event's id in the path, or in the body; creating a user has none."""
    event_id: str | None = values.get("event_id") or values.get("body", {}).get("eventId")
    return event_id


class _OperationsAPI(RoutedAPI[_Operation]):
    def __init__(self, *args: Any, inline: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._inline = inline
        self._turns = Turns(WRITERS)
        self._threads = CapacityLimiter(CHANGES)
        self.add_paths()

    def make_operation(self, operation: AbstractOperation) -> _Operation:
        return _Operation(operation, inline=self._inline, turns=self._turns, threads=self._threads)


class Operations(RoutedMiddleware[_OperationsAPI]):
    """Calls the function of the operation that a request was routed to.

    The package's docstring gives the reasons not to use connexion's own application.
    """

    def __init__(self, *, inline: bool) -> None:
        """With `inline`, call the functions on the event loop's own thread."""
        super().__init__(Router())  # For requests without an operation, which routing has refused already.
        self.api_cls = functools.partial(_OperationsAPI, inline=inline)


def respond(result: Any) -> Response | Document:
    """Convert the result of a handler to a response; it is a document, a dict, or a tuple with status and headers."""
    if isinstance(result, Response | Document):
        return result
    body, status, headers = (*result, {})[:3] if isinstance(result, tuple) else (result, 200, {})
    if body is None:
        return Response(status_code=status, headers=headers)
    return Response(render(body), status, headers, media_type="application/json")
