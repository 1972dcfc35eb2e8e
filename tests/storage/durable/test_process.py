"""A durable store: what it has answered is there after any end of its process; damage stops its start."""

import os
import resource
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError

from storage.durable.log import line
from storage.durable.process import durable_store
from storage.dynamodb.tables import Tables
from storage.embedded import EMULATOR_ACCESS, EmulatorError
from storage.schema import TABLE_VARIABLES, TABLES
from tests.apparatus.patience import until
from tests.apparatus.server import process_on

NAMES = {variable: table for table, variable in TABLE_VARIABLES.items()}


class Store:
    """A running store: its client, its process, and what it reports."""

    def __init__(self, url: str, reports: list[str]) -> None:
        self.tables = Tables.connect(NAMES, endpoint_url=url, **EMULATOR_ACCESS)
        self.client, self.url, self.reports = self.tables.client, url, reports
        self.ended = threading.Event()

    def content(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for table in self.client.list_tables()["TableNames"]:
            description = self.client.describe_table(TableName=table)["Table"]
            items = self.client.scan(TableName=table)["Items"]
            names = [key["AttributeName"] for key in description["KeySchema"]]
            found[table] = (names, sorted(items, key=lambda item: [str(item[name]) for name in names]))
        return found


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., Any]:
    """Return a context manager that runs a store in the folder `data`."""
    folder = tmp_path / "data"
    folder.mkdir()

    @contextmanager
    def start() -> Iterator[Store]:
        reports: list[str] = []
        ended = threading.Event()
        with durable_store(folder, tmp_path / "output", report=reports.append, ended=ended.set) as url:
            store = Store(url, reports)
            store.ended = ended
            yield store

    return start


def write(store: Store, dice: Random, count: int) -> None:
    """Make writes of every kind, some of which are refused."""
    table = "Any"
    if table not in store.client.list_tables()["TableNames"]:
        keys = TABLES["Registrations"]
        store.client.create_table(TableName=table, **keys)
    for _ in range(count):
        writes[dice.choice(sorted(writes))](store, table, dice)


def key(dice: Random) -> dict[str, Any]:
    return {"pk": {"S": f"pk{dice.randrange(6)}"}, "sk": {"S": f"sk{dice.randrange(4)}"}}


def update(dice: Random) -> dict[str, Any]:
    return {
        "Key": key(dice),
        "UpdateExpression": "ADD #count :one",
        "ExpressionAttributeNames": {"#count": "count"},
        "ExpressionAttributeValues": {":one": {"N": "1"}},
    }


def transact(store: Store, table: str, dice: Random) -> None:
    first, second, third = (key(dice) for _ in range(3))
    steps: list[Any] = [
        {"Put": {"TableName": table, "Item": {**first, "set": {"NS": ["1", "2"]}}}},
        {"Delete": {"TableName": table, "Key": second}},
        {"Update": {"TableName": table, **update(dice), "Key": third}},
        {
            "ConditionCheck": {
                "TableName": table,
                "Key": {"pk": {"S": "x"}, "sk": {"S": "x"}},
                "ConditionExpression": dice.choice(["attribute_exists(pk)", "attribute_not_exists(pk)"]),
            }
        },
    ]
    with suppress(store.client.exceptions.TransactionCanceledException, store.client.exceptions.ClientError):
        store.client.transact_write_items(TransactItems=steps)


def batch(store: Store, table: str, dice: Random) -> None:
    put, deleted = key(dice), key(dice)
    requests: list[Any] = [{"PutRequest": {"Item": {**put, "text": {"S": "zoë \n"}}}}]
    if deleted != put:
        requests.append({"DeleteRequest": {"Key": deleted}})
    store.client.batch_write_item(RequestItems={table: requests})


writes: dict[str, Callable[[Store, str, Random], object]] = {
    "put": lambda store, table, dice: store.client.put_item(TableName=table, Item={**key(dice), "map": {"M": {}}}),
    "update": lambda store, table, dice: store.client.update_item(TableName=table, **update(dice)),
    "delete": lambda store, table, dice: store.client.delete_item(TableName=table, Key=key(dice)),
    "batch": batch,
    "transaction": transact,
}


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_after_writes_of_every_kind_and_any_end_a_start_has_the_same_tables(
    start: Callable[..., Any], how: signal.Signals
) -> None:
    dice = Random(1)  # noqa: S311 - it has to be repeatable, not secret
    before: dict[str, Any] = {}
    for _ in range(3):
        with pytest.raises(EmulatorError, match="ended by itself"), start() as store:  # noqa: PT012 - its end raises
            store.tables.create_missing()
            assert {name: found for name, found in store.content().items() if name in before} == before
            write(store, dice, 60)
            before = store.content()
            os.kill(process_on(store.url), how)
            assert store.ended.wait(30)
    assert len(before["Any"][1]) > 5


def test_the_end_of_the_context_is_no_end_by_itself(start: Callable[..., Any]) -> None:
    with start() as store:
        write(store, Random(2), 5)  # noqa: S311 - as above
        before = store.content()
    assert not store.ended.is_set()
    with start() as store:
        assert store.content() == before


def test_tables_indexes_and_settings_are_kept(start: Callable[..., Any]) -> None:
    with start() as store:
        store.tables.create_missing()
        store.client.create_table(TableName="gone", **TABLES["Users"])
        store.client.delete_table(TableName="gone")
        before = store.client.describe_table(TableName="Events")["Table"]
    with start() as store:
        after = store.client.describe_table(TableName="Events")["Table"]
        for name in ("KeySchema", "AttributeDefinitions", "BillingModeSummary"):
            assert after[name] == before[name]
        assert sorted(i["IndexName"] for i in after["GlobalSecondaryIndexes"]) == ["byDate", "byStatus"]
        assert "gone" not in store.client.list_tables()["TableNames"]


def test_damage_stops_the_start_with_the_path_and_is_not_overwritten(start: Callable[..., Any], tmp_path: Path) -> None:
    with start() as store:
        store.tables.create_missing()
    log = tmp_path / "data" / "items-000001.log"
    damaged = log.read_bytes().replace(b"CreateTable", b"createTable", 1)
    log.write_bytes(damaged)
    with pytest.raises(EmulatorError, match=rf"{log} is damaged: line 2, at byte \d+"), start():
        pytest.fail("it has started")
    assert log.read_bytes() == damaged


def test_a_folder_that_cannot_be_written_stops_the_start(start: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "data").rmdir()
    (tmp_path / "data").write_text("a file")
    with pytest.raises(EmulatorError, match="data: Not a directory"), start():
        pytest.fail("it has started")


def test_a_full_disk_ends_the_store_and_loses_nothing_that_was_answered(start: Callable[..., Any]) -> None:
    answered = []
    reason = r"can't write to .*items-000001\.log: File too large\. All that was answered before is in "
    with pytest.raises(EmulatorError, match=reason), start() as store:  # noqa: PT012 - its end raises
        store.tables.create_missing()
        resource.prlimit(process_on(store.url), resource.RLIMIT_FSIZE, (20_000, 20_000))
        with pytest.raises(BotoCoreError):  # noqa: PT012 - any of them may be the last
            for number in range(1_000):
                store.client.put_item(TableName="Users", Item={"userId": {"S": f"user-{number:04}"}})
                answered.append(f"user-{number:04}")
        assert store.ended.wait(30)
    assert len(answered) > 50
    with start() as store:
        found = [item["userId"]["S"] for item in store.client.scan(TableName="Users")["Items"]]
    assert sorted(found) == answered


def test_progress_is_reported(start: Callable[..., Any], tmp_path: Path) -> None:
    with start() as store:
        store.tables.create_missing()
    with (tmp_path / "data" / "items-000001.log").open("ab") as log:
        for number in range(24_997):
            put = ["Users", {"userId": {"S": f"{number}"}}]
            log.write(line({"scope": ["000000000000", "us-east-1"], "put": [put]}))
    with start() as store:
        until(lambda: store.reports == [f"read 25,000 writes of {tmp_path}/data/items-000001.log"])
