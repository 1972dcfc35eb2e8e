"""Each kind of injected fault has the described effect, and a seed repeats its faults."""

import time
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, ConnectTimeoutError, ReadTimeoutError

from storage import users
from storage.dynamodb.attributes import marshal
from storage.dynamodb.tables import Tables
from tests.apparatus.faults import SLOW_SECONDS, Fault, at_attempts, at_rates, faults, in_sequence

ALWAYS = 1000


def add_one(tables: Tables) -> Any:
    """Increment a counter, which shows how often the call was applied."""
    step = {
        "Update": {
            "TableName": tables.names["Users"],
            "Key": marshal({"userId": "counter"}),
            "UpdateExpression": "ADD #n :one",
            "ExpressionAttributeNames": {"#n": "n"},
            "ExpressionAttributeValues": {":one": {"N": "1"}},
        }
    }
    return tables.client.transact_write_items(TransactItems=[step], ClientRequestToken=str(uuid.uuid4()))  # type: ignore[list-item]


def applied(tables: Tables) -> int:
    item = tables.get("Users", {"userId": "counter"})
    return item["n"] if item else 0


@pytest.mark.parametrize(
    ("fault", "raised", "code", "times_applied"),
    [
        (Fault.IN_PROGRESS, ClientError, "TransactionInProgressException", 0),
        (Fault.THROTTLED, ClientError, "ThrottlingException", 0),
        (Fault.FAILED, ClientError, "InternalServerError", 0),
        (Fault.UNSENT, ConnectTimeoutError, "Connect timeout", 0),
        (Fault.RESET, ConnectionClosedError, "Connection was closed", 0),
        (Fault.LOST, ReadTimeoutError, "Read timeout", 1),
    ],
)
def test_a_lasting_fault_is_raised_after_three_attempts(
    ministack_tables: Tables, fault: Fault, raised: type[Exception], code: str, times_applied: int
) -> None:
    always = at_attempts(fault, "TransactWriteItems", 0, ALWAYS)
    with faults(ministack_tables, always) as layer, pytest.raises(raised, match=code):
        add_one(ministack_tables)
    assert layer.met == [("TransactWriteItems", number, fault) for number in range(3)]
    assert applied(ministack_tables) == times_applied


@pytest.mark.parametrize("fault", [fault for fault in Fault if fault not in {Fault.CONFLICT, Fault.PARTIAL}])
def test_a_single_fault_is_retried_by_botocore_with_the_same_token_and_the_call_applied_once(
    ministack_tables: Tables, fault: Fault
) -> None:
    with faults(ministack_tables, at_attempts(fault, "TransactWriteItems", 0)) as layer:
        add_one(ministack_tables)
    assert [met for _operation, _number, met in layer.met] == [fault]
    assert layer.attempts["TransactWriteItems"] == (1 if fault is Fault.SLOW else 2)
    assert applied(ministack_tables) == 1


def test_a_conflict_has_a_reason_for_each_step_and_is_not_retried_by_botocore(ministack_tables: Tables) -> None:
    cancelled = ministack_tables.client.exceptions.TransactionCanceledException
    once = at_attempts(Fault.CONFLICT, "TransactWriteItems", 0)
    with faults(ministack_tables, once) as layer, pytest.raises(cancelled) as refusal:
        add_one(ministack_tables)
    assert [reason.get("Code") for reason in refusal.value.response["CancellationReasons"]] == ["TransactionConflict"]
    assert layer.attempts["TransactWriteItems"] == 1
    assert applied(ministack_tables) == 0


def test_a_transaction_that_was_applied_is_recognised_by_its_token_and_meets_no_conflict(
    ministack_tables: Tables,
) -> None:
    sequence = in_sequence("TransactWriteItems", 0, [Fault.LOST, Fault.CONFLICT])
    with faults(ministack_tables, sequence) as layer:
        add_one(ministack_tables)
    assert [met for _operation, _number, met in layer.met] == [Fault.LOST]
    assert applied(ministack_tables) == 1


def test_a_slow_answer_is_delayed(ministack_tables: Tables) -> None:
    start = time.monotonic()
    with faults(ministack_tables, at_attempts(Fault.SLOW, "GetItem", 0)):
        applied(ministack_tables)
    assert time.monotonic() - start >= SLOW_SECONDS


def test_a_partial_batch_returns_some_items_and_names_the_unprocessed_keys(ministack_tables: Tables) -> None:
    for user_id in "abc":
        users.create(ministack_tables, user_id, user_id)
    name = ministack_tables.names["Users"]
    keys = [marshal({"userId": user_id}) for user_id in "abxc"]
    with faults(ministack_tables, at_attempts(Fault.PARTIAL, "BatchGetItem", 0)):
        answer = ministack_tables.client.batch_get_item(RequestItems={name: {"Keys": keys, "ConsistentRead": True}})
    assert [item["userId"]["S"] for item in answer["Responses"][name]] == ["a"]
    assert answer["UnprocessedKeys"] == {name: {"Keys": keys[1:], "ConsistentRead": True}}


def drawn(seed: int) -> list[Fault | None]:
    plan = at_rates(seed, {Fault.LOST: 0.1, Fault.THROTTLED: 0.2})
    return [plan("GetItem", number) for number in range(2000)]


def test_a_seed_repeats_its_faults_and_another_seed_gives_others() -> None:
    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)


def test_faults_are_met_at_the_given_rates() -> None:
    found = drawn(3)
    assert found.count(Fault.LOST) == pytest.approx(200, rel=0.2)
    assert found.count(Fault.THROTTLED) == pytest.approx(400, rel=0.2)


def test_after_the_context_no_fault_is_met(ministack_tables: Tables) -> None:
    with faults(ministack_tables, at_attempts(Fault.UNSENT, "GetItem", 0, ALWAYS)):
        pass
    assert applied(ministack_tables) == 0


def test_faults_are_refused_for_a_store_that_does_not_belong_to_the_test(moto_tables: Tables) -> None:
    with pytest.raises(AssertionError, match="of the test's own"), faults(moto_tables, at_rates(1, {})):
        pass
