"""A TCP proxy that treats requests as a bad network does: under a seed and at set rates, or on command.

It stands between a client and the server, or between the server and the store, and speaks no protocol: a request is
what the client sends after a reply, as in HTTP/1.1 without pipelining.
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
    """What happens to a request."""

    PASS = auto()
    DELAY = auto()
    #: The connection is reset before the request goes on.
    RESET = auto()
    #: The request is delivered, and the connection is reset when the reply comes.
    LOSE_REPLY = auto()


#: Decides by the first bytes of a request, on the thread of its connection.
Plan = Callable[[bytes], Fault]


def passing(_request: bytes) -> Fault:
    """Let everything pass."""
    return Fault.PASS


def seeded(seed: int, rates: Mapping[Fault, float]) -> Plan:
    """Return a plan that draws the fault of each request, in the order in which they come; what is left passes."""
    dice, lock = random.Random(seed), threading.Lock()  # noqa: S311 - faults must repeat under their seed
    faults = [*rates, Fault.PASS]
    weights = [*rates.values(), 1 - sum(rates.values())]

    def plan(_request: bytes) -> Fault:
        with lock:
            return dice.choices(faults, weights)[0]

    return plan


class Proxy:
    """A listening proxy; `plan` and `target` can be changed at any time, and count for the next request or connection.

    `met` counts the requests by what happened to them. `at_loss` is called when a reply has come that is to be lost.
    """

    def __init__(self, target: int, plan: Plan) -> None:
        """Take the loopback port that connections lead to."""
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
        """Cut every connection and refuse new ones, as if what is behind were down."""
        # On Linux, this also wakes the thread that waits for the next connection or byte; closing would not.
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
                    # Closing at once sends a reset, and not the end of an orderly conversation.
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        finally:
            with self._lock:
                del self._connections[threading.current_thread()]

    def _relay(self, client: socket.socket) -> bool:
        """Pass on what both sides send until one has ended (true), or the connection is to be reset (false)."""
        try:
            server = socket.create_connection(("127.0.0.1", self.target))
        except ConnectionRefusedError:
            return False
        with server:
            for side in (client, server):
                # What came in pieces goes on in pieces, and waits for no acknowledgement.
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
    """Run a proxy to a loopback port as long as the context lasts."""
    running = Proxy(target, plan)
    try:
        yield running
    finally:
        running.refuse()
