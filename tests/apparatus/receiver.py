"""A receiver of webhooks, which verifies each signature, and can be slow, down, or answer as a test wants."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks.webhooks import Webhook

from handlers.webhooks.endpoint import new_secret
from storage.notifications import Kind
from tests.apparatus.patience import until

#: Returns the status of the answer to a notification, which may wait before it does, and headers.
Answer = Callable[[dict[str, Any]], tuple[int, Mapping[str, str]]]


def take(_notification: dict[str, Any]) -> tuple[int, Mapping[str, str]]:
    """Take a notification."""
    return 204, {}


class Receiver:
    """The receiver: `taken` has each notification that it answered with 2xx, and `asked` all of them, in order.

    `times` has the Unix time at which each of `taken` came.
    """

    def __init__(self, secret: str) -> None:
        self.secret = secret
        self.answer: Answer = take
        self.asked: list[dict[str, Any]] = []
        self.taken: list[dict[str, Any]] = []
        self.headers: list[Mapping[str, str]] = []
        self._lock = threading.Lock()
        self.url = ""

    def receive(self, body: bytes, headers: Mapping[str, str]) -> tuple[int, Mapping[str, str]]:
        """Return the status and headers of the answer."""
        notification: dict[str, Any] = Webhook(self.secret).verify(body, dict(headers))
        assert headers["webhook-id"] == notification["id"]
        with self._lock:
            self.asked.append(notification)
            self.headers.append(headers)
        status, more = self.answer(notification)
        if status < 300:
            with self._lock:
                self.taken.append(notification)
        return status, more

    def told(self) -> list[tuple[str, str]]:
        """Return kind and user of each notification that was taken."""
        with self._lock:
            return [(kind_of(it), it["subject"]) for it in self.taken]

    def wait_until_taken(self, number: int, seconds: float = 30) -> list[dict[str, Any]]:
        """Wait until this number of notifications was taken, and return them."""
        until(lambda: len(self.taken) >= number, seconds=seconds)
        return list(self.taken)


def kind_of(notification: Mapping[str, Any]) -> Kind:
    """Return the kind of a notification, from its type."""
    kind: Kind = notification["type"].split(".")[2]
    return kind


def distinct(told: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return notifications without repetitions, which must be equal; the rest must have come in order."""
    by_id: dict[str, dict[str, Any]] = {}
    for it in told:
        assert by_id.setdefault(it["id"], it) == it, "the same id is that of another notification"
    found = list(by_id.values())
    sequence = [it["sequence"] for it in found]
    assert sequence == sorted(set(sequence)), "the sequence does not grow"
    return found


def registrations(told: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Return what all notifications of one event add up to: the registration of each user."""
    found: dict[str, Any] = {}
    for it in told:
        if kind_of(it) == "cancelled":
            del found[it["subject"]]
        else:
            found[it["subject"]] = it["data"]
    return found


@contextmanager
def receiving(secret: str | None = None, port: int = 0) -> Iterator[Receiver]:
    """Run a receiver on a loopback port while the context lasts."""
    receiver = Receiver(secret or new_secret())

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, headers = receiver.receive(body, {name.lower(): value for name, value in self.headers.items()})
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    serving = threading.Thread(target=server.serve_forever, args=[0.02])
    serving.start()
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}/hook?from=tests"
    try:
        yield receiver
    finally:
        server.shutdown()
        serving.join()
        server.server_close()
