"""Errors as application/problem+json (RFC 9457), through FastAPI's exception handlers."""

import logging
from http import HTTPStatus
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

logger = logging.getLogger(__name__)


class Problem(Exception):  # noqa: N818 - an answer, as HTTPException is
    """An error response, as a problem document."""

    def __init__(self, status: int, name: str | None, detail: str, **extension: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.name = name
        self.detail = detail
        self.extension = extension


def event_not_found() -> Problem:
    return Problem(404, "event-not-found", "There is no event with this id.")


def event_full() -> Problem:
    return Problem(409, "event-full", "All seats are taken and nobody new can join a waitlist.")


def user_not_found() -> Problem:
    return Problem(404, "user-not-found", "There is no user with this id.")


def registration_not_found() -> Problem:
    return Problem(404, "registration-not-found", "This user is not registered for this event.")


def contention() -> Problem:
    return Problem(503, "contention", "Too many changes to this event at once. Repeat the request.")


def add_problem_handlers(app: FastAPI) -> None:
    """Answer every error as a problem."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(HTTPException, _http_exception)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(ClientError, _unavailable)
    app.add_exception_handler(BotoCoreError, _unavailable)


def _response(
    status: int, name: str | None, title: str, detail: str, headers: dict[str, str] | None = None, **extension: Any
) -> JSONResponse:
    body = {
        "type": f"urn:problem-type:events-api:{name}" if name else "about:blank",
        "title": title,
        "status": status,
        "detail": detail,
        **extension,
    }
    return JSONResponse(body, status, headers, media_type="application/problem+json")


async def _problem(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Problem)
    title = error.name.replace("-", " ").capitalize() if error.name else HTTPStatus(error.status).phrase
    return _response(error.status, error.name, title, error.detail, **error.extension)


async def _http_exception(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return _response(error.status_code, None, error.detail, error.detail, dict(error.headers or {}))


async def _invalid(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    if any(one["type"] == "json_invalid" for one in found):
        return _response(400, None, "Bad Request", "The request body is not JSON.")
    errors = [_field_error(one) for one in found]
    return _response(422, "invalid-request", "Invalid request", "See errors.", errors=errors)


def _field_error(error: dict[str, Any]) -> dict[str, str]:
    place, *path = error["loc"]
    if place == "body":
        return {"pointer": "".join(f"/{step}" for step in path), "detail": error["msg"]}
    return {"parameter": str(path[0]), "detail": error["msg"]}


async def _unavailable(_request: Request, error: Exception) -> JSONResponse:
    logger.error("DynamoDB does not answer", exc_info=error)
    detail = "The store does not answer. Repeat the request after the time in Retry-After."
    return _response(503, "storage-unavailable", "Storage unavailable", detail, {"Retry-After": "5"})
