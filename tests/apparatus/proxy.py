"""TCP proxy that delays and resets requests and loses replies, at seeded rates or on command.

It works between a client and the server, or between the server and the store. It parses no protocol: a request is
everything that the client sends after a reply, as in HTTP/1.1 without pipelining.
"""

import contextlib
import random
import select
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import Enum, auto
from typing import Final

SEGMENT: Final = 65536
DELAY_SECONDS: Final = 0.02


class Fault(Enum):
    """The treatment of a request."""

    PASS = auto()
    DELAY = auto()
    #: The connection is reset before the request is forwarded.
    RESET = auto()
    #: The request is forwarded, and the connection is reset when the reply arrives.
    LOSE_REPLY = auto()


#: Chooses the fault of a request from its first bytes, on the thread of its connection.
Plan = Callable[[bytes], Fault]


def passing(_request: bytes) -> Fault:
    """Choose no fault for any request."""
    return Fault.PASS


def seeded(seed: int, rates: Mapping[Fault, float]) -> Plan:
    """Return a plan that draws the fault of each request in order of arrival; the remaining requests pass."""
    dice, lock = random.Random(seed), threading.Lock()  # noqa: S311 - reproducible, not secret
    faults = [*rates, Fault.PASS]
    weights = [*rates.values(), 1 - sum(rates.values())]

    def plan(_request: bytes) -> Fault:
        with lock:
            return dice.choices(faults, weights)[0]

    return plan


class Proxy:
    """A listening proxy; changes of `plan` and `target` apply to the next request or connection.

    `met` counts requests by fault. The proxy calls `at_loss` when a reply arrives that is to be lost.
    """

    def __init__(self, target: int, plan: Plan) -> None:
        """Listen on a free port, and forward to a loopback port."""
        self.target = target
        self.plan = plan
        self.at_loss: Callable[[], object] = lambda: None
        self.met: Counter[Fault] = Counter()
        self._connections: dict[threading.Thread, socket.socket] = {}
        self._lock = threading.Lock()
        self._listen(0)
        self.port = int(self._listener.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"

    def _listen(self, port: int) -> None:
        self._listener = socket.create_server(("127.0.0.1", port), backlog=128)
        self._acceptor = threading.Thread(target=self._accept, args=[self._listener], name="proxy")
        self._acceptor.start()

    def refuse(self) -> None:
        """Cut every connection and refuse new ones, as if the target were down."""
        # On Linux, shutdown also wakes the thread that waits for a connection or a byte; close would not.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._acceptor.join()
        self._listener.close()
        with self._lock:
            connections = dict(self._connections)
        for thread, connection in connections.items():
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            thread.join()

    def come_back(self) -> None:
        """Listen again, on the same port."""
        self._listen(self.port)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _address = listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=[client], name="proxy-connection")
            with self._lock:
                self._connections[thread] = client
            thread.start()

    def _serve(self, client: socket.socket) -> None:
        try:
            with client, contextlib.suppress(OSError):
                if not self._relay(client):
                    # With a linger time of zero, closing sends a reset instead of an orderly end.
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        finally:
            with self._lock:
                del self._connections[threading.current_thread()]

    def _relay(self, client: socket.socket) -> bool:
        """Forward data until one side ends (return True) or the connection must be reset (return False)."""
        try:
            server = socket.create_connection(("127.0.0.1", self.target))
        except ConnectionRefusedError:
            return False
        with server:
            for side in (client, server):
                # Forward small segments at once, without waiting for acknowledgements.
                side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            fault: Fault | None = None
            while True:
                ready, _, _ = select.select([client, server], [], [])
                if client in ready:
                    sent = client.recv(SEGMENT)
                    if not sent:
                        return True
                    fault = fault or self._meet(sent)
                    if fault is Fault.RESET:
                        return False
                    server.sendall(sent)
                if server in ready:
                    replied = server.recv(SEGMENT)
                    if not replied:
                        return fault is None
                    if fault is Fault.LOSE_REPLY:
                        self.at_loss()
                        return False
                    fault = None
                    client.sendall(replied)

    def _meet(self, request: bytes) -> Fault:
        fault = self.plan(request)
        with self._lock:
            self.met[fault] += 1
        if fault is Fault.DELAY:
            time.sleep(DELAY_SECONDS)
        return fault


@contextmanager
def proxy(target: int, plan: Plan = passing) -> Iterator[Proxy]:
    """Run a proxy to a loopback port for the duration of the context."""
    running = Proxy(target, plan)
    try:
        yield running
    finally:
        running.refuse()
