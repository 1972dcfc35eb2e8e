"""A persistent HTTP/1.1 connection on a raw socket, for one request at a time.

It reads only the status, the length and the body of a response, so that the clients take little CPU from the service.
Responses need a `Content-Length`; chunked ones are not supported.
"""

import asyncio
import json
import re
import ssl
from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

TIMEOUT_SECONDS: Final = 30

_HEAD_END: Final = b"\r\n\r\n"
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CLOSE: Final = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)
_NO_CONTENT: Final = 204


class UnreadableResponseError(ConnectionError):
    """A response without `Content-Length` that is not 204."""


class Response(NamedTuple):
    """The status and the body of a response."""

    status: int
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Connection:
    """Sends requests to one server, and connects again after the connection was lost."""

    def __init__(self, url: str) -> None:
        """Take the URL below which all paths are."""
        parts = urlsplit(url)
        assert parts.hostname, url
        self._host = parts.hostname
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._port = parts.port or (443 if self._tls else 80)
        self._root = parts.path.rstrip("/")
        self._headers = f"Host: {parts.netloc}\r\nAccept: */*\r\n"
        self._stream: _Stream | None = None

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        _transport, self._stream = await loop.create_connection(_Stream, self._host, self._port, ssl=self._tls)

    def close(self) -> None:
        if self._stream:
            self._stream.transport.abort()

    async def send(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Response:
        """Send a request and return its response; raise OSError if none arrives within `TIMEOUT_SECONDS`."""
        content = "" if body is None else json.dumps(body)
        described = "" if body is None else f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n"
        request = f"{method} {self._root}{path} HTTP/1.1\r\n{self._headers}{described}\r\n{content}".encode()
        async with asyncio.timeout(TIMEOUT_SECONDS):
            if not (self._stream and self._stream.idle):
                self.close()
                await self.open()
            assert self._stream
            return await self._stream.exchange(request)

    async def fetch(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Return the JSON of a successful response; assert that it is one."""
        response = await self.send(method, path, body)
        assert response.status < 300, f"{method} {path}: {response.status} {response.body.decode()}"
        return response.json()


class _Stream(asyncio.Protocol):
    """One TCP connection; `idle` is true while it can take a request."""

    def __init__(self) -> None:
        self.idle = False
        self._received = b""
        self._response: asyncio.Future[Response] | None = None

    async def exchange(self, request: bytes) -> Response:
        self.idle = False
        self._response = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return await self._response

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.idle = True

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(_HEAD_END)
        if not end or len(body) < _length(head):
            return
        self._received = b""
        self.idle = not _CLOSE.search(head)
        if self._response and not self._response.done():
            self._response.set_result(Response(_status(head), body))

    def connection_lost(self, error: Exception | None) -> None:
        self.idle = False
        if self._response and not self._response.done():
            self._response.set_exception(error or ConnectionResetError("The server closed the connection."))


def _status(head: bytes) -> int:
    return int(head[9:12])


def _length(head: bytes) -> int:
    """Return the length of the body. asyncio closes the connection with the error that is raised here."""
    found = _LENGTH.search(head)
    if found:
        return int(found[1])
    if _status(head) == _NO_CONTENT:
        return 0
    raise UnreadableResponseError
