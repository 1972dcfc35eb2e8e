"""The application: connexion with the contract, the pipeline and the operations, for any kind of server."""

import handlers.spared  # noqa: F401 - it loads connexion

# isort: split
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

from anyio import CapacityLimiter
from connexion import ConnexionMiddleware
from connexion.exceptions import InvalidSpecification, ResolverError
from connexion.operations import AbstractOperation
from connexion.resolver import Resolution, Resolver
from connexion.spec import OpenAPISpecification
from connexion.utils import get_function_from_name
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.types import Message

from handlers.contract import Contract, ContractError
from handlers.documents import Documents
from handlers.pipeline.deadline import RequestDeadline
from handlers.pipeline.headers import ResponseHeaders
from handlers.pipeline.logs import RequestLog
from handlers.pipeline.operations import CHANGES, Callers, Operations
from handlers.pipeline.routing import StrictRouting
from handlers.pipeline.writers import Writers
from handlers.problems import answer
from handlers.settings import Issuer, Settings, SettingsError
from storage.dynamodb.tables import Tables

EXPOSED_HEADERS: Final = ("ETag", "Link", "Location", "Retry-After", "WWW-Authenticate", "X-Request-Id")


def create_app(
    tables: Tables,
    *,
    contract: Contract | None = None,
    cors_origins: Sequence[str] = ("*",),
    inline: bool = False,
    callers: Callers | None = None,
) -> ConnexionMiddleware:
    """Return the application for a contract, with the given tables.

    `callers` finds out who sends a request; without it, everyone may do everything.

    With `inline`, handlers run on the event loop's own thread, which they block: only for a process that serves one
    request at a time.

    Raises:
        ContractError: The contract is not valid, an operationId has no function, or the models are not current.

    """
    contract = contract or Contract()
    threads = CapacityLimiter(CHANGES)
    writers = Writers(tables, None if inline else threads)
    app = ConnexionMiddleware(
        Operations(contract, inline=inline, threads=threads, callers=callers),
        middlewares=[
            partial(RequestLog, operations=contract.operations),
            ResponseHeaders,
            RequestDeadline,
            partial(
                CORSMiddleware,
                allow_origins=cors_origins,
                allow_methods=["GET", "POST", "PUT", "DELETE"],
                allow_headers=["*"],
                expose_headers=EXPOSED_HEADERS,
            ),
            partial(ExceptionMiddleware, handlers={Exception: answer, HTTPException: answer}),
            partial(Documents, contract=contract),
            StrictRouting,
        ],
        resolver=_TagResolver(partial(_bind, tables=tables, writers=writers, contract=contract)),
    )
    try:
        with _trusted(contract):
            app.add_api(contract.for_routing())
            _start(app)
    except InvalidSpecification as error:
        where = "/".join(str(step) for step in error.absolute_path)
        raise ContractError(f"the contract is not valid at {where or 'its top level'}: {error.message}") from error
    except ResolverError as error:
        raise ContractError(f"an operationId of the contract has no function: {error}") from error
    return app


def app_from(
    environ: Mapping[str, str],
    *,
    tables: Tables | None = None,
    inline: bool = False,
    callers: Callers | None = None,
) -> ConnexionMiddleware:
    """Return the application that `environ` configures, with the given tables or those that `environ` names.

    Raises:
        SettingsError: The settings can't be used.
        ContractError: As from `create_app`.

    """
    settings = Settings.of(environ)
    return create_app(
        tables or Tables.connect(environ),
        cors_origins=settings.cors_origins,
        inline=inline,
        callers=callers or (_tokens(settings.issuer) if settings.issuer else None),
    )


def _tokens(issuer: Issuer) -> Callers:
    # An open service has no need of PyJWT and cryptography, and its package does not contain them.
    try:
        from handlers.access.tokens import Tokens  # noqa: PLC0415 - as above
    except ModuleNotFoundError as error:
        if error.name not in {"jwt", "cryptography", "handlers.access.tokens"}:
            raise
        missing = f"JWT_ISSUER is set, and {error.name}, which verifies tokens, is missing"
        raise SettingsError(f"{missing}: install this package with its extra `auth`.") from error
    return Tokens(issuer)


class _TagResolver(Resolver):  # type: ignore[misc] # connexion has no types for it
    """Finds the function of an operation, `handlers.<tag>.<operationId>`; the operation keeps its plain id."""

    def resolve(self, operation: AbstractOperation) -> Resolution:
        return Resolution(super().resolve(operation).function, operation.operation_id)


def _bind(name: str, **bound: Any) -> Callable[..., Any]:
    """Return the function of this name, with those of its parameters bound that are in `bound`."""
    function = get_function_from_name(name)
    wanted = inspect.signature(function).parameters
    return partial(function, **{name: it for name, it in bound.items() if name in wanted})


@contextmanager
def _trusted(contract: Contract) -> Iterator[None]:
    """Skip the validation of a contract from the package, a tenth of a start: the build has done it."""
    schema = OpenAPISpecification.openapi_schema
    if contract.packaged:
        OpenAPISpecification.openapi_schema = {}
    try:
        yield
    finally:
        OpenAPISpecification.openapi_schema = schema


def _start(app: ConnexionMiddleware) -> None:
    """Make connexion build its middlewares now and not in the first request, so that an error stops the start."""

    async def receive() -> Message:
        return {"type": "lifespan.startup" if not sent else "lifespan.shutdown"}

    async def send(message: Message) -> None:
        sent.append(message)

    sent: list[Message] = []
    start = app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, receive, send)
    try:
        # Nothing in it waits: it needs no event loop, and works inside a running one.
        start.send(None)
    except StopIteration:
        return
    raise AssertionError
