"""The proxy that breaks connections: what it says that it does is what happens."""

import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from tests.apparatus.proxy import Fault, Proxy, proxy, seeded


class Service(ThreadingHTTPServer):
    """Answers every request with its path, and remembers it."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[str] = []


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Service

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append(self.path)
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.path)))
        self.end_headers()
        self.wfile.write(self.path.encode())

    def log_message(self, *_arguments: object) -> None:
        """Print nothing."""


@pytest.fixture
def service() -> Iterator[Service]:
    with Service() as running:
        thread = threading.Thread(target=running.serve_forever, args=[0.02])
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def between(service: Service) -> Iterator[Proxy]:
    with proxy(service.server_address[1]) as running:
        yield running


@pytest.fixture
def client(between: Proxy) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=between.url, timeout=30) as running:
        yield running


def plan(between: Proxy, faults: dict[str, Fault]) -> None:
    """Choose the fault by how a request begins."""
    between.plan = lambda request: next(
        (fault for start, fault in faults.items() if request.startswith(start.encode())), Fault.PASS
    )


def test_requests_on_one_connection_pass_in_order_however_long_they_are(client: httpx.Client, service: Service) -> None:
    for path in ("/a", "/b", "/c"):
        assert client.post(path, content=b"x" * 1_000_000).text == path
    assert service.asked == ["/a", "/b", "/c"]


def test_a_reset_request_never_arrives(client: httpx.Client, between: Proxy, service: Service) -> None:
    plan(between, {"POST /broken ": Fault.RESET})
    assert client.post("/first").text == "/first"
    with pytest.raises(httpx.TransportError):
        client.post("/broken")
    assert client.post("/last").text == "/last"
    assert service.asked == ["/first", "/last"]


def test_a_lost_reply_belongs_to_a_request_that_was_done(
    client: httpx.Client, between: Proxy, service: Service
) -> None:
    done: list[str] = []
    between.at_loss = lambda: done.extend(service.asked)
    plan(between, {"POST /lost ": Fault.LOSE_REPLY})
    with pytest.raises(httpx.TransportError):
        client.post("/lost", content=b"x" * 1_000_000)
    assert service.asked == done == ["/lost"]
    assert client.post("/next").text == "/next"


def test_while_it_refuses_nothing_connects_and_then_it_is_back_at_the_same_place(
    client: httpx.Client, between: Proxy, service: Service
) -> None:
    client.post("/before")
    between.refuse()
    with pytest.raises(httpx.TransportError):
        client.post("/meanwhile")
    with pytest.raises(httpx.ConnectError):
        httpx.post(f"{between.url}/meanwhile")
    between.come_back()
    client.post("/after")
    assert service.asked == ["/before", "/after"]


def test_a_target_that_is_gone_resets_and_another_can_take_its_place(between: Proxy, service: Service) -> None:
    target, between.target = between.target, 9
    with pytest.raises(httpx.TransportError):
        httpx.post(f"{between.url}/gone")
    between.target = target
    assert httpx.post(f"{between.url}/found").text == "/found"
    assert service.asked == ["/found"]


def test_the_same_seed_breaks_the_same_requests_at_about_the_given_rates(
    client: httpx.Client, between: Proxy, service: Service
) -> None:
    def run(seed: int) -> list[str]:
        service.asked.clear()
        between.plan = seeded(seed, {Fault.RESET: 0.2, Fault.LOSE_REPLY: 0.1, Fault.DELAY: 0.02})
        for number in range(100):
            with suppress(httpx.TransportError):
                client.post(f"/{number}")
        return list(service.asked)

    first = run(1)
    met = between.met.copy()
    assert run(1) == first != run(2)
    assert sum(met.values()) == 100
    assert (10 <= met[Fault.RESET] <= 30, 3 <= met[Fault.LOSE_REPLY] <= 20, met[Fault.DELAY] > 0) == (True,) * 3
    assert len(first) == 100 - met[Fault.RESET]
