"""Requests that provoke each documented response of each operation, and faults that provoke 500 and 503."""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import botocore.exceptions
import pytest
from connexion.utils import get_function_from_name

from storage.dynamodb.tables import Tables
from tests.apparatus.client import EVENT
from tests.apparatus.hooks import hooked

Request = tuple[str, str, dict[str, Any]]

#: A successful request of each operation. The event `conf` has one seat, which `ann` has; `empty` has no registrations;
#: `bob` is a user without registrations.
GOOD: Final[dict[str, Request]] = {
    "list_events": ("GET", "/events", {}),
    "create_event": ("POST", "/events", {"json": {**EVENT, "eventId": "new"}}),
    "get_event": ("GET", "/events/conf", {}),
    "update_event": ("PUT", "/events/conf", {"json": {"title": "Other"}}),
    "delete_event": ("DELETE", "/events/empty", {}),
    "list_event_registrations": ("GET", "/events/conf/registrations?expand=user", {}),
    "register_user": ("POST", "/events/conf/registrations", {"json": {"userId": "bob"}}),
    "get_registration": ("GET", "/events/conf/registrations/ann", {}),
    "unregister_user": ("DELETE", "/events/conf/registrations/ann", {}),
    "create_registration": (
        "POST",
        "/registrations",
        {"json": {"userId": "bob", "eventId": "conf"}},
    ),
    "delete_registration": ("DELETE", "/registrations/ann/conf", {}),
    "list_user_registrations": ("GET", "/users/ann/registrations", {}),
    "create_user": ("POST", "/users", {"json": {"userId": "new", "name": "New"}}),
    "get_user": ("GET", "/users/ann", {}),
    "delete_user": ("DELETE", "/users/ann", {}),
    "get_api_info": ("GET", "/", {}),
    "check_health": ("GET", "/health", {}),
    "get_openapi_json": ("GET", "/openapi.json", {}),
}

#: Requests that are answered with 409 on the same data.
CONFLICTING: Final[dict[str, Request]] = {
    "create_event": ("POST", "/events", {"json": EVENT}),
    "update_event": ("PUT", "/events/conf", {"json": {"eventId": "empty"}}),
    "delete_event": ("DELETE", "/events/conf", {}),
    "register_user": ("POST", "/events/conf/registrations", {"json": {"userId": "ann"}}),
    "create_registration": (
        "POST",
        "/registrations",
        {"json": {"userId": "ann", "eventId": "conf"}},
    ),
    "create_user": ("POST", "/users", {"json": {"userId": "ann", "name": "Ann"}}),
}


def good(operation_id: str) -> Request:
    """Return a request that succeeds."""
    assert operation_id in GOOD, f"add a good request for {operation_id} to GOOD in tests/apparatus/provoked.py"
    return GOOD[operation_id]


def provoking(operation_id: str, status: str) -> Request:
    """Return a request that is answered with this status."""
    if status == "409":
        missing = f"add a request for {operation_id} that is answered with 409 to CONFLICTING"
        assert operation_id in CONFLICTING, f"{missing} in tests/apparatus/provoked.py"
        return CONFLICTING[operation_id]
    assert status in CHANGES, f"add a change that provokes {status} to CHANGES in tests/apparatus/provoked.py"
    return CHANGES[status](good(operation_id))


def absent(request: Request) -> Request:
    """Return the same request for a resource that does not exist."""
    method, path, options = request
    head, _, last = path.rpartition("/")
    for name in ("conf", "empty", "ann"):
        path = path.replace(f"/{name}", "/absent")
    if head == "/docs":
        path = f"{head}/absent.css"
    if "eventId" in options.get("json", {}):
        options = {"json": {**options["json"], "eventId": "absent"}}
    assert last
    return method, path, options


def with_options(request: Request, **more: Any) -> Request:
    method, path, options = request
    return method, path, {**{name: value for name, value in options.items() if name not in more}, **more}


def body(content: bytes, media_type: str = "application/json") -> Callable[[Request], Request]:
    def change(request: Request) -> Request:
        method, path, _options = request
        return method, path, {"content": content, "headers": {"Content-Type": media_type}}

    return change


#: Functions that turn a good request into one that is answered with the status.
CHANGES: Final[dict[str, Callable[[Request], Request]]] = {
    "200": lambda request: request,
    "201": lambda request: request,
    "204": lambda request: request,
    "304": functools.partial(with_options, headers={"If-None-Match": "*"}),
    "400": body(b"{"),
    # Where tokens are required: without one, and with that of another person.
    "401": lambda request: request,
    "403": lambda request: request,
    "404": absent,
    "412": functools.partial(with_options, headers={"If-Match": '"0000000000000000"'}),
    "413": body(b" " * 65537),
    "415": body(b"<event/>", "application/xml"),
    "422": functools.partial(with_options, params={"nonsense": "1"}),
    "500": lambda request: request,
    "503": lambda request: request,
}


@contextmanager
def store_down(tables: Tables) -> Iterator[None]:
    """Fail every call to the store, as if it were unreachable."""

    def fail(**_context: Any) -> None:
        raise botocore.exceptions.EndpointConnectionError(endpoint_url="http://nowhere")

    with hooked(tables, "before-call.dynamodb", fail):
        yield


@contextmanager
def mistake_in_every_handler() -> Iterator[None]:
    """Give every operation of an application that is created in this context a bug."""

    def broken(operation_id: str) -> Any:
        @functools.wraps(get_function_from_name(operation_id))
        def handle(**_values: Any) -> Any:
            raise ZeroDivisionError

        return handle

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("handlers.app.get_function_from_name", broken)
        yield
