"""A proxy in the environment is for other machines, and a port that is taken is refused."""

import os
import socket
import urllib.request

import boto3
import pytest

from storage.embedded import EMULATOR_ACCESS, EmulatorError, embedded_store, exempt_loopback, free_port, require_free


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set a proxy at which nothing answers."""
    for variable in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(variable, f"http://127.0.0.1:{free_port()}")
    for variable in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(variable, "")


@pytest.mark.usefixtures("proxy")
def test_the_embedded_store_starts_and_is_used_beside_a_proxy() -> None:
    with embedded_store() as url:
        client = boto3.client("dynamodb", endpoint_url=url, **EMULATOR_ACCESS)
        assert client.list_tables()["TableNames"] == []


@pytest.mark.usefixtures("proxy")
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "127.0.0.1,localhost,::1"),
        ("intranet, 127.0.0.1", "intranet,127.0.0.1,localhost,::1"),
        ("*", "*"),
    ],
)
def test_other_exemptions_stay(monkeypatch: pytest.MonkeyPatch, before: str, after: str) -> None:
    monkeypatch.setenv("no_proxy", before)
    exempt_loopback()
    exempt_loopback()
    assert os.environ["no_proxy"] == after
    assert urllib.request.proxy_bypass("127.0.0.1")


def test_a_port_that_something_else_has_is_refused() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(EmulatorError, match=r"port \d+ can't be used \(Address already in use\): choose another"):
            require_free(taken.getsockname()[1])
