"""The service's own transport and urllib3's do the same with a server that does not behave.

Each test runs with both: what it claims of the one is the standard for the other.
"""

import gzip
import json
import socket
import threading
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore import exceptions
from botocore.config import Config

from storage.dynamodb.deadline import CONNECT_SECONDS, within
from storage.dynamodb.tables import Tables
from storage.embedded import EMULATOR_ACCESS
from tests.apparatus.hooks import hooked
from tests.apparatus.odd_server import OddServer, Reply, certificate, odd_server, presenting, reply

Connect = Callable[..., Tables]
STEP: Any = {"Put": {"TableName": "Users", "Item": {"userId": {"S": "a"}}}}


@pytest.fixture(params=["own", "urllib3"])
def connect(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Connect:
    """Connect to a server, with one attempt for each call."""
    for name in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)

    def connected(url: str, attempts: int = 1, config: Config | None = None, **options: Any) -> Tables:
        once = Config(retries={"mode": "standard", "total_max_attempts": attempts}).merge(config or Config())
        environ = {"STORE_TRANSPORT": request.param}
        tables = Tables.connect(environ, endpoint_url=url, config=once, **EMULATOR_ACCESS, **options)
        assert (tables.transport is None) == (request.param == "urllib3" or options.get("verify") is False)
        return tables

    return connected


def read(tables: Tables, user_id: str = "a") -> Any:
    return tables.client.get_item(TableName="Users", Key={"userId": {"S": user_id}}).get("Item")


def write(tables: Tables) -> None:
    tables.client.transact_write_items(TransactItems=[STEP], ClientRequestToken="t")


def item(text: str) -> bytes:
    return json.dumps({"Item": {"text": {"S": text}}}).encode()


ITEM = item("x")
HEAD = b"HTTP/1.1 200 OK\r\n%s\r\n\r\n"


def fails(connect: Connect, answer: Reply | list[Reply], error: type[Exception]) -> None:
    """Check that a write raises an error, and that it was sent only once."""
    with odd_server(answer) as server, pytest.raises(error):
        write(connect(server.url))
    assert len(server.requests) == 1


def test_requests_follow_each_other_on_one_connection(connect: Connect) -> None:
    with odd_server(reply(item("x"))) as server:
        tables = connect(server.url)
        assert [read(tables) for _ in range(5)] == [{"text": {"S": "x"}}] * 5
        assert server.connections == 1
        del tables


def test_both_transports_send_the_same_request(connect: Connect) -> None:
    with odd_server(reply()) as server:
        read(connect(server.url))
    head, _, body = server.requests[0].decode().partition("\r\n\r\n")
    first, *lines = head.split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    changing = {headers.pop(name) for name in ("authorization", "x-amz-date", "amz-sdk-invocation-id", "user-agent")}
    assert first == "POST / HTTP/1.1"
    assert len(changing) == 4
    assert headers == {
        "host": server.url.removeprefix("http://"),
        "accept-encoding": "identity",
        "amz-sdk-request": "attempt=1",
        "content-length": str(len(body)),
        "content-type": "application/x-amz-json-1.0",
        "x-amz-target": "DynamoDB_20120810.GetItem",
    }


def test_a_connection_that_the_server_has_closed_is_replaced_before_a_request_is_sent(connect: Connect) -> None:
    with odd_server(reply(close=True)) as server:
        tables = connect(server.url)
        for number in range(1, 4):
            write(tables)
            server.wait_until_open(0)
            assert len(server.requests) == server.connections == number


@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_reply_that_is_lost_is_an_error_and_the_request_is_not_sent_again(connect: Connect, how: str) -> None:
    fails(connect, Reply([], **{how: True}), exceptions.ConnectionClosedError)


def test_a_reply_that_is_lost_on_a_kept_connection_is_an_error_as_well(connect: Connect) -> None:
    with odd_server([reply(), Reply([], close=True)]) as server:
        tables = connect(server.url)
        write(tables)
        with pytest.raises(exceptions.ConnectionClosedError):
            write(tables)
    assert (len(server.requests), server.connections) == (2, 1)


def test_only_botocore_repeats_a_request_and_with_the_same_token(connect: Connect) -> None:
    with odd_server([Reply([], close=True), Reply([], reset=True), reply()]) as server:
        write(connect(server.url, attempts=3))
    bodies = [request.partition(b"\r\n\r\n")[2] for request in server.requests]
    assert len(bodies) == 3
    assert len(set(bodies)) == 1


@pytest.mark.parametrize(
    "received",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\n{}",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000,
    ],
)
def test_half_a_reply_or_none_that_is_http_is_an_error(connect: Connect, received: bytes) -> None:
    fails(connect, Reply([received], close=True), exceptions.ConnectionClosedError)


@pytest.mark.parametrize(
    "segments",
    [
        [bytes([byte]) for byte in reply(item("x")).segments[0]],
        [
            HEAD % b"Transfer-Encoding: chunked",
            b"2\r\n{ \r\n",
            b"%x\r\n%s\r\n" % (len(ITEM) - 1, ITEM[1:]),
            b"0\r\n\r\n",
        ],
        [HEAD % b"Content-Length: 9\r\nTransfer-Encoding: chunked", b"%x\r\n%s\r\n0\r\n\r\n" % (len(ITEM), ITEM)],
        [b"HTTP/1.1 100 Continue\r\n\r\n", *reply(item("x")).segments],
        [HEAD % (b"X: a\r\nX: b\r\nContent-Length: %d" % len(ITEM)), ITEM],
        [HEAD % (b"X:\r\n folded\r\nContent-Length: %d" % len(ITEM)), ITEM],
        [b"HTTP/1.1 200\r\nCONTENT-LENGTH:%d\r\nX: \x85\xff\r\n\r\n" % len(ITEM), ITEM],
        reply(item("x"), *(b"X-%d: y" % number for number in range(90))).segments,
        reply(item("x"), b"Connection: Keep-Alive").segments,
    ],
    ids=[
        "byte by byte",
        "chunked",
        "chunked with a length",
        "continue",
        "twice",
        "folded",
        "terse",
        "many",
        "keep-alive",
    ],
)
def test_any_form_of_http_is_read(connect: Connect, segments: list[bytes]) -> None:
    with odd_server(Reply(segments)) as server:
        tables = connect(server.url)
        assert [read(tables), read(tables)] == [{"text": {"S": "x"}}] * 2


@pytest.mark.parametrize(
    "head",
    [b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.0 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"],
)
def test_a_reply_without_a_length_ends_with_its_connection(connect: Connect, head: bytes) -> None:
    with odd_server(Reply([head, item("x")], close=True)) as server:
        tables = connect(server.url)
        assert [read(tables), read(tables)] == [{"text": {"S": "x"}}] * 2
    assert server.connections == 2


@pytest.mark.parametrize("version", [b"HTTP/1.1", b"HTTP/1.0"])
def test_a_connection_that_the_server_wants_closed_is_closed(connect: Connect, version: bytes) -> None:
    closing = Reply([version + b" 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"])
    with odd_server(closing) as server:
        tables = connect(server.url)
        write(tables)
        server.wait_until_open(0)
        assert tables


def test_a_body_of_many_segments_is_read_whole(connect: Connect) -> None:
    with odd_server(reply(item("x" * 3_000_000))) as server:
        assert read(connect(server.url)) == {"text": {"S": "x" * 3_000_000}}


def test_bytes_behind_a_reply_do_not_answer_the_next_request(connect: Connect) -> None:
    stray = Reply([reply(item("x")).segments[0] + reply(item("stray")).segments[0]])
    with odd_server([stray, reply(item("y"))]) as server:
        tables = connect(server.url)
        assert [read(tables), read(tables)] == [{"text": {"S": "x"}}, {"text": {"S": "y"}}]
        assert server.connections == (2 if tables.transport else 1)


def test_a_reply_that_comes_too_late_does_not_answer_the_next_request(connect: Connect) -> None:
    late = Reply([b"", *reply(item("x")).segments], pause_seconds=0.6)
    with odd_server([late, reply(item("y"))]) as server:
        tables = connect(server.url)
        with within(CONNECT_SECONDS + 0.3), pytest.raises(exceptions.ReadTimeoutError):
            read(tables)
        assert read(tables) == {"text": {"S": "y"}}
    assert server.connections == 2


def test_an_unusual_reply_is_the_last_on_its_connection() -> None:
    with odd_server(Reply([HEAD % b"Transfer-Encoding: chunked", b"2\r\n{}\r\n0\r\n\r\n"])) as server:
        tables = Tables.connect({}, endpoint_url=server.url, **EMULATOR_ACCESS)
        assert [read(tables), read(tables)] == [None, None]
        assert server.connections == 2


def test_a_header_that_is_repeated_keeps_all_its_values(connect: Connect) -> None:
    with odd_server(reply(b"{}", b"X-Twice: a", b"X-Twice: b")) as server:
        answer = connect(server.url).client.get_item(TableName="Users", Key={"userId": {"S": "a"}})
    assert answer["ResponseMetadata"]["HTTPHeaders"]["x-twice"] == "a, b"


def test_a_body_that_does_not_match_its_checksum_is_requested_again(connect: Connect) -> None:
    right, wrong = (item(text) for text in "xy")
    checksum = b"x-amz-crc32: %d" % zlib.crc32(right)
    with odd_server([reply(wrong, checksum), reply(right, checksum)]) as server:
        assert read(connect(server.url, attempts=2)) == {"text": {"S": "x"}}


def test_a_compressed_body_which_was_not_asked_for_is_not_json(connect: Connect) -> None:
    with odd_server(reply(gzip.compress(item("x")), b"Content-Encoding: gzip")) as server, pytest.raises(ValueError):  # noqa: PT011 - of json
        read(connect(server.url))


def test_a_server_that_says_nothing_is_given_up_at_the_read_timeout(connect: Connect) -> None:
    with odd_server(Reply([b""], pause_seconds=3.0, close=True)) as server, within(CONNECT_SECONDS + 1.2):
        with pytest.raises(exceptions.ReadTimeoutError):
            write(connect(server.url))
        server.wait_until_open(0)


def test_a_server_that_is_not_there_is_an_endpoint_error(connect: Connect) -> None:
    with odd_server(reply()) as server:
        pass
    with pytest.raises(exceptions.EndpointConnectionError):
        write(connect(server.url))


def test_a_header_of_two_lines_is_not_sent(connect: Connect) -> None:
    def inject(request: Any, **_event: Any) -> None:
        request.headers["X-Injected"] = "a\r\nX-Other: b"

    with odd_server(reply()) as server:
        tables = connect(server.url)
        with hooked(tables, "before-send.dynamodb", inject), pytest.raises(exceptions.HTTPClientError):
            write(tables)
    assert server.requests == []


def test_threads_share_connections_and_each_gets_its_own_reply(connect: Connect) -> None:
    def echo(request: bytes) -> Reply:
        return reply(item(json.loads(request.partition(b"\r\n\r\n")[2])["Key"]["userId"]["S"]))

    users = [f"user {number}" for number in range(200)]
    with odd_server(echo) as server, ThreadPoolExecutor(8) as threads:
        tables = connect(server.url)
        found = list(threads.map(lambda user: read(tables, user), users))
        assert server.connections <= 8
    assert found == [{"text": {"S": user}} for user in users]


def test_no_more_connections_are_kept_than_the_configuration_allows(connect: Connect) -> None:
    together = threading.Barrier(3)

    def answer(_request: bytes) -> Reply:
        together.wait(10)
        return reply()

    with odd_server(answer) as server, ThreadPoolExecutor(3) as threads:
        tables = connect(server.url, config=Config(max_pool_connections=2))
        list(threads.map(lambda _: read(tables), range(3)))
        server.wait_until_open(2)
        assert server.connections == 3


def tls(folder: Path, host: str = "localhost", days: int = 1) -> tuple[Any, str]:
    """Return a server's TLS settings and the file with its certificate."""
    path = certificate(folder, host, days=days)
    return presenting(path), str(path)


def test_a_server_with_a_trusted_certificate_is_used(connect: Connect, tmp_path: Path) -> None:
    context, issuer = tls(tmp_path)
    with odd_server(reply(item("x" * 100_000)), context) as server:
        tables = connect(server.url, verify=issuer)
        assert [read(tables) for _ in range(3)] == [{"text": {"S": "x" * 100_000}}] * 3
        assert server.connections == 1
        del tables


@pytest.mark.parametrize("name", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"])
def test_the_environment_names_the_trusted_issuers(
    connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    context, issuer = tls(tmp_path)
    monkeypatch.setenv(name, issuer)
    with odd_server(reply(), context) as server:
        write(connect(server.url))


def refused(connect: Connect, server: OddServer, **options: Any) -> None:
    with pytest.raises(exceptions.SSLError):
        write(connect(server.url, **options))
    assert server.requests == []


def test_a_certificate_that_nobody_trusts_is_refused(connect: Connect, tmp_path: Path) -> None:
    with odd_server(reply(), tls(tmp_path)[0]) as server:
        refused(connect, server)


@pytest.mark.parametrize(
    ("host", "days"), [("dynamodb.us-east-1.amazonaws.com", 1), ("127.0.0.1", 1), ("localhost", -1)]
)
def test_a_trusted_certificate_for_another_host_or_of_the_past_is_refused(
    connect: Connect, tmp_path: Path, host: str, days: int
) -> None:
    context, issuer = tls(tmp_path, host, days)
    with odd_server(reply(), context) as server:
        refused(connect, server, verify=issuer)


def test_the_default_port_is_not_named_as_it_is_not_signed() -> None:
    """A server here can't have that port: a pair of sockets takes the place of the network."""
    here, there = socket.socketpair()
    tables = Tables.connect({}, endpoint_url="http://store.example:80", **EMULATOR_ACCESS)
    connection = SimpleNamespace(sock=here, close=here.close, is_connected=True)
    assert tables.transport
    tables.transport._kept["http", "store.example:80"].append(connection)  # noqa: SLF001 - there is no other way in
    there.sendall(reply(ITEM).segments[0])
    with here, there:
        assert read(tables) == {"text": {"S": "x"}}
        assert b"\r\nHost: store.example\r\n" in there.recv(65536)


def test_hosts_without_a_proxy_are_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    assert Tables.connect({}, **EMULATOR_ACCESS).transport


@pytest.mark.parametrize(
    ("environ", "variables", "options"),
    [
        ({"STORE_TRANSPORT": "urllib3"}, {}, {}),
        ({}, {"HTTPS_PROXY": "http://127.0.0.1:9"}, {}),
        ({}, {"HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": "other.example"}, {}),
        ({}, {}, {"verify": False}),
        ({}, {}, {"config": Config(client_cert="cert.pem")}),
        ({}, {}, {"config": Config(tcp_keepalive=True)}),
        ({}, {}, {"config": Config(proxies={"https": "http://127.0.0.1:9"})}),
    ],
)
def test_special_settings_leave_everything_to_urllib3(
    monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], variables: dict[str, str], options: dict[str, Any]
) -> None:
    assert Tables.connect({}, **EMULATOR_ACCESS).transport
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert Tables.connect(environ, **EMULATOR_ACCESS, **options).transport is None
