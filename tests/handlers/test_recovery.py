"""A store that starts late, or stops and starts again: 503 meanwhile, and 200 again without a restart."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from handlers.app import create_app
from handlers.preparation import prepared
from storage.dynamodb.tables import Tables
from storage.embedded import EMULATOR_ACCESS, free_port
from storage.errors import StorageUnavailable
from tests.apparatus.client import Client
from tests.apparatus.gateway_events import Context, payload_2
from tests.apparatus.new_copy import new_copy
from tests.apparatus.response_check import ResponseCheck
from tests.apparatus.server import running


class EmptyStore(BaseHTTPRequestHandler):
    """Answers every call as a store with empty tables does."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        body = b'{"Items":[],"Count":0}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Print nothing."""


@contextmanager
def up(port: int) -> Iterator[None]:
    """Run the store during the context."""
    with ThreadingHTTPServer(("127.0.0.1", port), EmptyStore) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def _loop() -> Iterator[None]:
    """Provide the event loop that mangum expects, as the runtime of Lambda does, and close it."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    asyncio.set_event_loop(None)
    loop.close()


def check_recovery(port: int, get: Callable[[str], tuple[int, Any, Any]]) -> None:
    """Check the answers of a service while its store stops and starts twice, beginning with the store down."""
    for _ in range(2):
        for path in ("/health", "/events/conf"):
            status, headers, body = get(path)
            assert (status, headers["retry-after"]) == (503, "5")
            assert body["type"] == "urn:problem-type:events-api:storage-unavailable"
        assert get("/")[0] == 200, "an operation that does not use the store succeeds"
        with up(port):
            assert get("/health")[0] == 200
            assert get("/events/conf")[0] == 404


@pytest.mark.usefixtures("no_backoff")
def test_an_application_is_built_and_recovers_without_its_store() -> None:
    port = free_port()
    tables = Tables.connect({}, endpoint_url=f"http://127.0.0.1:{port}", **EMULATOR_ACCESS)
    client = Client(ResponseCheck(create_app(tables)))

    def get(path: str) -> tuple[int, Any, Any]:
        answer = client.get(path)
        return answer.status_code, answer.headers, answer.json()

    check_recovery(port, get)


@pytest.mark.usefixtures("_loop", "no_backoff")
def test_a_lambda_is_initialised_and_recovers_without_its_store(monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", f"http://127.0.0.1:{port}")
    handler = new_copy("handlers.aws_lambda").handler

    def get(path: str) -> tuple[int, Any, Any]:
        answer = handler(payload_2("GET", path), Context())
        return answer["statusCode"], answer["headers"], json.loads(answer["body"])

    check_recovery(port, get)


@pytest.mark.usefixtures("_loop")
def test_a_lambda_whose_store_does_not_answer_responds_before_its_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    context = Context()
    context.remaining = 2000
    with socket.create_server(("127.0.0.1", 0)) as listener:
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", f"http://127.0.0.1:{listener.getsockname()[1]}")
        handler = new_copy("handlers.aws_lambda").handler
        start = time.monotonic()
        answer = handler(payload_2("GET", "/events/conf"), context)
        assert time.monotonic() - start < 2
    assert (answer["statusCode"], answer["headers"]["retry-after"]) == (503, "5")


def test_the_service_starts_and_recovers_without_its_store(tmp_path: Path) -> None:
    port = free_port()
    with running(folder=tmp_path, AWS_ENDPOINT_URL_DYNAMODB=f"http://127.0.0.1:{port}") as server:
        warning = json.loads(server.before[0])
        assert "the store does not answer: EndpointConnectionError at" in warning["message"]

        def get(path: str) -> tuple[int, Any, Any]:
            answer = httpx.get(f"{server.url}{path}")
            return answer.status_code, answer.headers, answer.json()

        check_recovery(port, get)
        assert server.stop() == 0


def test_a_failed_preparation_is_retried_until_it_succeeds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("handlers.preparation.PAUSE_SECONDS", 0)
    made = threading.Event()
    attempts: list[int] = []

    def prepare() -> None:
        attempts.append(1)
        if len(attempts) < 4:
            raise StorageUnavailable("not yet")
        made.set()

    with prepared(prepare):
        assert made.wait(10)
    assert len(attempts) == 4


def test_a_preparation_is_not_retried_after_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("handlers.preparation.PAUSE_SECONDS", 0.01)
    before = threading.active_count()

    def prepare() -> None:
        raise StorageUnavailable("never")

    with prepared(prepare):
        (thread,) = [thread for thread in threading.enumerate() if "_keep_trying" in thread.name]
    thread.join(10)
    assert not thread.is_alive()
    assert threading.active_count() <= before
