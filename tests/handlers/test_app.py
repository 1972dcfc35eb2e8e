"""The application as a whole: CORS, and how handlers are called."""

import threading

import pytest

from handlers.app import create_app
from storage.dynamodb.tables import Tables
from storage.errors import StorageUnavailable
from tests.apparatus.client import Client
from tests.apparatus.response_check import ResponseCheck

ORIGIN = {"Origin": "https://events.example"}


def test_by_default_success_and_errors_allow_all_origins(client: Client) -> None:
    for path, status in (("/events", 200), ("/events/nothing", 404), ("/nothing", 404), ("/events?limit=0", 422)):
        answer = client.get(path, headers=ORIGIN)
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (status, "*")
        for name in ("ETag", "Link", "Location", "Retry-After", "X-Request-Id"):
            assert name in answer.headers["access-control-expose-headers"]


def test_an_unexpected_error_has_cors_headers_too(moto_tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object, **_options: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(moto_tables, "ping", fail)
    answer = Client(create_app(moto_tables)).get("/health", headers=ORIGIN)
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (500, "*")


def test_preflights_are_answered(client: Client) -> None:
    preflight = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "content-type,if-match"}
    answer = client.request("OPTIONS", "/events/conf", headers={**ORIGIN, **preflight})
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "PUT" in answer.headers["access-control-allow-methods"]
    assert "if-match" in answer.headers["access-control-allow-headers"].lower()


def test_origins_can_be_restricted(moto_tables: Tables) -> None:
    client = Client(create_app(moto_tables, cors_origins=["https://events.example"]))
    allowed = client.get("/events", headers=ORIGIN)
    assert allowed.headers["access-control-allow-origin"] == "https://events.example"
    other = client.get("/events", headers={"Origin": "https://other.example"})
    assert "access-control-allow-origin" not in other.headers
    preflight = {"Origin": "https://other.example", "Access-Control-Request-Method": "PUT"}
    assert client.request("OPTIONS", "/events/conf", headers=preflight).status_code == 400


@pytest.mark.parametrize("inline", [True, False])
def test_handlers_run_on_a_thread_unless_they_are_called_inline(
    moto_tables: Tables, monkeypatch: pytest.MonkeyPatch, *, inline: bool
) -> None:
    threads: list[threading.Thread] = []
    monkeypatch.setattr(moto_tables, "ping", lambda: threads.append(threading.current_thread()))
    assert Client(create_app(moto_tables, inline=inline)).get("/health").status_code == 200
    assert (threads == [threading.main_thread()]) is inline


def test_requests_succeed_again_when_the_store_is_back(moto_tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client(ResponseCheck(create_app(moto_tables)))

    def down() -> None:
        raise StorageUnavailable("down")

    with monkeypatch.context() as patch:
        patch.setattr(moto_tables, "ping", down)
        assert client.get("/health").status_code == 503
    assert client.get("/health").status_code == 200
