"""The floor: no framework and no validation, only a dict of functions on the same repository."""

import json
import os
from collections.abc import Callable
from typing import Any

from . import events, registrations, users
from .problems import MEDIA_TYPE, Problem

_PREFIX = f"/{os.environ.get('STAGE', '')}"


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    http = event["requestContext"]["http"]
    first, *ids = http["path"].removeprefix(_PREFIX).strip("/").split("/")
    try:
        return _ROUTES[http["method"], first, len(ids)](event, *ids)
    except Problem as problem:
        return _answer(problem.document, problem.status, content_type=MEDIA_TYPE)


def _answer(body: Any, status: int = 200, content_type: str = "application/json", **headers: str) -> dict[str, Any]:
    named = {"content-type": content_type, "access-control-allow-origin": "*", **headers}
    return {"statusCode": status, "headers": named, "body": json.dumps(body), "isBase64Encoded": False}


def _health(_event: Any) -> dict[str, Any]:
    users.ping()
    return _answer({"status": "healthy"})


def _list_events(event: Any) -> dict[str, Any]:
    return _answer(events.page(_query(event)))


def _create_event(event: Any) -> dict[str, Any]:
    created, version = events.create(json.loads(event["body"]))
    return _answer(created, 201, location=f"events/{created['eventId']}", etag=f'"{version}"')


def _get_event(_event: Any, event_id: str) -> dict[str, Any]:
    found, version = events.get(event_id)
    return _answer(found, etag=f'"{version}"')


def _register(event: Any, event_id: str, _registrations: str) -> dict[str, Any]:
    user_id = json.loads(event["body"])["userId"]
    return _answer(registrations.register(event_id, user_id), 201, location=f"registrations/{user_id}")


def _list_user_registrations(event: Any, user_id: str, _registrations: str) -> dict[str, Any]:
    return _answer(registrations.page_of_user(user_id, _query(event)))


def _query(event: Any) -> dict[str, Any]:
    query = event.get("queryStringParameters", {})
    return {**query, "limit": int(query.get("limit", 50))}


#: By method, first segment, and number of segments after it: the measured operations only.
_ROUTES: dict[tuple[str, str, int], Callable[..., dict[str, Any]]] = {
    ("GET", "health", 0): _health,
    ("GET", "events", 0): _list_events,
    ("POST", "events", 0): _create_event,
    ("GET", "events", 1): _get_event,
    ("POST", "events", 2): _register,
    ("GET", "users", 2): _list_user_registrations,
}
