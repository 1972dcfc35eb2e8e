"""The peer on FastAPI: its operations, as `def` or as `async def`, and the entry point for Lambda."""

import functools
import os
from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from urllib.parse import urlencode

from botocore.exceptions import BotoCoreError, ClientError
from fastapi import Depends, FastAPI, Header, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse
from mangum import Mangum
from starlette.exceptions import HTTPException

from . import events, models, registrations, users
from .problems import MEDIA_TYPE, Problem, invalid_request, storage_unavailable

EventId = Annotated[models.Id, Path(alias="eventId")]
UserId = Annotated[models.Id, Path(alias="userId")]
IfMatch = Annotated[str | None, Header()]


def get_api_info() -> Any:
    links = {"docs": "docs", "openapi": "openapi.json", "health": "health"}
    return {"name": "Events API", "version": "0.2.0", "links": links}


def get_health() -> Any:
    users.ping()
    return {"status": "healthy"}


def list_events(query: Annotated[models.EventQuery, Query()], response: Response) -> Any:
    asked = query.model_dump(by_alias=True, exclude_none=True)
    page = events.page(asked)
    if "nextCursor" in page:
        response.headers["Link"] = f'<?{urlencode({**asked, "cursor": page["nextCursor"]})}>; rel="next"'
    return page


def create_event(body: models.EventInput, response: Response) -> Any:
    event, version = events.create(body.model_dump(by_alias=True, exclude_none=True))
    response.headers["Location"] = f"events/{event['eventId']}"
    response.headers["ETag"] = f'"{version}"'
    return event


def get_event(event_id: EventId, response: Response) -> Any:
    event, version = events.get(event_id)
    response.headers["ETag"] = f'"{version}"'
    return event


def update_event(event_id: EventId, body: models.EventUpdate, response: Response, if_match: IfMatch = None) -> Any:
    event, version = events.update(event_id, body.model_dump(by_alias=True, exclude_unset=True), if_match)
    response.headers["ETag"] = f'"{version}"'
    return event


def delete_event(event_id: EventId, if_match: IfMatch = None) -> None:
    events.delete(event_id, if_match)


def list_event_registrations(event_id: EventId, query: Annotated[models.RegistrationQuery, Query()]) -> Any:
    return registrations.page_of_event(event_id, query.model_dump(exclude_none=True))


def register_user(event_id: EventId, body: models.EventRegistrationInput, response: Response) -> Any:
    registration = registrations.register(event_id, body.user_id)
    response.headers["Location"] = f"registrations/{body.user_id}"
    return registration


def get_registration(event_id: EventId, user_id: UserId) -> Any:
    return registrations.get(event_id, user_id)


def unregister_user(event_id: EventId, user_id: UserId) -> None:
    registrations.unregister(event_id, user_id)


def create_registration(body: models.RegistrationInput, response: Response) -> Any:
    response.headers["Location"] = f"events/{body.event_id}/registrations/{body.user_id}"
    return registrations.register(body.event_id, body.user_id)


def create_user(body: models.UserInput, response: Response) -> Any:
    user = users.create(body.model_dump(by_alias=True, exclude_none=True))
    response.headers["Location"] = f"users/{user['userId']}"
    return user


def get_user(user_id: UserId) -> Any:
    return users.get(user_id)


def list_user_registrations(user_id: UserId, query: Annotated[models.PageQuery, Query()]) -> Any:
    return registrations.page_of_user(user_id, query.model_dump(exclude_none=True))


#: Method, path, operation, status, model of the response.
_ROUTES: tuple[tuple[str, str, Callable[..., Any], int, Any], ...] = (
    ("GET", "/", get_api_info, 200, models.ApiInfo),
    ("GET", "/health", get_health, 200, models.Health),
    ("GET", "/events", list_events, 200, models.EventPage),
    ("POST", "/events", create_event, 201, models.Event),
    ("GET", "/events/{eventId}", get_event, 200, models.Event),
    ("PUT", "/events/{eventId}", update_event, 200, models.Event),
    ("DELETE", "/events/{eventId}", delete_event, 204, None),
    ("GET", "/events/{eventId}/registrations", list_event_registrations, 200, models.RegistrationPage),
    ("POST", "/events/{eventId}/registrations", register_user, 201, models.Registration),
    ("GET", "/events/{eventId}/registrations/{userId}", get_registration, 200, models.Registration),
    ("DELETE", "/events/{eventId}/registrations/{userId}", unregister_user, 204, None),
    ("POST", "/registrations", create_registration, 201, models.Registration),
    ("DELETE", "/registrations/{userId}/{eventId}", unregister_user, 204, None),
    ("POST", "/users", create_user, 201, models.User),
    ("GET", "/users/{userId}", get_user, 200, models.User),
    ("GET", "/users/{userId}/registrations", list_user_registrations, 200, models.UserRegistrationPage),
)


_PUBLIC = {get_api_info, get_health, list_events, get_event}


def _token() -> list[Any]:
    """Return what a route depends on: a token, if there is an issuer."""
    if "JWT_ISSUER" not in os.environ:
        return []
    from .tokens import claims  # noqa: PLC0415 - the package of an open service has no PyJWT

    return [Depends(claims)]


def as_coroutine(operation: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
    """Return an operation as if it were written `async def`; it blocks the event loop while it waits for DynamoDB."""

    @functools.wraps(operation)
    async def coroutine(**arguments: Any) -> Any:
        return operation(**arguments)

    return coroutine


def create_app(written: Callable[[Callable[..., Any]], Callable[..., Any]]) -> FastAPI:
    """Return the application, with each operation as `written` returns it."""
    app = FastAPI(title="Events API")
    app.add_middleware(CORSMiddleware, allow_origins=["*"], allow_methods=["*"], allow_headers=["*"])
    for method, path, operation, status, model in _ROUTES:
        needed = [] if operation in _PUBLIC else _token()
        app.add_api_route(
            path,
            written(operation),
            methods=[method],
            status_code=status,
            response_model=model,
            dependencies=needed,
        )
    for error, answer in _ANSWERS.items():
        app.add_exception_handler(error, answer)
    return app


def lambda_handler(app: FastAPI) -> Mangum:
    """Return the application's entry point for Lambda."""
    return Mangum(
        app,
        lifespan="off",
        api_gateway_base_path=f"/{os.environ.get('STAGE', '')}",
        text_mime_types=["application/json", MEDIA_TYPE, "text/"],
    )


async def _problem(_request: Request, problem: Any) -> JSONResponse:
    return JSONResponse(problem.document, problem.status, media_type=MEDIA_TYPE)


async def _http_exception(request: Request, error: Any) -> JSONResponse:
    return await _problem(request, Problem(error.status_code, None, error.detail))


async def _invalid(request: Request, error: Any) -> JSONResponse:
    return await _problem(request, invalid_request(error.errors()))


async def _unavailable(request: Request, _error: Any) -> JSONResponse:
    return await _problem(request, storage_unavailable())


_ANSWERS: dict[Any, Any] = {
    Problem: _problem,
    HTTPException: _http_exception,
    RequestValidationError: _invalid,
    ClientError: _unavailable,
    BotoCoreError: _unavailable,
}
