"""Every response has the default headers for browsers and caches."""

import asyncio
import base64
import hashlib
import re
from typing import Any, Final

import pytest

from handlers.app import create_app
from handlers.contract import Contract
from handlers.pipeline.headers import ResponseHeaders
from storage.dynamodb.tables import Tables
from tests.apparatus.client import EVENT, Client
from tests.apparatus.provoked import CHANGES, GOOD, mistake_in_every_handler, store_down
from tests.apparatus.response_check import ResponseCheck

EVERYWHERE: Final = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
HSTS: Final = "strict-transport-security"

#: Responses that are the same for every client are cacheable, with revalidation.
CACHED: Final = {"/openapi.json": {"cache-control": "no-cache"}}

PREFLIGHT: Final = {"Origin": "https://a.example", "Access-Control-Request-Method": "PUT"}


def check(answer: Any, **other: str) -> None:
    """Check that an answer has the default headers, except for those in `other`."""
    expected = {**EVERYWHERE, **other}
    assert {name: answer.headers.get(name) for name in expected} == expected
    names = [name.lower() for name, _value in answer.headers.multi_items()]
    assert len(names) == len(set(names)), "a header is sent twice"
    assert HSTS not in names


@pytest.fixture(scope="module")
def apps(moto_connection: Tables) -> dict[str, Any]:
    """Build the application, and one in which every handler raises."""
    with mistake_in_every_handler():
        mistaken = create_app(moto_connection)
    return {"good": ResponseCheck(create_app(moto_connection)), "mistaken": mistaken}


@pytest.fixture
def service(apps: dict[str, Any], moto_tables: Tables) -> Client:
    """Return a client of a service with a full event of one seat and an empty event."""
    assert moto_tables.names
    client = Client(apps["good"])
    client.create_users("ann", "bob")
    client.create_event(capacity=1)
    client.create_event(eventId="empty")
    client.register("conf", "ann")
    return client


@pytest.mark.parametrize("operation_id", GOOD)
def test_every_operation_sends_the_default_headers_with_every_status(
    service: Client, apps: dict[str, Any], moto_tables: Tables, operation_id: str
) -> None:
    method, path, options = GOOD[operation_id]
    kept = CACHED.get(path, {})
    with store_down(moto_tables):
        unavailable = service.request(method, path, **options)
        check(unavailable, **(kept if unavailable.status_code == 200 else {}))
    done = service.request(method, path, **options)
    assert done.status_code < 300
    check(done, **kept)
    for status in ("400", "413", "415", "422"):
        if status == "422" or "json" in options:
            method, path, changed = CHANGES[status](GOOD[operation_id])
            answer = service.request(method, path, **changed)
            assert answer.status_code == int(status)
            check(answer)
    broken = Client(apps["mistaken"]).request(method, path, **options)
    assert broken.status_code == 500
    check(broken)


@pytest.mark.parametrize("path", sorted({operation.path for operation in Contract().operations.values()}))
def test_every_path_sends_the_default_headers_with_405_and_preflights(service: Client, path: str) -> None:
    concrete = path.format(eventId="conf", userId="ann", asset="swagger-ui.css")
    for method in ("PATCH", "TRACE", "OPTIONS", "BREW"):
        answer = service.request(method, concrete)
        assert answer.status_code == 405
        check(answer)
    answer = service.request("OPTIONS", concrete, headers=PREFLIGHT)
    assert answer.status_code == 200
    check(answer)


def test_conflicts_and_missing_resources_have_the_default_headers(service: Client) -> None:
    for method, path, body, status in (
        ("GET", "/nothing", None, 404),
        ("GET", "/events/absent", None, 404),
        ("GET", "/docs/absent.js", None, 404),
        ("HEAD", "/events/conf", None, 200),
        ("HEAD", "/events/absent", None, 404),
        ("POST", "/events", EVENT, 409),
        ("DELETE", "/events/conf", None, 409),
        ("DELETE", "/events/conf/registrations/ann", None, 204),
    ):
        answer = service.request(method, path, json=body)
        assert answer.status_code == status
        check(answer)
    stale = service.delete("/events/conf", headers={"If-Match": '"0000000000000000"'})
    assert stale.status_code == 412
    check(stale)


def test_hsts_is_sent_over_https_only(moto_tables: Tables) -> None:
    app = ResponseCheck(create_app(moto_tables))
    for path, status in (("/health", 200), ("/nothing", 404), ("/docs", 200)):
        answer = Client(app, "https://testserver").get(path)
        assert (answer.status_code, answer.headers[HSTS]) == (status, "max-age=31536000")
        assert HSTS not in Client(app, "http://testserver").get(path).headers


def test_the_headers_of_a_shared_response_are_not_changed() -> None:
    """A response object that is sent more than once must not keep the headers of one connection."""
    sent: list[Any] = []
    headers = [(b"etag", b'"1"'), (b"cache-control", b"private")]
    start = {"type": "http.response.start", "status": 200, "headers": headers}

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send(start)

    async def send(message: Any) -> None:
        sent.append(dict(message["headers"]))

    for scheme in ("https", "http"):
        scope: Any = {"type": "http", "scheme": scheme, "request_id": "1"}
        asyncio.run(ResponseHeaders(app)(scope, None, send))  # type: ignore[arg-type] # nothing is received
    assert [HSTS.encode() in each for each in sent] == [True, False]
    assert all(each[b"cache-control"] == b"private" for each in sent)
    assert len(headers) == 2


def test_the_page_may_run_scripts_of_this_server_and_its_own_inline_script(client: Client) -> None:
    page = client.get("/docs")
    policy = dict(part.split(" ", 1) for part in page.headers["content-security-policy"].split("; "))
    for closed in ("default-src", "base-uri", "form-action", "frame-ancestors"):
        assert policy[closed] == "'none'"
    assert "unsafe" not in page.headers["content-security-policy"]
    assert "http" not in page.headers["content-security-policy"]
    (script,) = re.findall(r"<script>(.*?)</script>", page.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy["script-src"] == f"'self' 'sha256-{digest}'"
