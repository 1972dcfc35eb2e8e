"""The tables behind boto3: errors as refusals, retries, and responses in parts."""

import io
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import boto3
import botocore.exceptions
import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config
from urllib3 import HTTPResponse

from storage import registrations, users
from storage.dynamodb.attributes import marshal
from storage.dynamodb.connection import CONNECTIONS, SERVER_THREADS
from storage.dynamodb.deadline import CONNECT_SECONDS, READ_SECONDS, deadline
from storage.dynamodb.steps import Changed, Step, member
from storage.dynamodb.tables import Tables
from storage.embedded import EMULATOR_ACCESS
from storage.errors import AlreadyRegistered, Contention, EventNotFound, StorageUnavailable, UserNotFound
from storage.items import registration_key
from tests.apparatus import hooks

REGISTERED = {**registration_key("e", "a"), "status": "confirmed", "registeredAt": "2030-01-01T00:00:00Z"}


class _Answer:
    status_code = 400


def refuse(code: str, status: int = 400, **more: Any) -> Callable[..., Any]:
    """Return a hook that answers with an error of this code in place of the store."""

    def hook(**_context: Any) -> Any:
        answer = _Answer()
        answer.status_code = status
        metadata = {"HTTPStatusCode": status}
        return answer, {"Error": {"Code": code, "Message": code}, "ResponseMetadata": metadata, **more}

    return hook


def hooked(tables: Tables, call: str, hook: Callable[..., Any]) -> AbstractContextManager[None]:
    """Answer every call of this name by a hook, in place of the store."""
    return hooks.hooked(tables, f"before-call.dynamodb.{call}", hook)


@pytest.mark.parametrize(
    "code",
    ["ResourceNotFoundException", "UnrecognizedClientException", "ExpiredTokenException", "AccessDeniedException"],
)
def test_a_store_that_refuses_a_call_is_unavailable(moto_tables: Tables, code: str) -> None:
    with hooked(moto_tables, "GetItem", refuse(code)), pytest.raises(StorageUnavailable, match=code):
        users.get(moto_tables, "a")


def test_a_store_with_an_internal_error_is_unavailable(moto_tables: Tables) -> None:
    with hooked(moto_tables, "GetItem", refuse("InternalServerError", 500)), pytest.raises(StorageUnavailable):
        moto_tables.ping()


@pytest.mark.parametrize(
    "fault",
    [
        botocore.exceptions.EndpointConnectionError(endpoint_url="http://nowhere"),
        botocore.exceptions.ReadTimeoutError(endpoint_url="http://nowhere"),
        botocore.exceptions.NoCredentialsError(),
    ],
    ids=lambda fault: type(fault).__name__,
)
def test_a_store_that_does_not_answer_is_unavailable(moto_tables: Tables, fault: Exception) -> None:
    def fail(**_context: Any) -> None:
        raise fault

    with hooked(moto_tables, "GetItem", fail), pytest.raises(StorageUnavailable):
        users.get(moto_tables, "a")


def test_a_store_that_answers_without_json_is_unavailable(moto_tables: Tables) -> None:
    def page(request: Any, **_context: Any) -> Any:
        raw: Any = HTTPResponse(io.BytesIO(b"<html>A proxy at your service</html>"), preload_content=False)
        return AWSResponse(request.url, 200, HTTPHeaders(), raw)

    events: Any = moto_tables.client.meta.events
    events.register_first("before-send.dynamodb.GetItem", page)
    try:
        with pytest.raises(StorageUnavailable):
            users.get(moto_tables, "a")
    finally:
        events.unregister("before-send.dynamodb.GetItem", page)


#: Errors of a whole call, which may succeed later.
BUSY_CALL = [
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ThrottlingException",
    "TransactionConflictException",
    "TransactionInProgressException",
]


@pytest.mark.parametrize("code", BUSY_CALL)
def test_a_throttled_or_conflicting_call_is_contention(moto_tables: Tables, code: str) -> None:
    with hooked(moto_tables, "GetItem", refuse(code)), pytest.raises(Contention):
        users.get(moto_tables, "a")


@pytest.mark.parametrize("code", BUSY_CALL)
def test_a_transaction_that_the_store_refuses_for_now_is_retried(moto_tables: Tables, code: str) -> None:
    left = [1, 1, 1]

    def busy(**context: Any) -> Any:
        return refuse(code)(**context) if left and left.pop() else None

    with hooked(moto_tables, "TransactWriteItems", busy):
        assert users.create(moto_tables, "a", "A") == users.get(moto_tables, "a")
    assert left == []


def test_an_invalid_request_raises_an_error_and_no_refusal(moto_tables: Tables) -> None:
    with (
        hooked(moto_tables, "GetItem", refuse("ValidationException")),
        pytest.raises(botocore.exceptions.ClientError, match="ValidationException"),
    ):
        users.get(moto_tables, "a")


def test_an_invalid_transaction_raises_an_error_and_no_refusal(moto_tables: Tables) -> None:
    reasons = [{"Code": "ValidationError"}]
    step = Step(action="Put", table="Users", item={"userId": "a"})
    with (
        hooked(moto_tables, "TransactWriteItems", refuse("TransactionCanceledException", CancellationReasons=reasons)),
        pytest.raises(botocore.exceptions.ClientError),
    ):
        moto_tables.transact([step])


@pytest.mark.parametrize("code", ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"])
def test_a_transaction_that_conflicts_or_is_throttled_is_retried(moto_tables: Tables, code: str) -> None:
    left = [1, 1, 1]

    def busy(**context: Any) -> Any:
        if left:
            left.pop()
            return refuse("TransactionCanceledException", CancellationReasons=[{"Code": code}])(**context)
        return None

    with hooked(moto_tables, "TransactWriteItems", busy):
        assert users.create(moto_tables, "a", "A") == users.get(moto_tables, "a")
    assert left == []


@pytest.mark.parametrize(
    ("failed", "refusal"),
    [
        ({1: {"Code": "ConditionalCheckFailed"}}, UserNotFound),
        ({2: {"Code": "ConditionalCheckFailed", "Item": marshal(REGISTERED)}}, AlreadyRegistered),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_refusal_is_final_though_another_item_of_the_transaction_is_busy(
    moto_tables: Tables, failed: dict[int, Any], refusal: type[Exception]
) -> None:
    """What refuses the request has been read; a retry could only find the same, or a later state."""
    attempts: list[int] = []

    def busy(**context: Any) -> Any:
        attempts.append(1)
        reasons = [{"Code": "TransactionConflict"}, *({"Code": "None"} for _ in range(3))]
        reasons = [failed.get(number, reason) for number, reason in enumerate(reasons)]
        return refuse("TransactionCanceledException", CancellationReasons=reasons)(**context)

    with hooked(moto_tables, "TransactWriteItems", busy), pytest.raises(refusal):
        registrations.register(Tables(moto_tables.client, retry_seconds=0.05), "e", "a")
    assert len(attempts) == 1


def test_a_step_without_a_code_did_not_cancel_the_transaction(moto_tables: Tables) -> None:
    """AWS documents a missing code for such a step, and sends `None` as text."""
    reasons = [{}, {"Code": "ConditionalCheckFailed"}, {}, {}]
    cancelled = refuse("TransactionCanceledException", CancellationReasons=reasons)
    with hooked(moto_tables, "TransactWriteItems", cancelled), pytest.raises(UserNotFound):
        registrations.register(moto_tables, "e", "a")


class Clock:
    """A clock that only pauses move."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_retries_end_with_their_time_limit(moto_tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr("storage.dynamodb.tables.time", clock)
    times: list[float] = []

    def attempt(_image: Any) -> None:
        times.append(clock.now)
        raise Changed

    with pytest.raises(Contention):
        Tables(moto_tables.client, retry_seconds=5).retry(attempt)
    assert times[:2] == [1000, 1000]
    assert 1004 < times[-1] <= 1005, "it gives up before the limit, never after"


def test_a_busy_transaction_has_what_is_left_of_the_time_for_retries(
    moto_tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr("storage.dynamodb.tables.time", clock)
    tables = Tables(moto_tables.client, retry_seconds=5)

    def attempt(_image: Any) -> None:
        if clock.now < 1003:
            raise Changed
        tables.transact([Step(action="Put", table="Users", item={"userId": "a"})])

    with hooked(moto_tables, "TransactWriteItems", refuse("ThrottlingException")), pytest.raises(Contention):
        tables.retry(attempt)
    assert 1003 < clock.now <= 1005


def test_a_busy_transaction_is_sent_again_with_the_same_token(moto_tables: Tables) -> None:
    left = [1, 1]

    def busy(**context: Any) -> Any:
        return refuse("ThrottlingException")(**context) if left and left.pop() else None

    with (
        hooks.requests_of(moto_tables, "TransactWriteItems") as sent,
        hooked(moto_tables, "TransactWriteItems", busy),
    ):
        users.create(moto_tables, "a", "A")
    assert len(sent) == 3
    assert len({request["ClientRequestToken"] for request in sent}) == 1


def test_retries_end_before_the_deadline_of_the_request(moto_tables: Tables) -> None:
    def attempt(_image: Any) -> None:
        raise Changed

    token = deadline.set(time.monotonic() - 1)
    try:
        with pytest.raises(Contention):
            moto_tables.retry(attempt)
    finally:
        deadline.reset(token)


def test_the_newest_snapshot_reaches_the_next_attempt_and_is_kept_over_a_conflict(moto_tables: Tables) -> None:
    seen: list[Any] = []
    changes = iter([Changed({"n": 1}), Changed(), Changed({"n": 2})])

    def attempt(image: Any) -> str:
        seen.append(image)
        change = next(changes, None)
        if change:
            raise change
        return "done"

    assert moto_tables.retry(attempt) == "done"
    assert seen == [None, {"n": 1}, {"n": 1}, {"n": 2}]


@pytest.mark.parametrize(("image", "paused"), [({"n": 1}, [False] * 4), (None, [False, False, True, True])])
def test_a_fresh_snapshot_is_used_without_a_pause(
    moto_tables: Tables, monkeypatch: pytest.MonkeyPatch, image: Any, paused: list[bool]
) -> None:
    slept: list[float] = []
    changes = iter([Changed(image)] * 3)

    def attempt(_image: Any) -> None:
        change = next(changes, None)
        if change:
            raise change

    monkeypatch.setattr("storage.dynamodb.tables._wait", slept.append)
    moto_tables.retry(attempt)
    assert [seconds > 0 for seconds in slept] == paused


def test_a_call_without_a_pause_does_not_sleep(moto_tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sleeping for 0 s takes tens of microseconds, on every read of an event, every batch and every write."""
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    changes = iter([Changed({"n": 1})])

    def attempt(_image: Any) -> None:
        moto_tables.get_all([("Users", {"userId": "a"})])
        change = next(changes, None)
        if change:
            raise change

    moto_tables.retry(attempt)
    assert slept == []


def test_a_batch_is_read_with_the_consistency_that_its_caller_chooses(moto_tables: Tables) -> None:
    key = ("Users", {"userId": "a"})
    with hooks.requests_of(moto_tables, "BatchGetItem") as sent:
        moto_tables.get_all([key])
        moto_tables.get_all([key], consistent=False)
    assert [request["RequestItems"]["Users"]["ConsistentRead"] for request in sent] == [True, False]


def test_a_refusal_is_not_retried(moto_tables: Tables) -> None:
    def attempt(_image: Any) -> None:
        raise EventNotFound

    with pytest.raises(EventNotFound):
        moto_tables.retry(attempt)


def test_unprocessed_keys_of_a_batch_are_requested_again(moto_tables: Tables) -> None:
    for user_id in "abc":
        users.create(moto_tables, user_id, user_id)
    asked: list[int] = []

    def leave_over(parsed: dict[str, Any], **_context: Any) -> None:
        asked.append(1)
        found = parsed["Responses"]["Users"]
        if len(found) > 1:
            left = [{"userId": item["userId"]} for item in found[1:]]
            parsed["Responses"]["Users"] = found[:1]
            parsed["UnprocessedKeys"] = {"Users": {"Keys": left, "ConsistentRead": True}}

    moto_tables.client.meta.events.register("after-call.dynamodb.BatchGetItem", leave_over)
    try:
        found = moto_tables.get_all(("Users", {"userId": user_id}) for user_id in "abcx")
    finally:
        moto_tables.client.meta.events.unregister("after-call.dynamodb.BatchGetItem", leave_over)
    assert sorted(item["userId"] for item in found["Users"]) == ["a", "b", "c"]
    assert len(asked) == 3


def test_all_pages_of_a_long_response_are_read(moto_tables: Tables) -> None:
    for number in range(5):
        step = Step(action="Put", table="Registrations", item={"pk": "P", "sk": f"S{number}", "text": "x" * 300_000})
        moto_tables.transact([step])
    assert [item["sk"] for item in moto_tables.query("Registrations", "#pk = :pk", {"pk": "P"})] == [
        "S0",
        "S1",
        "S2",
        "S3",
        "S4",
    ]


def test_each_query_for_a_filtered_page_reads_eight_times_as_many_items(moto_tables: Tables) -> None:
    items = [{"pk": "P", "sk": f"S{number:02d}", "kind": "b"} for number in range(30)]
    moto_tables.transact([Step(action="Put", table="Registrations", item=item) for item in items])
    with hooks.requests_of(moto_tables, "Query") as sent:
        found = moto_tables.query_filtered(
            "Registrations", "#pk = :pk", {"pk": "P", "kind": "a"}, only="#kind = :kind", limit=1
        )
    assert found == ([], None)
    assert [(request["Limit"], request["ConsistentRead"]) for request in sent] == [(1, True), (8, True), (64, True)]


def test_each_query_for_a_page_has_the_same_limit(moto_tables: Tables) -> None:
    for number in range(6):
        step = Step(action="Put", table="Registrations", item={"pk": "P", "sk": f"S{number}", "text": "x" * 300_000})
        moto_tables.transact([step])
    with hooks.requests_of(moto_tables, "Query") as sent:
        assert len(moto_tables.query("Registrations", "#pk = :pk", {"pk": "P"}, limit=5)) == 5
    assert [request["Limit"] for request in sent] == [5, 5]


def test_a_client_has_short_timeouts_and_a_connection_for_each_thread() -> None:
    tables = Tables.connect({}, **EMULATOR_ACCESS)
    config: Any = tables.client.meta.config
    assert (config.connect_timeout, config.read_timeout) == (CONNECT_SECONDS, READ_SECONDS)
    assert config.retries == {"mode": "standard", "total_max_attempts": 3}
    assert config.user_agent.startswith("events-api")
    own_threads = tables._threads._executor._max_workers  # noqa: SLF001 - nothing else shows it
    assert config.max_pool_connections == SERVER_THREADS + own_threads == CONNECTIONS


def test_a_tool_can_have_another_configuration_of_the_client() -> None:
    own = Config(retries={"mode": "standard", "total_max_attempts": 5})
    config: Any = Tables.connect({}, config=own, **EMULATOR_ACCESS).client.meta.config
    assert config.retries["total_max_attempts"] == 5
    assert config.read_timeout == READ_SECONDS


def test_the_environment_names_the_tables() -> None:
    named = {"EVENTS_TABLE": "E", "USERS_TABLE": "U", "PATH": "P"}
    expected = {"Events": "E", "Users": "U", "Registrations": "Registrations"}
    assert Tables.connect(named, **EMULATOR_ACCESS).names == expected


def test_without_a_region_the_store_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    with pytest.raises(StorageUnavailable, match="NoRegionError"):
        Tables.connect({})


def test_a_health_check_reads_one_key(moto_tables: Tables) -> None:
    with hooks.requests_of(moto_tables, "GetItem") as sent:
        moto_tables.ping()
    assert [(request["TableName"], request["Key"]) for request in sent] == [("Users", {"userId": {"S": "."}})]


def test_a_query_is_consistent_unless_it_is_asked_otherwise_and_never_on_an_index(moto_tables: Tables) -> None:
    with hooks.requests_of(moto_tables, "Query") as sent:
        moto_tables.query("Registrations", "#pk = :pk", {"pk": "P"})
        moto_tables.query("Registrations", "#pk = :pk", {"pk": "P"}, consistent=False)
        moto_tables.query("Events", "#listing = :listing", {"listing": "EVENTS"}, index="byDate")
    assert [request.get("ConsistentRead") for request in sent] == [True, False, None]


def test_the_parser_of_botocore_gets_nothing_to_parse(moto_tables: Tables) -> None:
    """To visit every attribute takes longer than everything else together."""
    user = users.create(moto_tables, "a", "A")
    bodies: list[bytes] = []

    def note(response_dict: dict[str, Any], **_context: Any) -> None:
        bodies.append(response_dict["body"])

    events: Any = moto_tables.client.meta.events
    events.register_last("before-parse.dynamodb.GetItem", note)
    try:
        assert users.get(moto_tables, "a") == user
    finally:
        events.unregister("before-parse.dynamodb.GetItem", note)
    assert bodies == [b"{}"]


def test_the_reasons_for_a_cancelled_transaction_are_those_that_botocore_would_parse(ministack_tables: Tables) -> None:
    ministack_tables.transact([Step(action="Put", table="Registrations", item={**REGISTERED, "seq": 7})])
    put = Step(action="Put", table="Registrations", item=REGISTERED, condition="attribute_not_exists(#pk)")
    request: dict[str, Any] = {"TransactItems": [member(put, ministack_tables.names["Registrations"])]}
    endpoint = ministack_tables.client.meta.endpoint_url
    found: list[dict[str, Any]] = []
    for client in (ministack_tables.client, boto3.client("dynamodb", endpoint_url=endpoint, **EMULATOR_ACCESS)):
        with pytest.raises(client.exceptions.TransactionCanceledException) as cancelled:
            client.transact_write_items(**request)
        found.append({**cancelled.value.response, "ResponseMetadata": {}})
    assert found[0] == found[1]
    assert found[0]["CancellationReasons"][0]["Item"]["seq"] == {"N": "7"}


def test_creating_the_tables_twice_keeps_their_items(moto_tables: Tables) -> None:
    user = users.create(moto_tables, "a", "A")
    moto_tables.create_missing()
    assert users.get(moto_tables, "a") == user
