"""The proxy delays, resets, loses and refuses as its faults describe."""

import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from tests.apparatus.proxy import Fault, Proxy, proxy, seeded


class Service(ThreadingHTTPServer):
    """Answers every request with its path, and records it in `paths`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.paths: list[str] = []


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Service

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.paths.append(self.path)
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
    """Choose the fault by the first bytes of a request."""
    between.plan = lambda request: next(
        (fault for start, fault in faults.items() if request.startswith(start.encode())), Fault.PASS
    )


def test_requests_on_one_connection_pass_in_order_however_long_they_are(client: httpx.Client, service: Service) -> None:
    for path in ("/a", "/b", "/c"):
        assert client.post(path, content=b"x" * 1_000_000).text == path
    assert service.paths == ["/a", "/b", "/c"]


def test_a_reset_request_does_not_arrive(client: httpx.Client, between: Proxy, service: Service) -> None:
    plan(between, {"POST /broken ": Fault.RESET})
    assert client.post("/first").text == "/first"
    with pytest.raises(httpx.TransportError):
        client.post("/broken")
    assert client.post("/last").text == "/last"
    assert service.paths == ["/first", "/last"]


def test_a_request_whose_reply_is_lost_was_handled(client: httpx.Client, between: Proxy, service: Service) -> None:
    done: list[str] = []
    between.at_loss = lambda: done.extend(service.paths)
    plan(between, {"POST /lost ": Fault.LOSE_REPLY})
    with pytest.raises(httpx.TransportError):
        client.post("/lost", content=b"x" * 1_000_000)
    assert service.paths == done == ["/lost"]
    assert client.post("/next").text == "/next"


def test_while_it_refuses_nothing_connects_and_later_it_listens_on_the_same_port(
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
    assert service.paths == ["/before", "/after"]


def test_a_missing_target_resets_and_another_can_replace_it(between: Proxy, service: Service) -> None:
    target, between.target = between.target, 9
    with pytest.raises(httpx.TransportError):
        httpx.post(f"{between.url}/gone")
    between.target = target
    assert httpx.post(f"{between.url}/found").text == "/found"
    assert service.paths == ["/found"]


def test_the_same_seed_breaks_the_same_requests_at_about_the_given_rates(
    client: httpx.Client, between: Proxy, service: Service
) -> None:
    def run(seed: int) -> list[str]:
        service.paths.clear()
        between.plan = seeded(seed, {Fault.RESET: 0.2, Fault.LOSE_REPLY: 0.1, Fault.DELAY: 0.02})
        for number in range(100):
            with suppress(httpx.TransportError):
                client.post(f"/{number}")
        return list(service.paths)

    first = run(1)
    met = between.met.copy()
    assert run(1) == first != run(2)
    assert sum(met.values()) == 100
    assert (10 <= met[Fault.RESET] <= 30, 3 <= met[Fault.LOSE_REPLY] <= 20, met[Fault.DELAY] > 0) == (True,) * 3
    assert len(first) == 100 - met[Fault.RESET]
