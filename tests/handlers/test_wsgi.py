"""The application behind a WSGI server (wsgiref's) in a process of its own."""

import os
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest

from storage.dynamodb.tables import Tables
from storage.schema import TABLE_VARIABLES
from tests.apparatus.patience import until
from tests.apparatus.registered import crowd, raise_and_crash

SERVER = """
from wsgiref.simple_server import make_server
from handlers.wsgi import app
server = make_server("127.0.0.1", 0, app)
print(server.server_port, flush=True)
server.serve_forever()
"""


@pytest.fixture
def url(ministack_tables: Tables, store_url: str) -> Iterator[str]:
    names = {TABLE_VARIABLES[table]: name for table, name in ministack_tables.names.items()}
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER],
        env={**os.environ, **names, "AWS_ENDPOINT_URL_DYNAMODB": store_url},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with server:
        assert server.stdout is not None
        yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        server.terminate()


def test_a_wsgi_server_finishes_the_promotions_that_its_requests_leave(
    url: str, ministack_tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    crowd(ministack_tables, 200)
    raise_and_crash(ministack_tables, monkeypatch, 201)
    assert httpx.delete(f"{url}/events/e/registrations/u0150").status_code == 204
    until(lambda: httpx.get(f"{url}/events/e").json()["waitlistCount"] == 0)
    assert httpx.get(f"{url}/events/e").json()["confirmedCount"] == 200


def test_a_wsgi_server_gives_the_same_answers(url: str) -> None:
    assert httpx.get(f"{url}/health").json() == {"status": "healthy"}
    created = httpx.post(f"{url}/users", json={"userId": "zoe", "name": "Zoë"})
    assert (created.status_code, created.json()["name"]) == (201, "Zoë")
    missing = httpx.get(f"{url}/users/nobody")
    assert (missing.status_code, missing.headers["content-type"]) == (404, "application/problem+json")
