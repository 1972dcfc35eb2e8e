"""The model of DynamoDB gives the same answers as ministack, for every feature that `storage` uses.

The emulator has DynamoDB's semantics for one caller at a time. Effects of concurrency (conflicts, locks, items that
become visible late) exist only in the model, and are tested here against its description.
"""

import random
import re
import uuid
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from storage import audit, events, users
from storage.dynamodb.steps import Changed
from storage.dynamodb.tables import Tables
from storage.errors import Refusal
from tests.simulation.clients import draw, execute, fields
from tests.simulation.dynamodb import Dynamo
from tests.simulation.errors import TransactionCanceledError
from tests.simulation.expressions import UnsupportedError, conjuncts, updated
from tests.simulation.network import Client
from tests.simulation.scheduler import Scheduler

_READS = ("get_item", "query", "scan", "batch_get_item")


def model_client(dynamo: Dynamo | None = None) -> Client:
    dice = random.Random(0)  # noqa: S311 - reproducible, not secret
    return Client(dynamo or Dynamo(dice), Scheduler(dice), dice, {})


def in_order(value: Any) -> Any:
    """Return a value with its sets of numbers sorted, as DynamoDB keeps no order."""
    if isinstance(value, dict):
        return {key: sorted(part, key=int) if key == "NS" else in_order(part) for key, part in value.items()}
    return [in_order(part) for part in value] if isinstance(value, list) else value


def comparable(call: Callable[..., Any], request: dict[str, Any]) -> Any:
    """Return the parts of an answer that must be equal."""
    try:
        answer = call(**request)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        reasons = error.response.get("CancellationReasons", [])
        return code, [(reason.get("Code", "None"), reason.get("Item")) for reason in reasons]
    known = {name: answer[name] for name in ("Item", "Items", "Count", "LastEvaluatedKey") if name in answer}
    if "TableName" in request and "FilterExpression" in request and "KeyConditionExpression" not in request:
        known["Items"] = sorted(known["Items"], key=str)
    if "Responses" in answer:
        known["Responses"] = {table: sorted(items, key=str) for table, items in answer["Responses"].items() if items}
        known["UnprocessedKeys"] = answer.get("UnprocessedKeys", {})
    return known


class Twins:
    """Replaces boto3's client: sends each call to the model and to the emulator, and compares the answers."""

    def __init__(self, model: Client, real: Any, names: dict[str, str]) -> None:
        self.model, self.real, self.compared = model, real, 0
        self._names = names
        self._tables = {name: table for table, name in names.items()}
        self.exceptions = SimpleNamespace(TransactionCanceledException=TransactionCanceledError)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(**request: Any) -> Any:
            mine = comparable(getattr(self.model, name), request)
            theirs = self._renamed(
                comparable(getattr(self.real, name), self._renamed(request, self._names)), self._tables
            )
            assert in_order(mine) == in_order(theirs), f"{name} {request}"
            self.compared += 1
            # A transaction is applied by then; its token prevents that it is applied twice.
            return getattr(self.model, name)(**request)

        return call

    def _renamed(self, value: Any, names: dict[str, str]) -> Any:
        if isinstance(value, dict):
            return {
                names.get(key, key): names.get(part, part) if key == "TableName" else self._renamed(part, names)
                for key, part in value.items()
            }
        return [self._renamed(part, names) for part in value] if isinstance(value, list) else value


@pytest.fixture
def twins(ministack_tables: Tables) -> Twins:
    return Twins(model_client(), ministack_tables.client, dict(ministack_tables.names))


@pytest.mark.parametrize("seed", range(3))
def test_the_calls_of_storage_have_the_same_answers_on_the_model_and_on_an_emulator(twins: Twins, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - reproducible, not secret
    tables = Tables(cast("Any", twins))
    event_ids, user_ids = ["e0", "e1"], [f"u{number}" for number in range(5)]
    for event_id in event_ids:
        events.create(tables, event_id, fields({"capacity": 2, "has_waitlist": True}))
    for user_id in user_ids:
        users.create(tables, user_id, user_id)
    outcomes = []
    for _ in range(80):
        request = draw(dice, event_ids, user_ids, {event_id: [] for event_id in event_ids})
        try:
            execute(tables, request)
            outcomes.append(request.name)
        except Refusal as refusal:
            outcomes.append(type(refusal).__name__)
    assert list(audit.audit(tables)) == []
    assert twins.compared > 100
    assert {"register", "unregister", "update", "AlreadyRegistered"} <= set(outcomes)


KEYS = [{"pk": {"S": "P"}, "sk": {"S": f"{kind}#{number}"}} for kind in "AB" for number in range(3)]
NAMES = {"#pk": "pk", "#sk": "sk", "#n": "n", "#s": "s"}
CONDITIONS = [
    "attribute_exists(#pk)",
    "attribute_not_exists(#pk)",
    "#n = :n",
    "#n < :n AND #s = :s",
    "NOT #n >= :n OR #s IN (:s, :t)",
    "(#n <= :n OR attribute_not_exists(#s)) AND NOT #s IN (:s)",
    "begins_with(#s, :s)",
    "#n BETWEEN :n AND :n",
    "#n > #s",
]
CHANGES = [
    "SET #n = :n",
    "SET #n = :n, #s = :s",
    "ADD #n :n",
    "ADD #n :n, #m :m",
    "SET #s = :s REMOVE #n",
    "ADD #set :set",
]


def defined(dice: random.Random, *texts: str | None) -> dict[str, Any]:
    """Return the names and values that expressions need, sometimes with an unused value."""
    used = {word.strip("(),") for text in texts if text for word in text.replace("(", " ").split()}
    names = {word: word[1:] for word in sorted(used) if word.startswith("#")}
    values: dict[str, dict[str, Any]] = {
        word: {"S": dice.choice(("x", "xy"))} if word in {":s", ":t"} else {"N": str(dice.randint(0, 3))}
        for word in sorted(used)
        if word.startswith(":")
    }
    if ":set" in values:
        values[":set"] = {"NS": [str(number) for number in dice.sample(range(9), 2)]}
    if dice.random() < 0.03:
        values[":unused"] = {"N": "1"}
    return ({"ExpressionAttributeNames": names} if names else {}) | (
        {"ExpressionAttributeValues": values} if values else {}
    )


def drawn_member(dice: random.Random, key: dict[str, Any]) -> dict[str, Any]:
    action = dice.choice(("Put", "Update", "Update", "Delete", "ConditionCheck"))
    condition = dice.choice([*CONDITIONS, None]) if action != "ConditionCheck" else dice.choice(CONDITIONS)
    change = dice.choice(CHANGES) if action == "Update" else None
    content: dict[str, Any] = {"TableName": "Registrations", **defined(dice, condition, change)}
    if action == "Put":
        content["Item"] = key | {"n": {"N": str(dice.randint(0, 3))}, "s": {"S": dice.choice(("x", "xyz"))}}
    else:
        content["Key"] = key
    content |= {"UpdateExpression": change} if change else {}
    content |= {"ConditionExpression": condition} if condition else {}
    if dice.random() < 0.7 and condition:
        content["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
    return {action: content}


def drawn_read(dice: random.Random) -> tuple[str, dict[str, Any]]:
    condition, *rest = dice.choice(
        [
            ("#pk = :pk", {}),
            ("#pk = :pk AND begins_with(#sk, :a)", {":a": {"S": "A#"}}),
            ("#pk = :pk AND #sk BETWEEN :a AND :b", {":a": {"S": "A#1"}, ":b": {"S": "B#1"}}),
            ("#pk = :pk AND #sk > :a", {":a": {"S": "A#1"}}),
        ]
    )
    request: dict[str, Any] = {"TableName": "Registrations", "KeyConditionExpression": condition}
    names = {"#pk": "pk"} | ({"#sk": "sk"} if "#sk" in condition else {})
    values: dict[str, Any] = {":pk": {"S": "P"}, **rest[0]}
    if dice.random() < 0.4:
        request["FilterExpression"] = "#n = :n"
        names, values = names | {"#n": "n"}, values | {":n": {"N": "1"}}
    request |= {"ExpressionAttributeNames": names, "ExpressionAttributeValues": values, "ConsistentRead": True}
    request |= {"Limit": dice.randint(1, 4)} if dice.random() < 0.5 else {}
    request |= {"ScanIndexForward": False} if dice.random() < 0.3 else {}
    request |= {"Select": "COUNT"} if dice.random() < 0.3 else {}
    if dice.random() < 0.3 and condition == "#pk = :pk":
        request["ExclusiveStartKey"] = dice.choice(KEYS)
    return "query", request


@pytest.mark.parametrize("seed", range(3))
def test_random_calls_have_the_same_answers_on_the_model_and_on_an_emulator(twins: Twins, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - reproducible, not secret
    cancelled = done = 0
    for _ in range(150):
        members = [drawn_member(dice, key) for key in dice.sample(KEYS, dice.randint(1, 3))]
        if dice.random() < 0.03:
            members.append(members[0])
        try:
            twins.transact_write_items(
                TransactItems=members, ClientRequestToken=str(uuid.UUID(int=dice.getrandbits(128)))
            )
            done += 1
        except ClientError:
            cancelled += 1
        for _ in range(2):
            name, request = drawn_read(dice)
            getattr(twins, name)(**request)
        twins.get_item(TableName="Registrations", Key=dice.choice(KEYS), ConsistentRead=True)
        wanted = {"Registrations": {"Keys": dice.sample(KEYS, 3), "ConsistentRead": True}}
        twins.batch_get_item(RequestItems=wanted)
    assert min(done, cancelled) > 20


def test_a_transaction_is_applied_once_per_token_and_a_token_is_for_one_request_only(twins: Twins) -> None:
    step = {"Update": {"TableName": "Registrations", "Key": KEYS[0], "UpdateExpression": "ADD #n :n",
            "ExpressionAttributeNames": {"#n": "n"}, "ExpressionAttributeValues": {":n": {"N": "1"}}}}  # fmt: skip
    for _ in range(3):
        twins.transact_write_items(TransactItems=[step], ClientRequestToken="t")
    assert twins.get_item(TableName="Registrations", Key=KEYS[0])["Item"]["n"] == {"N": "1"}
    other = {"Delete": {"TableName": "Registrations", "Key": KEYS[0]}}
    with pytest.raises(ClientError, match="IdempotentParameterMismatch"):
        twins.transact_write_items(TransactItems=[other], ClientRequestToken="t")


@pytest.mark.parametrize(
    "text", ["size(:b) > :b", "#a <> :b", "a = :b", "#a = :b,", "#a =", "contains(#a, :b)", "#a IN :b", "#a = :b OR"]
)
def test_the_model_refuses_conditions_that_it_does_not_support(text: str) -> None:
    with pytest.raises(UnsupportedError):
        conjuncts(text)


@pytest.mark.parametrize("text", ["SET #a = #a + :b", "DELETE #a :b", "#a = :b", "SET #a = if_not_exists(#a, :b)"])
def test_the_model_refuses_updates_that_it_does_not_support(text: str) -> None:
    with pytest.raises(UnsupportedError):
        updated(text, {}, {"#a": "a"}, {":b": {"N": "1"}})


def put(number: int) -> list[dict[str, Any]]:
    return [{"Put": {"TableName": "Registrations", "Item": key | {"n": {"N": str(number)}}}} for key in KEYS[:2]]


def test_each_item_of_a_transaction_is_locked_until_it_is_visible_and_no_longer() -> None:
    dynamo = Dynamo(random.Random(1), tear=lambda: True)  # noqa: S311 - reproducible, not secret
    seen: list[list[tuple[bool, str]]] = []

    def meanwhile() -> None:
        seen.append(
            sorted(
                (dynamo.get("Registrations", key, consistent=True) is not None, _reason(dynamo, key))
                for key in KEYS[:2]
            )
        )

    dynamo.pause = meanwhile
    dynamo.transact(put(1), "one")
    hidden, visible = (False, "TransactionConflict"), (True, "ConditionalCheckFailed")
    assert seen == [[hidden, hidden], [hidden, hidden], [hidden, visible]]
    assert dynamo.conflicts == 5
    dynamo.pause = lambda: None
    dynamo.transact(put(2), "two")


def test_a_condition_check_whose_condition_is_ignored_does_not_lock_its_item() -> None:
    def checks(dynamo: Dynamo) -> str:
        """Return why a transaction is refused while another checks the same item."""
        reasons: list[str] = []
        dynamo.pause = lambda: reasons.append(_reason(dynamo, KEYS[0]))
        dynamo.transact([_check(KEYS[0], "attribute_not_exists(#pk)")], "one")
        (reason,) = set(reasons[:1])
        return reason

    dynamo = Dynamo(random.Random(1), tear=lambda: True)  # noqa: S311 - reproducible, not secret
    assert checks(dynamo) == "TransactionConflict"
    ignored = frozenset(demand for demand in dynamo.demands if "not" in demand.part)
    assert checks(Dynamo(random.Random(1), tear=lambda: True, ignored=ignored)) == "ConditionalCheckFailed"  # noqa: S311


def _check(key: dict[str, Any], condition: str) -> dict[str, Any]:
    (name,) = re.findall(r"#(\w+)", condition)
    names = {f"#{name}": name}
    return {
        "ConditionCheck": {
            "TableName": "Registrations",
            "Key": key,
            "ConditionExpression": condition,
            "ExpressionAttributeNames": names,
        }
    }


def _reason(dynamo: Dynamo, key: dict[str, Any]) -> str:
    """Return why a transaction is refused whose condition does not hold."""
    with pytest.raises(TransactionCanceledError) as refusal:
        dynamo.transact([_check(key, "attribute_exists(#never)")], str(uuid.uuid4()))
    return refusal.value.response["CancellationReasons"][0]["Code"]


def test_an_eventually_consistent_read_may_miss_the_last_transactions_and_a_consistent_one_does_not() -> None:
    dynamo = Dynamo(random.Random(1), lags=lambda: True)  # noqa: S311 - reproducible, not secret
    for number in range(8):
        dynamo.transact(put(number), str(number))
    request = {
        "TableName": "Registrations",
        "KeyConditionExpression": "#pk = :pk",
        "ExpressionAttributeNames": {"#pk": "pk"},
        "ExpressionAttributeValues": {":pk": {"S": "P"}},
    }
    consistent = dynamo.range(request | {"ConsistentRead": True})["Items"]
    assert [item["n"]["N"] for item in consistent] == ["7", "7"]
    late = {item["n"]["N"] for _ in range(50) for item in dynamo.range(request)["Items"]}
    assert late == {"3", "4", "5", "6", "7"}


@pytest.mark.parametrize("call", ["get_item", "batch_get_item"])
def test_a_read_by_key_lags_unless_it_is_consistent(call: str) -> None:
    dynamo = Dynamo(random.Random(1), lags=lambda: True)  # noqa: S311 - reproducible, not secret
    client = model_client(dynamo)

    def seen(**consistency: bool) -> set[str]:
        if call == "get_item":
            found = [client.get_item(TableName="Registrations", Key=KEYS[0], **consistency)["Item"] for _ in range(50)]
        else:
            request = {"Registrations": {"Keys": KEYS[:2], **consistency}}
            answers = [client.batch_get_item(RequestItems=request)["Responses"] for _ in range(50)]
            found = [item for answer in answers for item in answer["Registrations"]]
        return {item["n"]["N"] for item in found}

    for number in range(8):
        dynamo.transact(put(number), str(number))
    assert seen(ConsistentRead=True) == {"7"}
    assert seen() == {"3", "4", "5", "6", "7"}


def test_several_items_as_of_one_moment_are_as_the_emulator_returns_them(ministack_tables: Tables) -> None:
    model = Tables(cast("Any", model_client()))
    for tables in (model, ministack_tables):
        users.create(tables, "ada", "Ada")
    keys: list[tuple[str, dict[str, str]]] = [("Users", {"userId": "ada"}), ("Users", {"userId": "nobody"})]
    found, emulated = model.snapshot(keys), ministack_tables.snapshot(keys)
    assert [item and item["name"] for item in found] == [item and item["name"] for item in emulated] == ["Ada", None]


def test_several_items_are_not_read_while_a_transaction_holds_one_of_them() -> None:
    dynamo = Dynamo(random.Random(0), tear=lambda: True)  # noqa: S311 - reproducible, not secret
    tables = Tables(cast("Any", model_client(dynamo)))
    conflicts: list[Any] = []

    def read() -> None:
        try:
            conflicts.append(tables.snapshot([("Users", {"userId": "other"}), ("Users", {"userId": "ada"})]))
        except Changed as changed:
            conflicts.append(changed)

    dynamo.pause = read
    users.create(tables, "ada", "Ada")
    assert conflicts
    assert all(isinstance(conflict, Changed) for conflict in conflicts)
