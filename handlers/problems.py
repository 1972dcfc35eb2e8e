"""The problem document (RFC 9457) of each refusal: one table and one function."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from handlers.access.refusals import (
    AccessRefused,
    IssuerUnavailable,
    NotAdministrator,
    RoleMissing,
    SomebodyElse,
    Unauthenticated,
)
from handlers.bodies import registration_body
from handlers.models import answers
from handlers.pipeline.field_errors import CURSOR_DETAIL
from handlers.pipeline.json_text import render
from handlers.request_errors import (
    MAX_BODY_BYTES,
    MAX_ERRORS,
    BodyTooLarge,
    EventIdMismatch,
    InvalidRequest,
    MalformedBody,
    WrongMediaType,
)
from storage import errors

logger = logging.getLogger(__name__)

MEDIA_TYPE: Final = "application/problem+json"
TYPE_PREFIX: Final = "urn:problem-type:events-api:"


@dataclass(frozen=True, slots=True)
class Problem:
    """The problem document for a class of exceptions.

    Braces in `detail` are attributes of the exception; `show` adds the members that only this problem has;
    `retry_after` is in seconds.
    """

    status: int
    name: str | None
    title: str
    detail: str
    retry_after: int | None = None
    show: Callable[[Any, answers.Problem], None] | None = None


def _show_registration(error: errors.AlreadyRegistered, problem: answers.Problem) -> None:
    problem["registration"] = registration_body(error.registration)


def _show_status(error: errors.EventClosed, problem: answers.Problem) -> None:
    problem["eventStatus"] = error.event_status


def _show_minimum(error: errors.CapacityBelowConfirmed, problem: answers.Problem) -> None:
    problem["minimum"] = error.minimum


def _show_errors(error: InvalidRequest, problem: answers.Problem) -> None:
    problem["errors"] = error.errors[:MAX_ERRORS]


def _show_cursor(_error: errors.CursorInvalid, problem: answers.Problem) -> None:
    problem["errors"] = [{"parameter": "cursor", "detail": CURSOR_DETAIL}]


#: An exception without a row of its own gets that of its nearest superclass.
PROBLEMS: Final[Mapping[type[Exception], Problem]] = {
    errors.EventNotFound: Problem(404, "event-not-found", "Event not found", "There is no event with this id."),
    errors.UserNotFound: Problem(
        404,
        "user-not-found",
        "User not found",
        "There is no user with this id. To register somebody, create the user first.",
    ),
    errors.RegistrationNotFound: Problem(
        404, "registration-not-found", "Registration not found", "This user is not registered for this event."
    ),
    errors.EventExists: Problem(
        409,
        "event-exists",
        "Event exists",
        "An event with this id exists. Choose another id, or change that event with PUT.",
    ),
    errors.UserExists: Problem(
        409,
        "user-exists",
        "User exists",
        "A user with this id exists. If it is not the one you mean, choose another id.",
    ),
    errors.AlreadyRegistered: Problem(
        409,
        "already-registered",
        "Already registered",
        "This user is already registered for this event; see registration.",
        show=_show_registration,
    ),
    errors.EventClosed: Problem(
        409,
        "event-closed",
        "Event closed",
        "The event is {event_status} and does not accept registrations.",
        show=_show_status,
    ),
    errors.EventFull: Problem(
        409,
        "event-full",
        "Event full",
        "All seats are taken, and nobody new can join a waitlist. Try again when somebody has left.",
    ),
    errors.CapacityBelowConfirmed: Problem(
        409,
        "capacity-below-confirmed",
        "Capacity below confirmed",
        "{minimum} people are confirmed, and nobody loses a seat. The capacity can't be lower than {minimum}.",
        show=_show_minimum,
    ),
    errors.DeletionStopped: Problem(
        409,
        "deletion-stopped",
        "Deletion stopped",
        "The event was changed while it was being deleted. Those who are still registered stay registered, and it stays"
        " cancelled unless it was reopened. Get the event, and delete it again if it is to go all the same.",
    ),
    errors.EventHasRegistrations: Problem(
        409,
        "event-has-registrations",
        "Event has registrations",
        'People are registered for this event. Cancel it with PUT {{"status":"cancelled"}}, or add'
        " withRegistrations=true to delete it with them.",
    ),
    EventIdMismatch: Problem(
        409,
        "event-id-mismatch",
        "Event id mismatch",
        "The eventId in the body differs from the one in the path. An id can't be changed; leave it out.",
    ),
    errors.VersionMismatch: Problem(
        412,
        None,
        "Precondition Failed",
        "The current ETag does not match If-Match, or matches If-None-Match. Get the event, apply your change to it, "
        "and try again.",
    ),
    errors.KeyReused: Problem(
        422,
        "idempotency-key-reused",
        "Idempotency key reused",
        "Another request with this Idempotency-Key has created this with other fields. Send a new key for a new one, or"
        " the same fields to repeat that request.",
    ),
    Unauthenticated: Problem(401, None, "Unauthorized", "{reason}"),
    RoleMissing: Problem(403, None, "Forbidden", "Only an organizer may do this, and this token is a person's."),
    SomebodyElse: Problem(
        403,
        None,
        "Forbidden",
        "The userId is not that of this token. A person may act only for themself; an organizer may act for others.",
    ),
    errors.NotOwner: Problem(
        403,
        None,
        "Forbidden",
        "This event is not yours. Only the organizer who created it, or an administrator, may do this.",
    ),
    NotAdministrator: Problem(
        403,
        None,
        "Forbidden",
        "The userId is not that of this token. Only the person themself, or an administrator, may delete a user.",
    ),
    MalformedBody: Problem(400, None, "Bad Request", "The request body is not valid JSON: {reason}"),
    BodyTooLarge: Problem(413, None, "Content Too Large", f"The request body is larger than {MAX_BODY_BYTES} bytes."),
    WrongMediaType: Problem(415, None, "Unsupported Media Type", "Send the body as application/json, uncompressed."),
    InvalidRequest: Problem(
        422,
        "invalid-request",
        "Invalid request",
        "{count} wrong with the request; see errors.",
        show=_show_errors,
    ),
    errors.CursorInvalid: Problem(
        422,
        "invalid-request",
        "Invalid request",
        "One thing is wrong with the request; see errors.",
        show=_show_cursor,
    ),
    errors.Contention: Problem(
        503,
        "contention",
        "Contention",
        "Too many concurrent changes to the same data. Repeat the request after the number of seconds in Retry-After.",
        retry_after=1,
    ),
    errors.DeadlineExceeded: Problem(
        503,
        "deadline-exceeded",
        "Deadline exceeded",
        "The request took too long, and may have been done. Repeat it after the number of seconds in Retry-After.",
        retry_after=5,
    ),
    errors.DeletionInProgress: Problem(
        503,
        "deletion-in-progress",
        "Deletion in progress",
        "The deletion has begun, and takes longer than a request. Repeat the request after the number of seconds in"
        " Retry-After: it goes on where this one ended.",
        retry_after=1,
    ),
    errors.PromotionInProgress: Problem(
        503,
        "promotion-in-progress",
        "Promotion in progress",
        "The free seats of this event are being given to the people on its waitlist. Repeat the request after the"
        " number of seconds in Retry-After.",
        retry_after=2,
    ),
    IssuerUnavailable: Problem(
        503,
        "issuer-unavailable",
        "Issuer unavailable",
        "The keys that verify tokens can't be fetched from their issuer. Repeat the request after the number of seconds"
        " in Retry-After.",
        retry_after=30,
    ),
    errors.StorageUnavailable: Problem(
        503,
        "storage-unavailable",
        "Storage unavailable",
        "The store is not available. Repeat the request after the number of seconds in Retry-After.",
        retry_after=5,
    ),
}

#: The details of problems that mean something else for a request that only reads.
READ_DETAILS: Final = {
    "contention": "The store is too busy to be read. Repeat the request after the number of seconds in Retry-After.",
    "deadline-exceeded": "The request took too long. Repeat it after the number of seconds in Retry-After.",
}

_HTTP_DETAILS: Final = {
    404: "This path does not exist.",
    405: "This path does not support this method; Allow lists those that it supports.",
}
_INTERNAL: Final = Problem(
    500,
    None,
    "Internal Server Error",
    "The service failed unexpectedly. Report the instance, which identifies this request in the log.",
)


async def answer(request: Request, error: Exception) -> Response:
    """Return the problem document of an exception as a response."""
    found = _find(error)
    if found.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        _log(error, found.status)
    body: answers.Problem = {
        "type": f"{TYPE_PREFIX}{found.name}" if found.name else "about:blank",
        "title": found.title,
        "status": found.status,
        "detail": _detail(request, found).format_map(vars(error)),
        "instance": f"urn:request:{request.scope.get('request_id', 'unknown')}",
    }
    if found.show:
        found.show(error, body)
    request.scope["problem"] = found.name or found.title
    headers = {"Retry-After": str(found.retry_after)} if found.retry_after else {}
    if isinstance(error, HTTPException) and error.headers:
        headers |= error.headers
    if isinstance(error, AccessRefused) and error.challenge:
        headers["WWW-Authenticate"] = error.challenge
    return Response(render(body), found.status, headers, media_type=MEDIA_TYPE)


def _log(error: Exception, status: int) -> None:
    if isinstance(error, errors.Damaged | errors.StorageUnavailable):
        logger.error("%s", error)
    elif status == HTTPStatus.INTERNAL_SERVER_ERROR:
        logger.error("unexpected error", exc_info=error)
    elif isinstance(error, errors.DeadlineExceeded) and error.args:
        logger.warning("%s", error)


def _detail(request: Request, found: Problem) -> str:
    reads = request.method in {"GET", "HEAD"}
    return READ_DETAILS.get(found.name or "", found.detail) if reads else found.detail


def _find(error: Exception) -> Problem:
    for kind in type(error).__mro__:
        if kind in PROBLEMS:
            return PROBLEMS[kind]
    if isinstance(error, HTTPException) and error.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
        title = HTTPStatus(error.status_code).phrase
        detail = _HTTP_DETAILS.get(error.status_code, title) if error.detail == title else error.detail
        return Problem(error.status_code, None, title, detail.replace("{", "{{").replace("}", "}}"))
    return _INTERNAL
