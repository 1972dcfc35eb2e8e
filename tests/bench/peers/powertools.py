"""The peer on Powertools for AWS Lambda, which validates requests and responses with the same models as FastAPI."""

import json
from typing import Annotated, Any
from urllib.parse import urlencode

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, CORSConfig, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from aws_lambda_powertools.event_handler.openapi.params import Header, Path, Query
from botocore.exceptions import BotoCoreError, ClientError

from . import events, models, registrations, users
from .problems import MEDIA_TYPE, Problem, invalid_request, storage_unavailable

EventId = Annotated[models.Id, Path(alias="eventId")]
UserId = Annotated[models.Id, Path(alias="userId")]
IfMatch = Annotated[str | None, Header(alias="if-match")]

app = APIGatewayHttpResolver(enable_validation=True, cors=CORSConfig(allow_origin="*"))


def _answer(body: Any, status: int = 200, **headers: str) -> Response[Any]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status, "application/json", body, named)


@app.get("/")
def get_api_info() -> Response[models.ApiInfo]:
    links = {"docs": "docs", "openapi": "openapi.json", "health": "health"}
    return _answer({"name": "Events API", "version": "0.2.0", "links": links})


@app.get("/health")
def get_health() -> Response[models.Health]:
    users.ping()
    return _answer({"status": "healthy"})


@app.get("/events")
def list_events(query: Annotated[models.EventQuery, Query()]) -> Response[models.EventPage]:
    asked = query.model_dump(by_alias=True, exclude_none=True)
    page = events.page(asked)
    if "nextCursor" not in page:
        return _answer(page)
    return _answer(page, Link=f'<?{urlencode({**asked, "cursor": page["nextCursor"]})}>; rel="next"')


@app.post("/events")
def create_event(body: models.EventInput) -> Response[models.Event]:
    event, version = events.create(body.model_dump(by_alias=True, exclude_none=True))
    return _answer(event, 201, Location=f"events/{event['eventId']}", ETag=f'"{version}"')


@app.get("/events/<eventId>")
def get_event(event_id: EventId) -> Response[models.Event]:
    event, version = events.get(event_id)
    return _answer(event, ETag=f'"{version}"')


@app.put("/events/<eventId>")
def update_event(event_id: EventId, body: models.EventUpdate, if_match: IfMatch = None) -> Response[models.Event]:
    event, version = events.update(event_id, body.model_dump(by_alias=True, exclude_unset=True), if_match)
    return _answer(event, ETag=f'"{version}"')


@app.delete("/events/<eventId>")
def delete_event(event_id: EventId, if_match: IfMatch = None) -> Response[None]:
    events.delete(event_id, if_match)
    return Response(204)


@app.get("/events/<eventId>/registrations")
def list_event_registrations(
    event_id: EventId, query: Annotated[models.RegistrationQuery, Query()]
) -> Response[models.RegistrationPage]:
    return _answer(registrations.page_of_event(event_id, query.model_dump(exclude_none=True)))


@app.post("/events/<eventId>/registrations")
def register_user(event_id: EventId, body: models.EventRegistrationInput) -> Response[models.Registration]:
    return _answer(registrations.register(event_id, body.user_id), 201, Location=f"registrations/{body.user_id}")


@app.get("/events/<eventId>/registrations/<userId>")
def get_registration(event_id: EventId, user_id: UserId) -> Response[models.Registration]:
    return _answer(registrations.get(event_id, user_id))


@app.delete("/events/<eventId>/registrations/<userId>")
@app.delete("/registrations/<userId>/<eventId>")
def unregister_user(event_id: EventId, user_id: UserId) -> Response[None]:
    registrations.unregister(event_id, user_id)
    return Response(204)


@app.post("/registrations")
def create_registration(body: models.RegistrationInput) -> Response[models.Registration]:
    location = f"events/{body.event_id}/registrations/{body.user_id}"
    return _answer(registrations.register(body.event_id, body.user_id), 201, Location=location)


@app.post("/users")
def create_user(body: models.UserInput) -> Response[models.User]:
    user = users.create(body.model_dump(by_alias=True, exclude_none=True))
    return _answer(user, 201, Location=f"users/{user['userId']}")


@app.get("/users/<userId>")
def get_user(user_id: UserId) -> Response[models.User]:
    return _answer(users.get(user_id))


@app.get("/users/<userId>/registrations")
def list_user_registrations(
    user_id: UserId, query: Annotated[models.PageQuery, Query()]
) -> Response[models.UserRegistrationPage]:
    return _answer(registrations.page_of_user(user_id, query.model_dump(exclude_none=True)))


@app.exception_handler(Problem)
def _problem(problem: Problem) -> Response[Any]:
    return Response(problem.status, MEDIA_TYPE, json.dumps(problem.document))


@app.exception_handler(RequestValidationError)
def _invalid(error: RequestValidationError) -> Response[Any]:
    return _problem(invalid_request(error.errors()))


@app.not_found
def _not_found(_error: NotFoundError) -> Response[Any]:
    return _problem(Problem(404, None, "There is no such path."))


@app.exception_handler([ClientError, BotoCoreError])
def _unavailable(_error: Exception) -> Response[Any]:
    return _problem(storage_unavailable())


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return app.resolve(event, context)
