"""Each retry of a client is one more operation of unknown outcome, so the pauses between them grow."""

import time
from types import SimpleNamespace

import httpx
import pytest

from tests.linearizability.clients import Client
from tests.linearizability.state import Call


def test_a_client_retries_less_and_less_often_while_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    clock = {"monotonic": time.monotonic, "monotonic_ns": time.monotonic_ns}
    monkeypatch.setattr("tests.linearizability.clients.time", SimpleNamespace(sleep=pauses.append, **clock))
    left = iter([*[httpx.ReadError("lost")] * 7, httpx.ConnectError("refused"), None])

    def answer(_request: httpx.Request) -> httpx.Response:
        if error := next(left, None):
            raise error
        return httpx.Response(204)

    client = Client(["http://service"], "e", 1, "seed")
    client._http = httpx.Client(transport=httpx.MockTransport(answer))  # noqa: SLF001 - no service is needed here
    operations = client.request_all([Call("unregister", "ann")] * 2)
    assert [operation.known for operation in operations] == [False] * 7 + [True] * 2
    assert pauses == [0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 0.64, 0.02]
