"""The last step: call the function of the operation with a validated request, and turn its result into a response."""

import functools
import inspect
import json
from typing import Any, Final

from anyio import CapacityLimiter, to_thread
from connexion.middleware.abstract import RoutedAPI, RoutedMiddleware
from connexion.operations import AbstractOperation
from starlette.responses import Response
from starlette.routing import Router
from starlette.types import Receive, Scope, Send

from handlers.contract import ContractError
from handlers.pipeline.validation import RequestSchema

#: Maximum number of changes that a process makes at a time. More would not be faster, and changes to the same event
#: would only conflict in the store; here they wait in order.
WRITERS: Final = 4

_JSON: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


class _Operation:
    """One operation, prepared as far as it does not depend on a request."""

    def __init__(self, operation: AbstractOperation, *, inline: bool, writers: CapacityLimiter) -> None:
        self._function = operation.function
        self._inline = inline
        self._limiter = None if operation.method == "get" else writers
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
        result = call() if self._inline else await to_thread.run_sync(call, limiter=self._limiter)
        await respond(result)(scope, receive, send)


class _OperationsAPI(RoutedAPI[_Operation]):
    def __init__(self, *args: Any, inline: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._inline = inline
        self._writers = CapacityLimiter(WRITERS)
        self.add_paths()

    def make_operation(self, operation: AbstractOperation) -> _Operation:
        return _Operation(operation, inline=self._inline, writers=self._writers)


class Operations(RoutedMiddleware[_OperationsAPI]):
    """Calls the function of the operation that a request was routed to.

    The package's docstring gives the reasons not to use connexion's own application.
    """

    def __init__(self, *, inline: bool) -> None:
        """With `inline`, call the functions on the event loop's own thread."""
        super().__init__(Router())  # For requests without an operation, which routing has refused already.
        self.api_cls = functools.partial(_OperationsAPI, inline=inline)


def respond(result: Any) -> Response:
    """Convert the result of a handler to a response; it is a response, a dict, or a tuple with status and headers."""
    if isinstance(result, Response):
        return result
    body, status, headers = (*result, {})[:3] if isinstance(result, tuple) else (result, 200, {})
    if body is None:
        return Response(status_code=status, headers=headers)
    return Response(_JSON.encode(body), status, headers, media_type="application/json")
