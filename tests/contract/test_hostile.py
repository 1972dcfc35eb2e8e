"""Hostile bytes on a socket, as no HTTP library sends them: each gets its answer and stores nothing."""

import json
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, suppress

import pytest
import uvicorn

from handlers.app import create_app
from handlers.contract import Contract
from storage.dynamodb.tables import Tables
from storage.schema import TABLES
from tests.apparatus.response_check import ResponseCheck
from tests.contract.hostile import SERVER, TABLE, Row, line

OPERATIONS = Contract().operations.values()
PATHS = sorted(
    {operation.path.format(eventId="conf", userId="ann", asset="swagger-ui.css") for operation in OPERATIONS}
)


@pytest.fixture(scope="module")
def address(moto_connection: Tables) -> Iterator[tuple[str, int]]:
    """Serve the application with uvicorn on a free port, as `events-api` does, and yield its address."""
    app = ResponseCheck(create_app(moto_connection))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        server = uvicorn.Server(uvicorn.Config(app, http="h11", log_config=None, access_log=False, lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield listener.getsockname()
        server.should_exit = True
        thread.join()


def answer(address: tuple[str, int], request: bytes) -> tuple[int, dict[str, str], bytes]:
    """Send bytes, and return the status, headers and body of the only response."""
    with closing(socket.create_connection(address, timeout=30)) as connection:
        received = b""
        # A server may close the connection without reading the rest of a request that it has answered.
        with suppress(ConnectionError):
            connection.sendall(request)
        with suppress(ConnectionError):
            while part := connection.recv(65536):
                received += part
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    found = re.fullmatch(r"HTTP/1\.1 (\d{3}) .*", first)
    assert found, received[:200]
    return int(found[1]), {name.lower(): value for name, value in (each.split(": ", 1) for each in lines)}, body


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_a_hostile_request_has_its_answer_and_stores_nothing(
    row: Row, address: tuple[str, int], moto_tables: Tables
) -> None:
    status, headers, body = answer(address, row.request)

    assert status == row.status, body
    assert "set-cookie" not in headers
    if row.problem is None:
        assert body == b""
    elif row.problem is SERVER:
        assert headers["content-type"].startswith("text/plain")
    else:
        assert headers["content-type"] == "application/problem+json"
        assert json.loads(body)["type"].removeprefix("urn:problem-type:events-api:") == row.problem
    assert not [table for table in TABLES if moto_tables.client.scan(TableName=table)["Items"]]


@pytest.mark.usefixtures("moto_tables")
@pytest.mark.parametrize("path", PATHS)
def test_head_is_get_without_the_body(path: str, address: tuple[str, int]) -> None:
    status, headers, body = answer(address, line("GET", path))
    of_head = answer(address, line("HEAD", path))

    # Only the date and the id differ from one request to the next, and in problems the instance, of a fixed length.
    for each in (headers, of_head[1]):
        each.pop("date")
        each.pop("x-request-id")
    if "content-length" not in headers:
        headers["content-length"] = str(len(body))
    assert of_head == (status, headers, b"")


@pytest.mark.usefixtures("moto_tables")
@pytest.mark.parametrize("path", PATHS)
def test_options_lists_the_methods_of_a_path_and_answers_preflights(path: str, address: tuple[str, int]) -> None:
    status, headers, _body = answer(address, line("OPTIONS", path))
    assert status == 405
    assert headers["allow"]

    preflight = ("Origin: https://example.com", "Access-Control-Request-Method: PUT")
    status, headers, _body = answer(address, line("OPTIONS", path, *preflight))
    assert status == 200
    assert headers["access-control-allow-origin"] == "*"


@pytest.mark.usefixtures("moto_tables")
@pytest.mark.parametrize("accept", ["text/html", "application/xml;q=1, application/json;q=0", "nothing at all"])
def test_accept_is_ignored_as_there_is_only_one_representation(accept: str, address: tuple[str, int]) -> None:
    """RFC 9110, 12.5.1 allows a server to ignore Accept; a JSON body is more useful than a 406."""
    status, headers, _body = answer(address, line("GET", "/events", f"Accept: {accept}"))
    assert (status, headers["content-type"]) == (200, "application/json")
