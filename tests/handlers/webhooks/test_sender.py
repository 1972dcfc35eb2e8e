"""The sender delivers a message, lets it appear again later, or puts it to the dead letters."""

import json
import time
from typing import Any

import pytest

from handlers.webhooks import sender
from handlers.webhooks.delivery import Outcome, Verdict
from handlers.webhooks.endpoint import Endpoint, new_secret


class Queues:
    """The queues and the secret of a stack: what the sender did with them, and the outcome of its attempts."""

    def __init__(self) -> None:
        self.outcome = Outcome(Verdict.DELIVERED, "answered 204")
        self.postponed: list[tuple[str, str, int]] = []
        self.sent: list[tuple[str, str]] = []
        self.secret = new_secret()
        self.endpoints: list[Endpoint] = []

    def deliver(self, endpoint: Endpoint, _notification: Any) -> Outcome:
        self.endpoints.append(endpoint)
        return self.outcome


@pytest.fixture
def queues(monkeypatch: pytest.MonkeyPatch) -> Queues:
    found = Queues()
    monkeypatch.setenv("WEBHOOK_URL", "https://example.com/hook")
    for name in ("WEBHOOK_SECRET", "WEBHOOK_QUEUE", "WEBHOOK_DEAD_LETTERS"):
        monkeypatch.setenv(name, name)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setattr(sender, "_known", None)
    monkeypatch.setattr(sender, "deliver", found.deliver)
    monkeypatch.setattr(sender, "read_secret", lambda _name: found.secret)
    monkeypatch.setattr(sender, "postpone", lambda *call: found.postponed.append(call))
    monkeypatch.setattr(sender, "send", lambda *call: found.sent.append(call))
    return found


def batch(attempt: int = 1) -> dict[str, Any]:
    body = json.dumps({"source": "events-api", "detail": {"id": "one", "subject": "ann@example.com"}})
    received = {"ApproximateReceiveCount": str(attempt)}
    return {"Records": [{"messageId": "m", "receiptHandle": "handle", "body": body, "attributes": received}]}


NOTHING_FAILED: dict[str, Any] = {"batchItemFailures": []}
FAILED = {"batchItemFailures": [{"itemIdentifier": "m"}]}


def test_what_is_delivered_is_done_with(queues: Queues) -> None:
    assert sender.handler(batch(), None) == NOTHING_FAILED
    assert queues.postponed == []
    assert queues.sent == []


def test_a_receiver_that_is_down_is_tried_later_and_later(queues: Queues) -> None:
    queues.outcome = Outcome(Verdict.LATER, "answered 503")
    for attempt in (1, 2, 3, 20):
        assert sender.handler(batch(attempt), None) == FAILED
    assert {call[:2] for call in queues.postponed} == {("WEBHOOK_QUEUE", "handle")}
    nominal = [5, 10, 20, 3600]
    waits = [seconds for _queue, _receipt, seconds in queues.postponed]
    assert all(0.7 * wait <= found <= 1.3 * wait for found, wait in zip(waits, nominal, strict=True))


def test_a_receiver_is_not_tried_before_the_time_that_it_names(queues: Queues) -> None:
    queues.outcome = Outcome(Verdict.LATER, "answered 429", after=1000)
    sender.handler(batch(), None)
    assert queues.postponed == [("WEBHOOK_QUEUE", "handle", 1000)]


@pytest.mark.parametrize("verdict", [Verdict.REFUSED, Verdict.GONE])
def test_what_is_refused_for_good_goes_to_the_dead_letters_as_it_is(queues: Queues, verdict: Verdict) -> None:
    queues.outcome = Outcome(verdict, "answered 410")
    assert sender.handler(batch(), None) == NOTHING_FAILED
    assert queues.sent == [("WEBHOOK_DEAD_LETTERS", batch()["Records"][0]["body"])]


def test_a_failure_is_logged_without_the_person(queues: Queues, caplog: pytest.LogCaptureFixture) -> None:
    queues.outcome = Outcome(Verdict.LATER, "answered 503")
    sender.handler(batch(3), None)
    assert caplog.messages == ["webhook one, attempt 3: answered 503"]


def test_a_new_secret_is_used_after_a_while(queues: Queues, monkeypatch: pytest.MonkeyPatch) -> None:
    first = queues.secret
    sender.handler(batch(), None)
    queues.secret = f"{new_secret()} {first}"
    sender.handler(batch(), None)
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + sender.SECRET_SECONDS + 1)
    sender.handler(batch(), None)
    assert [endpoint.secrets for endpoint in queues.endpoints] == [(first,)] * 2 + [tuple(queues.secret.split())]


@pytest.mark.parametrize(
    ("url", "inside"),
    [
        ("http://127.0.0.1:4566", True),
        ("http://localhost:4566", True),
        ("https://events.us-east-1.amazonaws.com", False),
        ("http://10.0.0.1:4566", False),
        ("", False),
    ],
)
def test_inside_addresses_are_allowed_only_where_aws_itself_is_on_this_machine(
    queues: Queues, monkeypatch: pytest.MonkeyPatch, url: str, *, inside: bool
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    sender.handler(batch(), None)
    assert queues.endpoints[0].inside is inside
