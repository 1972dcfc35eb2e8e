"""Own checks in addition to those of schemathesis, for requests that fit the contract."""

import re
from typing import Any, Final
from urllib.parse import unquote

import schemathesis
from schemathesis import Case, CheckContext, HookContext
from schemathesis.core.failures import Failure
from schemathesis.core.transport import Response
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import ensure_resource_availability, use_after_free

from tests.apparatus.response_check import closed
from tests.fuzz.callers import may, named


@schemathesis.hook
def before_load_schema(_context: HookContext, raw_schema: dict[str, Any]) -> None:
    """Find leaks: no object in a response has other properties than those listed, though a later version may."""
    raw_schema["components"]["schemas"] = closed(raw_schema["components"]["schemas"])


@schemathesis.check
def refused_for_a_reason(_context: CheckContext, response: Response, case: Case[Any]) -> None:
    """Accept a refusal for one reason only.

    Every case has a token, or the service ignores them: 401 is for none; 403 is for a caller who may not do this. Of
    valid requests, 412 is for those with a precondition, and 422 is for a cursor that no list returned, for a key that
    another request has used, and for a registration that names no user, of a service that ignores tokens.
    """
    if response.status_code == 401:
        raise Failure(operation=case.operation.label, title="401 for no reason", message="The caller is known.")
    # A gateway that refuses a preflight answers without a problem document.
    ours = "application/problem+json" in response.headers.get("content-type", [])
    if response.status_code == 403 and ours and may(case, response):
        raise Failure(operation=case.operation.label, title="403 for no reason", message="The caller may do this.")
    if case.meta is None or case.meta.generation.mode is not GenerationMode.POSITIVE:
        return
    if response.status_code == 412 and not {"If-Match", "If-None-Match"} & (case.headers or {}).keys():
        raise Failure(operation=case.operation.label, title="412 for no reason", message="No precondition was sent.")
    if response.status_code == 422 and not _reuses_key(case, response):
        wrong = {error.get("parameter", error.get("pointer")) for error in response.json()["errors"]}
        nameless = {"/userId"} if _needs_token(case, response) else set()
        if excess := wrong - {"cursor"} - nameless - _misfits(case):
            raise Failure(
                operation=case.operation.label,
                title="A valid request is refused",
                message=f"The contract allows the value of {', '.join(sorted(excess))}",
            )


def _reuses_key(case: Case[Any], response: Response) -> bool:
    """Return whether a request is refused for its key, which another one with other fields has used."""
    reused = bool(response.json()["type"] == "urn:problem-type:events-api:idempotency-key-reused")
    return reused and "Idempotency-Key" in (case.headers or {})


def _needs_token(case: Case[Any], response: Response) -> bool:
    """Return whether only a token could say for whom a request is, and it has none."""
    sent = "Authorization" in response.request.headers
    return case.operation.label in _REGISTER and "userId" not in named(case) and not sent


def _misfits(case: Case[Any]) -> set[str]:
    """Return the headers of a supposedly valid case that do not fit the contract.

    The coverage phase drops the pattern of a header if no letter or digit matches it, and sends `If-Match: 0`
    (schemathesis/schemathesis#4205).
    """
    return {
        parameter.name
        for parameter in case.operation.headers
        if not re.search(parameter.definition["schema"]["pattern"], str((case.headers or {}).get(parameter.name, "*")))
    }


#: The problem that would mean that the created resource is missing, by the request that created it.
_MISSING: Final = {
    "POST /events": "event-not-found",
    "POST /users": "user-not-found",
    "POST /registrations": "registration-not-found",
    "POST /events/{eventId}/registrations": "registration-not-found",
}

_UNREGISTER: Final = {
    "DELETE /events/{eventId}/registrations/{userId}",
    "DELETE /registrations/{userId}/{eventId}",
}


@schemathesis.check
def created_resource_is_there(context: CheckContext, response: Response, case: Case[Any]) -> bool | None:
    """Check like schemathesis' `ensure_resource_availability`, without its false positives for registrations.

    The original takes any 404 below an event for a missing event, though the user in the body may be missing. And it
    considers a resource deleted only if its own path was, though a registration has two paths.
    """
    if response.status_code != 404:
        return None
    parent = context.internals.find_parent(case_id=case.id)
    if parent is None or response.json()["type"].split(":")[-1] != _MISSING.get(parent.operation.label):
        return None
    recorder: Any = context.internals.recorder
    mine = _ids(case)
    for other in recorder.find_all_cases() if recorder is not None else ():
        answer = recorder.find_response(case_id=other.id)
        if (
            other.operation.label in _UNREGISTER
            and answer is not None
            and answer.status_code == 204
            and all(mine.get(name, value) == value for name, value in _ids(other).items())
        ):
            return None
    return ensure_resource_availability(context, response, case)


_REGISTER: Final = {"POST /registrations", "POST /events/{eventId}/registrations"}


@schemathesis.check
def deleted_resource_is_gone(context: CheckContext, response: Response, case: Case[Any]) -> bool | None:
    """Check like schemathesis' `use_after_free`, which does not see that `POST /registrations` registers again."""
    return None if _is_registered_again(context, case) else use_after_free(context, response, case)


def _ids(case: Case[Any]) -> dict[str, str]:
    """Return the path parameters of a case, which are quoted if they were generated, and not if a link has set them."""
    return {name: unquote(str(value)) for name, value in (case.path_parameters or {}).items()}


def _is_registered_again(context: CheckContext, case: Case[Any]) -> bool:
    """Return whether the last change to the registration of a case was to make it."""
    recorder: Any = context.internals.recorder
    mine, registered = _ids(case), False
    for other in recorder.find_all_cases() if recorder is not None and {"eventId", "userId"} <= mine.keys() else ():
        answer = recorder.find_response(case_id=other.id)
        body = other.body if isinstance(other.body, dict) else {}
        if answer is not None and mine.items() <= {**body, **_ids(other)}.items():
            if other.operation.label in _REGISTER and answer.status_code == 201:
                registered = True
            elif other.operation.label in _UNREGISTER and answer.status_code == 204:
                registered = False
    return registered
