"""The load generator's connection reads responses, and recovers from lost connections."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest

from tests.bench.load import connection as under_test
from tests.bench.load.connection import Connection, Response, UnreadableResponseError

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"


def exchange(use: Callable[[Connection], Awaitable[None]], *answers: Sequence[bytes]) -> list[bytes]:
    """Use a connection to a server that answers each TCP connection with the next of `answers`, chunk by chunk.

    Return the requests that the server has received.
    """
    left, requests = list(answers), list[bytes]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(await reader.readuntil(b"\r\n\r\n"))
        for chunk in left.pop(0):
            writer.write(chunk)
            await asyncio.sleep(0.01)
        writer.close()

    async def run() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        connection = Connection(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/stage")
        async with server:
            await use(connection)
            connection.close()
            await asyncio.sleep(0.05)

    asyncio.run(run())
    return requests


def test_a_response_may_arrive_in_pieces_and_below_a_stage_path() -> None:
    async def use(connection: Connection) -> None:
        assert await connection.send("GET", "/events") == Response(200, b"{}")

    (request,) = exchange(use, [HEAD[:20], HEAD[20:], b"{", b"}"])
    assert request.startswith(b"GET /stage/events HTTP/1.1\r\n")


def test_204_has_no_body() -> None:
    async def use(connection: Connection) -> None:
        assert await connection.send("DELETE", "/") == Response(204, b"")

    exchange(use, [b"HTTP/1.1 204 No Content\r\n\r\n"])


def test_a_lost_connection_is_an_error_once_and_the_next_request_connects_again() -> None:
    async def use(connection: Connection) -> None:
        with pytest.raises(ConnectionError):
            await connection.send("GET", "/")
        assert await connection.send("GET", "/") == Response(200, b"{}")

    assert len(exchange(use, [HEAD], [HEAD + b"{}"])) == 2


def test_a_late_response_is_not_taken_for_that_of_the_next_request(monkeypatch: pytest.MonkeyPatch) -> None:
    async def use(connection: Connection) -> None:
        monkeypatch.setattr(under_test, "TIMEOUT_SECONDS", 0.01)
        with pytest.raises(TimeoutError):
            await connection.send("GET", "/")
        monkeypatch.undo()
        assert await connection.send("GET", "/") == Response(200, b"{}")

    exchange(use, [b"", b"", b"", HEAD + b"[]"], [HEAD + b"{}"])


def test_a_response_without_a_length_is_an_error() -> None:
    async def use(connection: Connection) -> None:
        with pytest.raises(UnreadableResponseError):
            await connection.send("GET", "/")

    exchange(use, [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"])
