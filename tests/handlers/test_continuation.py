"""On Lambda, the function invokes itself to continue promotions that requests leave unfinished."""

import asyncio
import json
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError

from cfn.template.build import build_template
from handlers.continuation import LOOK_SECONDS, LOOKS, MAX_STUCK, Continuation
from storage import events, queue, registrations, rules, users
from storage.audit import audit
from storage.dynamodb import invocation
from storage.dynamodb.attributes import marshal
from storage.dynamodb.invocation import InvocationError, invoke_later
from storage.dynamodb.tables import Tables
from storage.errors import StorageUnavailable
from storage.items import registration_key
from tests.apparatus.gateway_events import Context, payload_2
from tests.apparatus.new_copy import new_copy
from tests.apparatus.registered import crowd

WAITING = 30
BATCH = 4

Promotion = dict[str, Any]


class Function:
    """The function, with a queue of the asynchronous invocations that it asked for, as Lambda keeps them."""

    def __init__(self, tables: Tables) -> None:
        self.asked: list[Promotion] = []
        self.arns: set[str] = set()
        self.continuation = Continuation(tables, self._invoke)

    def _invoke(self, arn: str, payload: Any) -> None:
        self.arns.add(arn)
        self.asked.append(json.loads(json.dumps(payload)))

    def run_next(self) -> None:
        """Run the invocation that was asked for first."""
        self.continuation.promote(self.asked.pop(0), Context())
        self.continuation.hand_over(Context())


@pytest.fixture
def tables(moto_tables: Tables, monkeypatch: pytest.MonkeyPatch) -> Tables:
    """Make an event of one seat, with a long queue that is promoted in small batches."""
    monkeypatch.setattr(rules, "BATCH", BATCH)
    crowd(moto_tables, WAITING)
    return moto_tables


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Record the pauses between the looks for other promoters instead of making them."""
    made: list[float] = []
    monkeypatch.setattr("handlers.continuation.time", SimpleNamespace(sleep=made.append))
    return made


@pytest.fixture
def function(tables: Tables, pauses: list[float]) -> Function:  # noqa: ARG001 - without real pauses
    return Function(tables)


def time_for(monkeypatch: pytest.MonkeyPatch, batches: int) -> None:
    """Give the next promotion time for this number of batches."""
    left = iter([queue.BATCH_SECONDS] * batches)
    monkeypatch.setattr(queue, "time_left", lambda: next(left, 0.0))


def raise_capacity(tables: Tables, function: Function, monkeypatch: pytest.MonkeyPatch) -> None:
    """Raise the capacity for everybody, in a request that has time for one batch."""
    time_for(monkeypatch, 1)
    events.update(tables, "e", {"capacity": 1 + WAITING})
    function.continuation.hand_over(Context())


def counts(tables: Tables) -> tuple[int, int]:
    event = events.get(tables, "e")
    return event.confirmed, event.waitlisted


def test_invocations_follow_each_other_until_nobody_waits_beside_a_free_seat(
    tables: Tables, function: Function, monkeypatch: pytest.MonkeyPatch
) -> None:
    raise_capacity(tables, function, monkeypatch)
    seen = [counts(tables)]
    while function.asked:
        time_for(monkeypatch, 3)
        function.run_next()
        seen.append(counts(tables))
    assert seen == [(5, 26), (17, 14), (29, 2), (31, 0)]
    assert function.arns == {Context.invoked_function_arn}
    assert list(audit(tables)) == []


def test_an_invocation_ends_when_it_sees_another_one_promote(
    tables: Tables, function: Function, pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    raise_capacity(tables, function, monkeypatch)

    def rival(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 2:
            time_for(monkeypatch, 1)
            queue.resume(Tables(tables.client), "e", 1)

    monkeypatch.setattr("handlers.continuation.time", SimpleNamespace(sleep=rival))
    function.run_next()
    assert pauses == [LOOK_SECONDS] * 2
    assert counts(tables) == (1 + 2 * BATCH, WAITING - 2 * BATCH), "only the rival promoted"
    assert function.asked == []


def test_a_promotion_that_many_requests_find_unfinished_has_an_owner_to_its_end(
    tables: Tables, function: Function, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of them hands it over, and each invocation sees the one before it promote, or promotes itself."""
    raise_capacity(tables, function, monkeypatch)
    for number in range(3):
        users.create(tables, f"new{number}", "N")
        time_for(monkeypatch, 1)
        registrations.register(tables, "e", f"new{number}")
        function.continuation.hand_over(Context())
    assert [payload["promote"] for payload in function.asked] == ["e"] * 4
    while function.asked:
        time_for(monkeypatch, 3)
        function.run_next()
    assert counts(tables) == (1 + WAITING, 3)
    assert list(audit(tables)) == []


def test_an_invocation_for_a_change_that_may_still_be_applied_waits_before_it_looks(
    tables: Tables, function: Function, pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    tables.hand_over("e", unknown=True)
    tables.hand_over("e")
    function.continuation.hand_over(Context())
    assert function.asked == [{"promote": "e", "stuck": 0, "unknown": True}]

    def apply(seconds: float) -> None:
        if not pauses:
            time_for(monkeypatch, 0)
            events.update(Tables(tables.client), "e", {"capacity": 1 + WAITING})
            monkeypatch.setattr(queue, "time_left", lambda: 10.0)
        pauses.append(seconds)

    monkeypatch.setattr("handlers.continuation.time", SimpleNamespace(sleep=apply))
    function.run_next()
    remaining = Context.remaining / 1000
    assert remaining / 3 < pauses[0] < remaining / 2, "half of the time that is left"
    assert pauses[1:] == [LOOK_SECONDS] * LOOKS
    assert counts(tables) == (1 + WAITING, 0)
    assert function.asked == []


def test_with_the_shortest_timeout_of_the_function_an_invocation_promotes(
    tables: Tables, function: Function, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time that is kept for the last calls and for the answer leaves time for a batch."""
    shortest = build_template("Release").to_dict()["Parameters"]["TimeoutSeconds"]["MinValue"]
    monkeypatch.setattr(Context, "remaining", 1000 * (shortest - LOOKS * LOOK_SECONDS))
    with monkeypatch.context() as patch:
        time_for(patch, 0)
        events.update(tables, "e", {"capacity": 1 + WAITING})
    function.continuation.hand_over(Context())
    function.run_next()
    assert counts(tables)[0] > 1


def test_one_invocation_hands_over_an_event_once(tables: Tables, function: Function) -> None:
    for event_id in ("e", "other", "e"):
        tables.hand_over(event_id)
    function.continuation.hand_over(Context())
    function.continuation.hand_over(Context())
    assert [payload["promote"] for payload in function.asked] == ["e", "other"]


def test_a_finished_promotion_and_a_deleted_event_need_no_other_invocation(function: Function) -> None:
    for event_id in ("e", "deleted"):
        function.asked.append({"promote": event_id, "stuck": 0, "unknown": False})
        function.run_next()
    assert function.asked == []


def test_a_promotion_from_a_damaged_queue_is_dropped_after_a_while_and_logged(
    moto_tables: Tables, pauses: list[float], log_lines: Callable[[], list[dict[str, Any]]]
) -> None:
    """A person is counted who has no place: no invocation can promote anybody, and only a repair can help."""
    crowd(moto_tables, 1)
    place = {"pk": {"S": "EVENT#e"}, "sk": {"S": "WAIT#000000000000"}}
    moto_tables.client.delete_item(TableName="Registrations", Key=place)
    function = Function(moto_tables)
    events.update(moto_tables, "e", {"capacity": 2})
    function.continuation.hand_over(Context())
    runs = 0
    while function.asked:
        assert [payload["stuck"] for payload in function.asked] == [runs]
        function.run_next()
        runs += 1
    assert runs == MAX_STUCK
    assert pauses == [LOOK_SECONDS] * LOOKS * MAX_STUCK
    assert [line["message"].partition(":")[0] for line in log_lines()] == ["a promotion is left unfinished"]


def test_a_promotion_whose_head_lost_its_registration_is_left_at_once_and_named_in_the_log(
    tables: Tables, function: Function, monkeypatch: pytest.MonkeyPatch, log_lines: Callable[[], list[dict[str, Any]]]
) -> None:
    """An invocation that failed would be repeated by Lambda, in vain."""
    raise_capacity(tables, function, monkeypatch)
    lost = marshal(registration_key("e", "u0006"))
    tables.client.delete_item(TableName=tables.names["Registrations"], Key=lost)
    time_for(monkeypatch, 100)
    function.run_next()
    assert function.asked == []
    (line,) = log_lines()
    assert line["level"] == "ERROR"
    assert line["message"].startswith(
        "a promotion is left unfinished: Registrations EVENT#e WAIT#000000000005 has no registration"
    )


def test_an_invocation_fails_while_the_store_does_so_that_lambda_repeats_it_later(
    tables: Tables, function: Function, monkeypatch: pytest.MonkeyPatch
) -> None:
    raise_capacity(tables, function, monkeypatch)

    def fail(*_arguments: Any) -> None:
        raise StorageUnavailable

    payload = function.asked[0]
    with monkeypatch.context() as patch:
        patch.setattr(tables, "get", fail)
        with pytest.raises(StorageUnavailable):
            function.run_next()
    assert function.asked == []
    time_for(monkeypatch, 100)
    function.continuation.promote(payload, Context())
    assert counts(tables) == (1 + WAITING, 0)


def test_a_request_is_answered_although_lambda_refuses_the_invocation(
    tables: Tables, log_lines: Callable[[], list[dict[str, Any]]]
) -> None:
    def refuse(*_arguments: Any) -> None:
        raise InvocationError("TooManyRequestsException")

    continuation = Continuation(tables, refuse)
    tables.hand_over("e")
    continuation.hand_over(Context())
    (line,) = log_lines()
    assert line["message"].startswith("a promotion is left unfinished")
    assert line["message"].endswith("TooManyRequestsException")


@pytest.fixture
def handler(tables: Tables, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Load the entry point as Lambda does, on `tables`."""
    monkeypatch.setattr(Tables, "connect", lambda *_arguments, **_options: tables)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield new_copy("handlers.aws_lambda").handler
    asyncio.set_event_loop(None)
    loop.close()


@pytest.mark.usefixtures("pauses")
def test_the_handler_invokes_the_function_that_it_runs_in_and_answers_its_own_invocations(
    tables: Tables, handler: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, Any]] = []

    class Client:
        invoke = staticmethod(lambda **request: asked.append(request))

    monkeypatch.setattr(invocation, "_client", Client)
    time_for(monkeypatch, 1)
    body = {"title": "T", "description": "D", "date": "2030-05-01", "location": "L", "capacity": 31, "organizer": "O"}
    headers = {"content-type": "application/json", "host": "api"}
    answer = handler(payload_2("PUT", "/events/e", body=json.dumps(body), headers=headers), Context())
    assert (answer["statusCode"], json.loads(answer["body"])["confirmedCount"]) == (200, 1 + BATCH)
    (request,) = asked
    assert (request["FunctionName"], request["InvocationType"]) == (Context.invoked_function_arn, "Event")
    monkeypatch.setattr(queue, "time_left", lambda: 10.0)
    assert handler(json.loads(request["Payload"]), Context()) is None
    assert counts(tables) == (1 + WAITING, 0)
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ClientError({"Error": {"Code": "AccessDeniedException", "Message": "private"}}, "Invoke"), "AccessDenied"),
        (ConnectTimeoutError(endpoint_url="https://private"), "ConnectTimeoutError"),
    ],
)
def test_a_refused_invocation_names_its_cause_without_private_text(
    monkeypatch: pytest.MonkeyPatch, error: Exception, reason: str
) -> None:
    class Client:
        def invoke(self, **_request: Any) -> None:
            raise error

    monkeypatch.setattr(invocation, "_client", Client)
    with pytest.raises(InvocationError, match=reason) as refused:
        invoke_later("arn", {})
    assert "private" not in str(refused.value)


def test_the_client_makes_two_attempts_of_at_most_a_second() -> None:
    config = invocation._client().meta.config  # noqa: SLF001 - there is no other way to see it
    assert (config.connect_timeout, config.read_timeout) == (0.5, 0.5)
    assert config.retries["total_max_attempts"] == 2
