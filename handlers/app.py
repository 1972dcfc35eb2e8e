"""The application: contract, operations and problems, put together for any kind of server."""

import functools
import inspect
import json
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import Any, Final

from connexion import AsyncApp
from connexion.exceptions import InvalidSpecification, ProblemException, ResolverError
from connexion.middleware.context import ContextMiddleware
from connexion.middleware.exceptions import ExceptionMiddleware
from connexion.resolver import Resolver
from connexion.utils import get_function_from_name
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import Message

from handlers import problems
from handlers.contract import Contract, ContractError
from handlers.logs import RequestLog
from handlers.response_check import ResponseCheck
from handlers.routing import StrictRouting
from handlers.settings import Settings
from handlers.validation import RequestValidation
from storage.tables import Tables

Handler = Callable[..., Coroutine[Any, Any, Response]]

EXPOSED_HEADERS: Final = ("ETag", "Link", "Location", "Retry-After")


def create_app(
    store: Tables,
    *,
    contract: Contract | None = None,
    cors_origins: Sequence[str] = ("*",),
    inline: bool = False,
    check_responses: bool = False,
) -> AsyncApp:
    """Return the application of a contract on a store.

    `inline` calls the handlers, which block on the store, on the event loop's own thread: right where a process
    serves one request at a time. `check_responses` holds every response against the contract.

    Raises:
        ContractError: The contract is wrong, or names an operation that has no function.

    """
    contract = contract or Contract()
    app = AsyncApp(
        __name__,
        middlewares=[
            partial(RequestLog, operations=contract.operations),
            partial(
                CORSMiddleware,
                allow_origins=cors_origins,
                allow_methods=["GET", "POST", "PUT", "DELETE"],
                allow_headers=["*"],
                expose_headers=EXPOSED_HEADERS,
            ),
            *([partial(ResponseCheck, contract=contract)] if check_responses else []),
            ExceptionMiddleware,
            StrictRouting,
            RequestValidation,
            ContextMiddleware,
        ],
        pythonic_params=True,
        resolver=Resolver(partial(_bind, store=store, contract=contract, inline=inline)),
    )
    for kind in (Exception, HTTPException, ProblemException):
        app.add_error_handler(kind, problems.answer)
    try:
        app.add_api(contract.for_routing())
        _start(app)
    except InvalidSpecification as error:
        where = "/".join(str(step) for step in error.absolute_path)
        raise ContractError(f"the contract is wrong at {where or 'its top'}: {error.message}") from error
    except ResolverError as error:
        raise ContractError(f"the contract names an operation that has no function: {error}") from error
    return app


def app_from(environ: Mapping[str, str], *, store: Tables | None = None, inline: bool = False) -> AsyncApp:
    """Return the application that the environment describes, on the tables that it names or on another store."""
    settings = Settings.of(environ)
    return create_app(
        store or Tables.connect(environ),
        cors_origins=settings.cors_origins,
        inline=inline,
        check_responses=settings.check_responses,
    )


def _bind(operation_id: str, *, store: Tables, contract: Contract, inline: bool) -> Handler:
    """Return the function that an operationId names, bound to what it asks for, as a coroutine function."""
    function = get_function_from_name(operation_id)
    wanted = inspect.signature(function).parameters
    bound = {name: value for name, value in (("store", store), ("contract", contract)) if name in wanted}

    @functools.wraps(function)
    async def handle(**values: Any) -> Response:
        if inline:
            return _respond(function(**values, **bound))
        return _respond(await run_in_threadpool(function, **values, **bound))

    return handle


def _respond(result: Any) -> Response:
    """Return the response of what a handler returned: a response, a dict, or a tuple with status and headers.

    connexion would guess the content type from all that the operation may answer (spec-first/connexion#1956), and
    give one to 204 as well.
    """
    if isinstance(result, Response):
        return result
    body, status, headers = (*result, {})[:3] if isinstance(result, tuple) else (result, 200, {})
    if body is None:
        return Response(status_code=status, headers=headers)
    content = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return Response(content, status, headers, media_type="application/json")


def _start(app: AsyncApp) -> None:
    """Make connexion build its middlewares now, not in the first request, so that a wrong contract stops the start."""

    async def receive() -> Message:
        return {"type": "lifespan.startup" if not sent else "lifespan.shutdown"}

    async def send(message: Message) -> None:
        sent.append(message)

    sent: list[Message] = []
    start = app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, receive, send)
    try:
        # Nothing in it waits, so that no event loop is needed, and a running one is no hindrance.
        start.send(None)
    except StopIteration:
        return
    raise AssertionError
