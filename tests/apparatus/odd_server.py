"""An HTTP server that answers each request with scripted bytes, over TLS if asked, on a port of the system's choice."""

import datetime as dt
import ipaddress
import re
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Reply:
    """The bytes of a response, in segments with pauses between them, and what becomes of the connection."""

    segments: Sequence[bytes]
    pause_seconds: float = 0.0
    close: bool = False
    reset: bool = False


def reply(body: bytes = b"{}", *headers: bytes, status: bytes = b"200 OK", **more: bool) -> Reply:
    """Return a response with a length."""
    lines = [b"HTTP/1.1 " + status, b"Content-Length: %d" % len(body), *headers]
    return Reply([b"\r\n".join([*lines, b"", body])], **more)


class OddServer:
    """The server: `requests` has the bytes of each request, `connections` counts all, and `open` those not ended."""

    def __init__(self, answer: Callable[[bytes], Reply], context: ssl.SSLContext | None) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self.open = 0
        self._connections: list[socket.socket] = []
        self._answer = answer
        self._context = context
        self._changed = threading.Condition()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()
        self.url = f"http{'s' if context else ''}://localhost:{self._listener.getsockname()[1]}"

    def wait_until_open(self, number: int) -> None:
        """Wait until this number of connections is open, as the server sees it."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.open == number, timeout=10), f"{self.open} are open"

    def stop(self) -> None:
        # On Linux, shutdown also wakes the thread that waits for a connection or a byte; close would not.
        for waiting in [self._listener, *self._connections]:
            with suppress(OSError):
                waiting.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(10)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection = self._listener.accept()[0]
                self._connections.append(connection)
                self._note(1)
                thread = threading.Thread(target=self._serve, args=[connection])
                self._threads.append(thread)
                thread.start()

    def _note(self, change: int) -> None:
        with self._changed:
            self.connections += max(0, change)
            self.open += change
            self._changed.notify_all()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with suppress(OSError):
                if self._context:
                    connection = self._context.wrap_socket(connection, server_side=True)
                    self._connections.append(connection)
                while self._exchange(connection):
                    pass
        finally:
            connection.close()
            self._note(-1)

    def _exchange(self, connection: socket.socket) -> bool:
        """Answer one request; return whether the connection stays open."""
        request = b""
        while not (length := _LENGTH.search(request)) or len(request.partition(b"\r\n\r\n")[2]) < int(length[1]):
            received = connection.recv(65536)
            if not received:
                return False
            request += received
        self.requests.append(request)
        answer = self._answer(request)
        for segment in answer.segments:
            connection.sendall(segment)
            time.sleep(answer.pause_seconds)
        if answer.reset:
            # With a linger time of zero, closing sends a reset instead of an orderly end.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return not (answer.close or answer.reset)


@contextmanager
def odd_server(
    answer: Reply | Callable[[bytes], Reply] | Sequence[Reply], context: ssl.SSLContext | None = None
) -> Iterator[OddServer]:
    """Run a server that gives the same answer to all requests, or each request its own."""
    if isinstance(answer, Reply):
        server = OddServer(lambda _request: answer, context)
    elif callable(answer):
        server = OddServer(answer, context)
    else:
        left = iter(answer)
        server = OddServer(lambda _request: next(left), context)
    try:
        yield server
    finally:
        server.stop()


def certificate(folder: Path, host: str, *, days: int = 1) -> Path:
    """Write a certificate for a host, signed by itself, and its key to a file; with days below zero it has expired."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = dt.datetime.now(dt.UTC)
    names: list[x509.GeneralName] = [x509.DNSName(host)]
    with suppress(ValueError):
        names = [x509.IPAddress(ipaddress.ip_address(host))]
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=10))
        .not_valid_after(now + dt.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{host}{days}.pem"
    plain = serialization.NoEncryption()
    pem = serialization.Encoding.PEM
    path.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain) + signed.public_bytes(pem))
    return path


def presenting(certificate_path: Path) -> ssl.SSLContext:
    """Return the TLS settings of a server with a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate_path)
    return context
