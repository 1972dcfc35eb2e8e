"""Reads of whole tables and partitions, and of several items as of one moment."""

from typing import Any

import pytest

from storage.audit import reads
from storage.audit.reads import scan, sizes, snapshot, walk
from storage.dynamodb.attributes import Item
from storage.dynamodb.steps import Step
from storage.dynamodb.tables import Tables
from storage.errors import Contention
from tests.apparatus.corruptions import put
from tests.apparatus.hooks import requests_of

PARTITION = ("#pk = :pk", {"pk": "P"})


def item(number: int, **more: Any) -> Item:
    return {"pk": "P", "sk": f"S{number}", **more}


@pytest.mark.parametrize("page_items", [2, 5, 1000])
def test_a_scan_and_a_walk_yield_each_item_once_on_pages_of_any_size(
    moto_tables: Tables, monkeypatch: pytest.MonkeyPatch, page_items: int
) -> None:
    """DynamoDB ends a page after 1 MB as well, which is less than these five items have."""
    monkeypatch.setattr(reads, "PAGE_ITEMS", page_items)
    items = [item(number, text="x" * 300_000) for number in range(5)]
    for one in items:
        put(moto_tables, "Registrations", one)
    assert sorted(scan(moto_tables, "Registrations"), key=lambda found: str(found["sk"])) == items
    assert list(walk(moto_tables, *PARTITION)) == items


def test_a_snapshot_has_none_for_an_item_that_does_not_exist(moto_tables: Tables) -> None:
    put(moto_tables, "Registrations", item(1))
    keys = [("Registrations", item(number)) for number in (0, 1)]
    assert snapshot(moto_tables, keys) == [None, item(1)]


def test_a_snapshot_of_items_that_others_write_is_taken_again_until_the_time_is_up(
    moto_tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts: list[int] = []
    busy = 2
    read = moto_tables.client.transact_get_items

    def read_when_free(**request: Any) -> Any:
        attempts.append(1)
        if len(attempts) <= busy:
            answer: Any = {"Error": {"Code": "TransactionCanceledException"}}
            raise moto_tables.client.exceptions.TransactionCanceledException(answer, "TransactGetItems")
        return read(**request)

    monkeypatch.setattr(moto_tables.client, "transact_get_items", read_when_free)
    assert snapshot(moto_tables, [("Registrations", item(1))]) == [None]
    assert len(attempts) == 3
    busy = 10**9
    monkeypatch.setattr(moto_tables, "_retry_seconds", 0.05)
    with pytest.raises(Contention):
        snapshot(moto_tables, [("Registrations", item(1))])


def test_sizes_are_those_of_all_tables(moto_tables: Tables) -> None:
    moto_tables.transact([Step(action="Put", table="Registrations", item=item(number)) for number in range(2)])
    assert sizes(moto_tables) == {"Events": 0, "Users": 0, "Registrations": 2}


def test_a_scan_and_a_walk_read_consistently_and_a_page_at_a_time(
    moto_tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reads, "PAGE_ITEMS", 2)
    moto_tables.transact([Step(action="Put", table="Registrations", item=item(number)) for number in range(3)])
    with requests_of(moto_tables, "Scan") as scans, requests_of(moto_tables, "Query") as queries:
        assert len(list(scan(moto_tables, "Registrations"))) == len(list(walk(moto_tables, *PARTITION))) == 3
    assert [(sent["ConsistentRead"], sent["Limit"]) for sent in scans] == [(True, 2)] * 2
    assert [(sent["ConsistentRead"], sent["Limit"]) for sent in queries] == [(True, 2)] * 2
