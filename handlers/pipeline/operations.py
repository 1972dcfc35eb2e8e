"""The last step: call the function of the operation with a validated request, and turn its result into a response."""

import asyncio
import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from anyio import CapacityLimiter, to_thread
from connexion.middleware.abstract import RoutedAPI, RoutedMiddleware
from connexion.operations import AbstractOperation
from starlette.responses import Response
from starlette.routing import Router
from starlette.types import Receive, Scope, Send

from handlers.access.caller import ANYBODY, Caller
from handlers.access.requirements import Requirement
from handlers.contract import Contract, ContractError
from handlers.documents import Document
from handlers.models import Request
from handlers.pipeline.json_text import render
from handlers.pipeline.turns import Turns
from handlers.pipeline.validation import RequestSchema
from storage.errors import DeadlineExceeded

#: Maximum numbers of updates and of deletions of one event that a process makes at a time; registrations have a writer
#: of their own (`writers`). More would only conflict in the store; here they wait in order. A change can last for
#: seconds, so nothing else waits for it, and an update, which stops a deletion, does not wait for deletions.
WRITERS: Final = 4
DELETERS: Final = 1

#: Maximum number of changes to all events at a time. They have threads of their own: reads, and the creation of users
#: and events, never wait for them.
CHANGES: Final = 24


class Callers(Protocol):
    """Finds out who sends a request; `handlers.access.tokens` does it by tokens."""

    async def caller(self, scope: Scope) -> Caller:
        """Return the caller, or refuse the request."""


class _Operation:
    """One operation, prepared as far as it does not depend on a request."""

    def __init__(  # noqa: PLR0913 - an operation, and what all operations share
        self,
        operation: AbstractOperation,
        contract: Contract,
        *,
        callers: Callers | None,
        inline: bool,
        updates: Turns,
        deletions: Turns,
        threads: CapacityLimiter,
    ) -> None:
        definition = contract.operations[operation.operation_id]
        self._function = operation.function
        self._request = RequestSchema(definition, contract)
        _check_signature(definition.operation_id, self._function, self._request)
        self._requirement = Requirement.of(contract, definition)
        self._callers = None if self._requirement.public else callers
        self._takes_caller = "caller" in inspect.signature(self._function).parameters
        self._inline = inline
        # It waits on the event loop, for what others do on threads.
        self._waits = inspect.iscoroutinefunction(self._function)
        # `create_event` makes a new event: no other change has its id.
        self._changes = definition.method != "GET" and definition.operation_id != "create_event"
        self._turns = deletions if definition.method == "DELETE" else updates
        self._threads = threads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        caller = ANYBODY
        if self._callers:
            caller = await self._callers.caller(scope)
            self._requirement.check_role(caller)
        arguments = await self._request.read(scope, receive)
        if self._callers:
            self._requirement.check_person(caller, arguments)
        try:
            result = await self._result(arguments, caller)
        except asyncio.CancelledError:
            # The server ends, and its grace for running requests is over. What was begun may still be done.
            raise DeadlineExceeded from None
        await respond(result)(scope, receive, send)

    async def _result(self, arguments: Mapping[str, Any], caller: Caller) -> Any:
        call = functools.partial(self._function, **arguments)
        if self._takes_caller:
            call = functools.partial(call, caller=caller)
        if self._waits:
            return await call()
        if self._inline:
            return call()
        return await self._run(call, _event_id(arguments) if self._changes else None)

    async def _run(self, call: Callable[[], Any], changed_event: str | None) -> Any:
        """Call the function on a thread; if it changes an event, in turn with other changes to that event."""
        if changed_event is None:
            return await to_thread.run_sync(call)
        async with self._turns.of(changed_event):
            return await to_thread.run_sync(call, limiter=self._threads)


def _check_signature(operation_id: str, function: Callable[..., Any], request: RequestSchema) -> None:
    models = {"parameters": request.parameters, "body": request.body}
    wanted = {name: model for name, model in models.items() if model}
    parameters = inspect.signature(function).parameters.values()
    taken = {
        parameter.name: parameter.annotation
        for parameter in parameters
        if parameter.default is parameter.empty and parameter.name != "caller"
    }
    if taken != wanted:
        raise ContractError(f"{operation_id} takes {_listed(taken)}, and its models are {_listed(wanted)}")


def _listed(models: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}: {getattr(model, '__name__', model)}" for name, model in models.items()) or "nothing"


def _event_id(arguments: Mapping[str, Request]) -> str | None:
    """Return the event's id in the path, or in the body; creating a user has none."""
    return next((it.event_id for it in arguments.values() if hasattr(it, "event_id")), None)


class _OperationsAPI(RoutedAPI[_Operation]):
    def __init__(self, *args: Any, make: Callable[..., _Operation], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._make = make
        self.add_paths()

    def make_operation(self, operation: AbstractOperation) -> _Operation:
        return self._make(operation)


class Operations(RoutedMiddleware[_OperationsAPI]):
    """Calls the function of the operation that a request was routed to.

    The package's docstring gives the reasons not to use connexion's own application.
    """

    def __init__(
        self, contract: Contract, *, inline: bool, threads: CapacityLimiter, callers: Callers | None = None
    ) -> None:
        """Prepare the operations of a contract; with `inline`, call them on the event loop's own thread.

        `threads` limits the changes at a time. Without `callers`, everyone may do everything.
        """
        super().__init__(Router())  # For requests without an operation, which routing has refused already.
        updates, deletions = Turns(WRITERS), Turns(DELETERS)
        make = functools.partial(
            _Operation,
            contract=contract,
            callers=callers,
            inline=inline,
            updates=updates,
            deletions=deletions,
            threads=threads,
        )
        self.api_cls = functools.partial(_OperationsAPI, make=make)


def respond(result: Any) -> Response | Document:
    """Convert the result of a handler to a response; it is a document, a dict, or a tuple with status and headers."""
    if isinstance(result, Response | Document):
        return result
    body, status, headers = (*result, {})[:3] if isinstance(result, tuple) else (result, 200, {})
    if body is None:
        return Response(status_code=status, headers=headers)
    return Response(render(body), status, headers, media_type="application/json")
