"""HTTP requests on kept connections, in place of urllib3's pool and responses, which take a quarter of a request's CPU.

Only the exchange of bytes is done here. Connections, TLS and the verification of the server are urllib3's, by the class
and with the settings that botocore uses; signing, retries, and the check of each body's CRC stay botocore's.
`http.client` reads responses other than plain ones. Special settings leave everything to urllib3.
"""

import os
import re
import ssl
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from http.client import HTTPException, HTTPResponse, IncompleteRead
from types import SimpleNamespace
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from botocore import exceptions
from botocore.awsrequest import AWSHTTPConnection, AWSHTTPSConnection, AWSResponse
from botocore.httpsession import create_urllib3_context, get_cert_path
from botocore.session import Session
from botocore.utils import get_environ_proxies
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError
from urllib3.util.connection import is_connection_dropped
from urllib3.util.ssl_match_hostname import CertificateError

#: The head of a plain response: HTTP/1.1, a status with a body, headers on one line each.
_PLAIN: Final = re.compile(rb"HTTP/1\.1 (200|[45][0-9]{2})(?: [^\r\n]*)?\r\n((?:[!-9;-~]+:[^\r\n]*\r\n)+)\r\n")


def kept_connections(client: Any, environ: Mapping[str, str], *, verify: Any) -> "Transport | None":
    """Make a client send its requests by a Transport, unless its settings exclude it; `verify` is `boto3.client`'s."""
    if verify is None:  # botocore's rules.
        bundle = Session(include_builtin_handlers=False).get_config_variable("ca_bundle")
        verify = bundle or os.environ.get("REQUESTS_CA_BUNDLE") or True
    config = client.meta.config
    endpoint = client.meta.endpoint_url
    proxy = (config.proxies or get_environ_proxies(endpoint)).get(urlsplit(endpoint).scheme)  # Not `no_proxy`'s.
    special = not verify or proxy or config.client_cert or config.tcp_keepalive
    if special or environ.get("STORE_TRANSPORT") == "urllib3":
        return None
    transport = Transport(config, str(get_cert_path(verify)))
    # Behind the hooks that may refuse a request.
    client.meta.events.register_last("before-send.dynamodb", transport.send)
    return transport


class Transport:
    """Sends requests on kept connections, which threads may share."""

    def __init__(self, config: Any, ca_bundle: str) -> None:
        """Take botocore's configuration, for its limits, and the file with trusted issuers."""
        self._config = config
        self._ca_bundle = ca_bundle
        self._kept: defaultdict[tuple[str, str], list[Any]] = defaultdict(list)  # By scheme and host.

    def __del__(self) -> None:
        """Close the kept connections."""
        for connection in (each for connections in self._kept.values() for each in connections):
            connection.close()

    def send(self, request: Any, **_event: Any) -> AWSResponse | None:
        """Return the response to a request, or None to leave it to botocore; raise botocore's exceptions."""
        if request.method != "POST" or "?" in request.url or not isinstance(request.body, bytes):
            return None
        try:
            status, headers, body = self._exchange(request, urlsplit(request.url))
        except (ssl.SSLError, CertificateError) as error:
            raise exceptions.SSLError(endpoint_url=request.url, error=error) from error
        except NewConnectionError as error:
            raise exceptions.EndpointConnectionError(endpoint_url=request.url, error=error) from error
        except ConnectTimeoutError as error:
            raise exceptions.ConnectTimeoutError(endpoint_url=request.url, error=error) from error
        except TimeoutError as error:
            raise exceptions.ReadTimeoutError(endpoint_url=request.url, error=error) from error
        except (HTTPException, OSError) as error:
            raise exceptions.ConnectionClosedError(endpoint_url=request.url, error=error, request=request) from error
        except (HTTPError, ValueError) as error:
            raise exceptions.HTTPClientError(error=error) from error
        raw: Any = SimpleNamespace(stream=lambda: [body])
        return AWSResponse(request.url, status, headers, raw)

    def _exchange(self, request: Any, url: SplitResult) -> tuple[int, Any, bytes]:
        kept = self._kept[url.scheme, url.netloc]
        connection = _take(kept) or self._new(url)
        reusable = False
        try:
            if connection.sock is None:
                connection.connect()
            connection.sock.settimeout(request.context["read_timeout"])
            connection.sock.sendall(_written(request, url))
            response, reusable = _read(connection.sock)
        finally:
            if reusable and len(kept) < self._config.max_pool_connections:
                kept.append(connection)
            else:
                connection.close()
        return response

    def _new(self, url: SplitResult) -> Any:
        seconds = self._config.connect_timeout
        if url.scheme == "http":
            return AWSHTTPConnection(url.hostname, url.port, timeout=seconds)
        trust = {"ssl_context": create_urllib3_context(), "cert_reqs": "CERT_REQUIRED", "ca_certs": self._ca_bundle}
        return AWSHTTPSConnection(url.hostname, url.port, timeout=seconds, **trust)


def _take(kept: list[Any]) -> Any:
    """Take a kept connection, or None; one with something to read was closed by the server, or is out of step."""
    with suppress(IndexError):  # There is none, or another thread has taken the last one.
        while is_connection_dropped(connection := kept.pop()):
            connection.close()
        return connection


def _written(request: Any, url: SplitResult) -> bytes:
    host = url.netloc.removesuffix(":443" if url.scheme == "https" else ":80")  # As it is signed.
    lines = [f"POST {url.path or '/'} HTTP/1.1".encode(), f"Host: {host}".encode(), b"Accept-Encoding: identity"]
    for name, value in request.headers.items():  # botocore has signed them.
        lines.append(name.encode() + b": " + (value if isinstance(value, bytes) else value.encode()))
    if any(b"\r" in line or b"\n" in line for line in lines):
        raise ValueError("a header has several lines")
    return b"\r\n".join([*lines, b"", request.body])


def _read(connection: Any) -> tuple[tuple[int, Any, bytes], bool]:
    """Read a response, and return also whether the connection can be kept."""
    with connection.makefile("rb", buffering=65536) as reader:
        received = reader.peek()
        plain = _PLAIN.match(received)
        lines = [line.partition(":") for line in plain[2].decode("latin-1").split("\r\n")[:-1]] if plain else []
        headers = {name.lower(): value.strip() for name, _colon, value in lines}
        length = headers.get("content-length", "")
        special = len(headers) < len(lines) or "transfer-encoding" in headers or not re.fullmatch("[0-9]{1,9}", length)
        if plain is None or special or headers.get("connection", "keep-alive").lower() != "keep-alive":
            return _read_by_library(reader), False
        reader.read(plain.end())
        body = reader.read(int(length))
    if len(body) < int(length):
        raise IncompleteRead(body, int(length) - len(body))
    # Bytes behind the body answer no request.
    return (int(plain[1]), headers, body), len(received) <= plain.end() + int(length)


def _read_by_library(reader: Any) -> tuple[int, Any, bytes]:
    response = HTTPResponse(SimpleNamespace(makefile=lambda _mode: reader), method="POST")  # type: ignore[arg-type]
    response.begin()
    headers = {name: ", ".join(response.headers.get_all(name, [])) for name in response.headers}
    return response.status, headers, response.read()
