"""The same application behind a WSGI server."""

import io
from importlib import import_module, reload
from typing import Any

import pytest

from storage.tables import Tables


@pytest.mark.parametrize(
    ("request_line", "body", "expected"),
    [
        ("GET /health", b"", "200 OK"),
        ("POST /users", b'{"name":"A"}', "201 Created"),
        ("GET /users/nobody", b"", "404 Not Found"),
    ],
)
def test_a_wsgi_server_gets_the_same_answers(
    tables: Tables, monkeypatch: pytest.MonkeyPatch, request_line: str, body: bytes, expected: str
) -> None:
    monkeypatch.setattr(Tables, "connect", lambda *_arguments, **_options: tables)
    app = reload(import_module("handlers.wsgi")).app
    method, path = request_line.split()
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
    }
    statuses: list[str] = []
    content = b"".join(app(environ, lambda status, _headers, _info: statuses.append(status)))
    assert statuses == [expected]
    assert content.startswith(b"{")
    app.loop.call_soon_threadsafe(app.loop.stop)
