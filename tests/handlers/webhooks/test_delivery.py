"""One attempt: what is sent, what each answer means, and where nothing is sent."""

import base64
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from handlers.models.answers import RegistrationNotification
from handlers.settings import SettingsError
from handlers.webhooks import delivery
from handlers.webhooks.addresses import is_outside
from handlers.webhooks.cloud_event import cloud_event
from handlers.webhooks.delivery import Verdict, deliver, retry_after
from handlers.webhooks.endpoint import Endpoint, new_secret
from storage.model import Registration
from storage.notifications import Notification
from tests.apparatus.odd_server import Reply, certificate, odd_server, presenting, reply
from tests.apparatus.receiver import receiving

SEAT = Registration(
    event_id="e", user_id="ann@example.com", status="confirmed", registered_at="2030-01-01T00:00:00.000Z"
)
TOLD: RegistrationNotification = cloud_event(
    Notification("confirmed", SEAT), event_id="one", sequence=1, at=datetime.now(UTC)
)
SECRET = "whsec_" + base64.b64encode(bytes(32)).decode()


def local(url: str, secret: str = SECRET) -> Endpoint:
    return Endpoint.of(url, secret, inside=True)


def test_a_notification_arrives_as_it_is_and_signed() -> None:
    with receiving(SECRET) as receiver:
        outcome = deliver(local(receiver.url), TOLD)
    assert outcome.verdict is Verdict.DELIVERED
    assert receiver.taken == [TOLD]
    (headers,) = receiver.headers
    assert headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    assert headers["host"] == receiver.url.split("/")[2]


def test_while_one_secret_replaces_another_both_sign() -> None:
    other = new_secret()
    for known in (SECRET, other):
        with receiving(known) as receiver:
            assert deliver(local(receiver.url, f"{SECRET} {other}"), TOLD).verdict is Verdict.DELIVERED


def test_a_receiver_with_another_secret_does_not_take_it() -> None:
    signed = delivery.signed(local("http://localhost/", new_secret()), "one", "{}", datetime.now(UTC))
    with pytest.raises(Exception, match="No matching signature"):
        Webhook(SECRET).verify("{}", signed)


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        *((status, Verdict.DELIVERED) for status in (200, 201, 202, 204)),
        *((status, Verdict.LATER) for status in (408, 425, 429, 500, 502, 503, 504, 599)),
        *((status, Verdict.REFUSED) for status in (300, 304, 400, 401, 403, 404, 409, 413, 415, 422, 451)),
        (410, Verdict.GONE),
    ],
)
def test_a_status_decides_what_becomes_of_a_notification(status: int, verdict: Verdict) -> None:
    with receiving(SECRET) as receiver:
        receiver.answer = lambda _notification: (status, {})
        outcome = deliver(local(receiver.url), TOLD)
    assert (outcome.verdict, outcome.reason, outcome.after) == (verdict, f"answered {status}", None)


def test_no_redirect_is_followed() -> None:
    with receiving(SECRET) as elsewhere, receiving(SECRET) as receiver:
        receiver.answer = lambda _notification: (307, {"Location": elsewhere.url})
        assert deliver(local(receiver.url), TOLD).verdict is Verdict.REFUSED
    assert elsewhere.asked == []


def test_a_busy_receiver_says_when_it_is_asked_again() -> None:
    with receiving(SECRET) as receiver:
        receiver.answer = lambda _notification: (429, {"Retry-After": "120"})
        assert deliver(local(receiver.url), TOLD).after == 120


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("7", 7),
        ("999999999999", 3600),
        ("Tue, 01 Jan 2030 00:01:00 GMT", 60),
        ("Mon, 31 Dec 2029 23:00:00 GMT", 0),
        ("Wed, 02 Jan 2030 00:00:00 GMT", 3600),
    ],
)
def test_a_wait_is_in_seconds_or_until_a_date(text: str | None, seconds: float | None) -> None:
    assert retry_after(text, datetime(2030, 1, 1, tzinfo=UTC)) == seconds


def dripping(_request: bytes) -> Reply:
    return Reply([b"H", *[b"T"] * 100], pause_seconds=0.1)


@pytest.mark.parametrize(
    "answer",
    [
        lambda _request: Reply([b""], close=True),
        lambda _request: Reply([b"not HTTP\r\n\r\n"], close=True),
        lambda _request: Reply([b"HTTP/1.1 204 No Content\r\n" + b"X: y\r\n" * 90_000], close=True),
        lambda _request: Reply([b"HTTP/1.1 204 No Content\r\nX: " + b"y" * 70_000], close=True),
        lambda _request: Reply([b""], reset=True),
        dripping,
    ],
)
def test_no_answer_or_none_that_ends_is_later(answer: Callable[[bytes], Reply]) -> None:
    with odd_server(answer) as server:
        outcome = deliver(local(server.url), TOLD, seconds=0.5)
    assert outcome.verdict is Verdict.LATER
    assert outcome.reason.startswith("no answer: ")


def test_the_body_of_an_answer_is_not_read() -> None:
    endless = Reply([b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n", *[b"x"] * 50], pause_seconds=0.1)
    with odd_server(lambda _request: endless) as server:
        assert deliver(local(server.url), TOLD, seconds=2).verdict is Verdict.DELIVERED


def test_a_port_where_nobody_listens_is_later() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    outcome = deliver(local(f"http://127.0.0.1:{port}/"), TOLD)
    assert (outcome.verdict, "ConnectionRefusedError" in outcome.reason) == (Verdict.LATER, True)


@pytest.mark.parametrize("host", ["nowhere.invalid", f"{'a' * 64}.example.com"])
def test_a_name_that_is_not_known_is_later(host: str) -> None:
    assert deliver(local(f"https://{host}/"), TOLD).verdict is Verdict.LATER


INSIDE = [
    "127.0.0.1",
    "127.8.9.10",
    "0.0.0.0",  # noqa: S104 - an address to refuse
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",
    "198.18.0.1",
    "224.0.0.1",
    "239.1.1.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::127.0.0.1",
    "fe80::1",
    "fe80::1%1",
    "fc00::1",
    "fd00:ec2::254",
    "fec0::1",
    "ff02::1",
    "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::",
    "2001:0:7f00:1::",
    "2001:db8::1",
]


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_inside_the_network_is_inside(address: str) -> None:
    assert not is_outside(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.215.14", "2606:4700:4700::1111", "::ffff:1.1.1.1"])
def test_a_public_address_is_outside(address: str) -> None:
    assert is_outside(address)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254", "2130706433", "0x7f.1"]
)
def test_nothing_is_sent_inside_the_network(host: str) -> None:
    outcome = deliver(Endpoint.of(f"https://{host}/", SECRET), TOLD)
    assert (outcome.verdict, "inside the network" in outcome.reason) == (Verdict.REFUSED, True)


def resolving(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Let names have these addresses, one answer after the other; return what was connected to."""
    left, asked = list(answers), list[str]()
    found: Any = socket.getaddrinfo

    def getaddrinfo(_host: str, port: int, **_more: Any) -> list[Any]:
        return [each for address in left.pop(0) for each in found(address, port, type=socket.SOCK_STREAM)]

    class Connection(socket.socket):
        def connect(self, address: Any) -> None:
            asked.append(address[0])
            raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(socket, "socket", Connection)
    return asked


def test_a_name_that_leads_inside_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = resolving(monkeypatch, ["10.0.0.1", "::1"])
    assert deliver(Endpoint.of("https://example.com/", SECRET), TOLD).verdict is Verdict.REFUSED
    assert asked == []


def test_only_the_addresses_outside_are_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = resolving(monkeypatch, ["10.0.0.1", "1.1.1.1", "127.0.0.1"])
    assert deliver(Endpoint.of("https://example.com/", SECRET), TOLD).verdict is Verdict.LATER
    assert asked == ["1.1.1.1"]


def test_a_name_that_changes_after_the_check_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = resolving(monkeypatch, ["1.1.1.1"], ["127.0.0.1"])
    deliver(Endpoint.of("https://example.com/", SECRET), TOLD)
    assert asked == ["1.1.1.1"]


@pytest.fixture
def trust(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Path], None]]:
    def trusted(authority: Path) -> None:
        monkeypatch.setenv("SSL_CERT_FILE", str(authority))
        delivery.tls_context.cache_clear()

    yield trusted
    delivery.tls_context.cache_clear()


@pytest.mark.parametrize(
    ("host", "days", "verdict"),
    [("localhost", 1, Verdict.DELIVERED), ("example.com", 1, Verdict.LATER), ("localhost", -1, Verdict.LATER)],
)
def test_the_certificate_must_be_valid_and_of_the_host(
    host: str, days: int, verdict: Verdict, tmp_path: Path, trust: Callable[[Path], None]
) -> None:
    pem = certificate(tmp_path, host, days=days)
    trust(pem)
    with odd_server(reply(), presenting(pem)) as server:
        assert deliver(local(server.url), TOLD).verdict is verdict


def test_a_certificate_of_an_unknown_authority_is_no_answer(tmp_path: Path) -> None:
    with odd_server(reply(), presenting(certificate(tmp_path, "localhost"))) as server:
        outcome = deliver(local(server.url), TOLD)
    assert (outcome.verdict, "CERTIFICATE_VERIFY_FAILED" in outcome.reason) == (Verdict.LATER, True)
    assert server.requests == []


@pytest.mark.parametrize(
    ("url", "secret", "reason"),
    [
        ("ftp://example.com/", SECRET, "must be a URL"),
        ("example.com", SECRET, "must be a URL"),
        ("https:///hook", SECRET, "must be a URL"),
        ("https://exämple.com/", SECRET, "must be a URL"),
        ("https://example.com/a b", SECRET, "must be a URL"),
        ("https://example.com/\r\nX: y", SECRET, "must be a URL"),
        ("https://example.com:99999/", SECRET, "not a URL"),
        ("https://[::1/", SECRET, "not a URL"),
        ("https://ann:pw@example.com/", SECRET, "user or a password"),
        ("http://example.com/", SECRET, "must be an https URL"),
        ("https://example.com/", "", "random bytes"),
        ("https://example.com/", "secret", "random bytes"),
        ("https://example.com/", "whsec_c2hvcnQ=", "random bytes"),
        ("https://example.com/", f"{SECRET} whsec_?", "random bytes"),
    ],
)
def test_an_endpoint_that_can_not_be_used_is_refused_with_its_reason(url: str, secret: str, reason: str) -> None:
    with pytest.raises(SettingsError, match=reason) as refusal:
        Endpoint.of(url, secret)
    assert secret == "" or "whsec_c2hv" not in str(refusal.value)


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("https://Example.com", ("example.com", 443, "/")),
        ("https://example.com:8443/a/b?c=d#e", ("example.com", 8443, "/a/b?c=d")),
        ("https://[2606:4700::1]/?x", ("2606:4700::1", 443, "/?x")),
    ],
)
def test_an_endpoint_has_the_parts_of_its_url(url: str, parts: tuple[str, int, str]) -> None:
    endpoint = Endpoint.of(url, SECRET)
    assert (endpoint.host, endpoint.port, endpoint.target) == parts
    assert SECRET not in repr(endpoint)
