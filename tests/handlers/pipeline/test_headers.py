"""Every response, whatever it is, says how browsers and caches are to treat it."""

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

EVERYWHERE: Final = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
HSTS: Final = "strict-transport-security"

#: What is the same for everybody may be kept, for a time or to be asked for again.
CACHED: Final = {
    "/docs": "no-cache",
    "/docs/swagger-ui.css": "public, max-age=86400",
    "/openapi.json": "no-cache",
    "/openapi.yaml": "no-cache",
}

PREFLIGHT: Final = {"Origin": "https://a.example", "Access-Control-Request-Method": "PUT"}


def check(answer: Any, **other: str) -> None:
    """Hold the headers of an answer against those of every answer, but for some that have their own."""
    expected = {**EVERYWHERE, **other}
    assert {name: answer.headers.get(name) for name in expected} == expected
    names = [name.lower() for name, _value in answer.headers.multi_items()]
    assert len(names) == len(set(names)), "a header is sent twice"
    assert HSTS not in names


@pytest.fixture(scope="module")
def apps(moto_connection: Tables) -> dict[str, Any]:
    """Make the application once, and once with a mistake in every handler."""
    with mistake_in_every_handler():
        mistaken = create_app(moto_connection)
    return {"good": create_app(moto_connection, check_responses=True), "mistaken": mistaken}


@pytest.fixture
def service(apps: dict[str, Any], moto_tables: Tables) -> Client:
    """Give a service with an event of one seat that somebody has."""
    assert moto_tables.names
    client = Client(apps["good"])
    client.create_users("ann", "bob")
    client.create_event(capacity=1)
    client.create_event(eventId="empty")
    client.register("conf", "ann")
    return client


@pytest.mark.parametrize("operation_id", GOOD)
def test_every_operation_sends_them_whatever_comes_of_it(
    service: Client, apps: dict[str, Any], moto_tables: Tables, operation_id: str
) -> None:
    method, path, options = GOOD[operation_id]
    policies = {"content-security-policy": service.get("/docs").headers["content-security-policy"]}
    kept = {"cache-control": CACHED[path], **(policies if path == "/docs" else {})} if path in CACHED else {}
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
def test_every_path_sends_them_with_the_method_that_it_does_not_have(service: Client, path: str) -> None:
    concrete = path.format(eventId="conf", userId="ann", asset="swagger-ui.css")
    for method in ("PATCH", "TRACE", "OPTIONS", "BREW"):
        answer = service.request(method, concrete)
        assert answer.status_code == 405
        check(answer)
    answer = service.request("OPTIONS", concrete, headers=PREFLIGHT)
    assert answer.status_code == 200
    check(answer)


def test_what_is_refused_state_or_not_there_sends_them_too(service: Client) -> None:
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


def test_only_behind_https_a_browser_is_told_to_stay_there(moto_tables: Tables) -> None:
    app = create_app(moto_tables, check_responses=True)
    for path, status in (("/health", 200), ("/nothing", 404), ("/docs", 200)):
        answer = Client(app, "https://testserver").get(path)
        assert (answer.status_code, answer.headers[HSTS]) == (status, "max-age=31536000")
        assert HSTS not in Client(app, "http://testserver").get(path).headers


def test_the_headers_of_one_response_are_not_those_of_the_next() -> None:
    """A response that is made once and sent often would else keep what one of the connections was told."""
    sent: list[Any] = []
    headers = [(b"etag", b'"1"'), (b"cache-control", b"private")]
    start = {"type": "http.response.start", "status": 200, "headers": headers}

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send(start)

    async def send(message: Any) -> None:
        sent.append(dict(message["headers"]))

    for scheme in ("https", "http"):
        scope: Any = {"type": "http", "scheme": scheme}
        asyncio.run(ResponseHeaders(app)(scope, None, send))  # type: ignore[arg-type] # nothing is received
    assert [HSTS.encode() in each for each in sent] == [True, False]
    assert all(each[b"cache-control"] == b"private" for each in sent)
    assert len(headers) == 2


def test_the_page_runs_what_is_on_this_server_and_its_one_script(client: Client) -> None:
    page = client.get("/docs")
    policy = dict(part.split(" ", 1) for part in page.headers["content-security-policy"].split("; "))
    for closed in ("default-src", "base-uri", "form-action", "frame-ancestors"):
        assert policy[closed] == "'none'"
    assert "unsafe" not in page.headers["content-security-policy"]
    assert "http" not in page.headers["content-security-policy"]
    (script,) = re.findall(r"<script>(.*?)</script>", page.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy["script-src"] == f"'self' 'sha256-{digest}'"
