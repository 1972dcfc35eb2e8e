"""Errors as problem documents (RFC 9457)."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

MEDIA_TYPE = "application/problem+json"


class Problem(Exception):  # noqa: N818 - an answer, as HTTPException is
    """An error response, as a problem document."""

    def __init__(self, status: int, name: str | None, detail: str, **extension: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.document = {
            "type": f"urn:problem-type:events-api:{name}" if name else "about:blank",
            "title": name.replace("-", " ").capitalize() if name else HTTPStatus(status).phrase,
            "status": status,
            "detail": detail,
            **extension,
        }


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


def storage_unavailable() -> Problem:
    return Problem(503, "storage-unavailable", "The store does not answer. Repeat the request later.")


def invalid_request(errors: Iterable[Any]) -> Problem:
    """Return the problem of pydantic's errors, as FastAPI and Powertools report them."""
    found = list(errors)
    if any(error["type"] == "json_invalid" for error in found):
        return Problem(400, None, "The request body is not JSON.")
    return Problem(422, "invalid-request", "See errors.", errors=[_field_error(error) for error in found])


def _field_error(error: Any) -> dict[str, str]:
    place, *path = error["loc"]
    if place == "body":
        return {"pointer": "".join(f"/{step}" for step in path), "detail": error["msg"]}
    return {"parameter": str(path[-1]), "detail": error["msg"]}
