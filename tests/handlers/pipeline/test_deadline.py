"""Every request has one deadline, on Lambda and elsewhere."""

import time
from typing import Any

import pytest

from handlers.app import create_app
from handlers.pipeline.deadline import MARGIN_SECONDS, REQUEST_SECONDS, RequestDeadline
from storage.dynamodb.deadline import deadline
from storage.dynamodb.tables import Tables
from tests.apparatus.client import Client


class Context:
    """The context object of Lambda's runtime."""

    def get_remaining_time_in_millis(self) -> int:
        return 3000


@pytest.mark.parametrize(
    ("scope", "seconds"),
    [
        ({"type": "http"}, REQUEST_SECONDS),
        ({"type": "http", "aws.context": Context()}, 3 - MARGIN_SECONDS),
    ],
    ids=["elsewhere", "lambda"],
)
def test_a_request_has_the_remaining_time_of_its_lambda_or_the_default(
    monkeypatch: pytest.MonkeyPatch, scope: dict[str, Any], seconds: float
) -> None:
    monkeypatch.setattr(time, "monotonic", lambda: 1000.0)
    seen: list[float] = []

    async def app(_scope: Any, _receive: Any, _send: Any) -> None:
        seen.append(deadline.get())

    served: Any = RequestDeadline(app)(scope, None, None)  # type: ignore[arg-type] # nothing is received or sent
    with pytest.raises(StopIteration):
        served.send(None)
    assert seen == [1000 + seconds]
    assert deadline.get() == float("inf"), "the deadline ends with its request"


def test_a_handler_on_a_thread_has_the_deadline_of_its_request(
    moto_tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[float] = []
    monkeypatch.setattr(moto_tables, "ping", lambda: seen.append(deadline.get()))
    start = time.monotonic()
    assert Client(create_app(moto_tables)).get("/health").status_code == 200
    assert start + REQUEST_SECONDS <= seen[0] <= time.monotonic() + REQUEST_SECONDS
