"""Reads for tools, not for requests: whole tables, whole partitions, and several items as of one moment."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from storage.dynamodb.attributes import Item, Key, Values, unmarshal
from storage.dynamodb.tables import Tables

#: Maximum number of items that a scan or a walk reads, and so holds, at a time.
PAGE_ITEMS: Final = 1000


def scan(tables: Tables, table: str) -> Iterator[Item]:
    """Yield the items of a whole table, a page at a time, in no order."""
    request: dict[str, Any] = {"TableName": tables.names[table], "ConsistentRead": True, "Limit": PAGE_ITEMS}
    while True:
        answer = tables.call("scan", **request)
        yield from map(unmarshal, answer["Items"])
        if "LastEvaluatedKey" not in answer:
            return
        request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def walk(tables: Tables, condition: str, values: Values) -> Iterator[Item]:
    """Yield the items of a query on Registrations in the order of the sort key, a page at a time."""
    after: Key | None = None
    while True:
        page = tables.query("Registrations", condition, values, limit=PAGE_ITEMS, after=after)
        yield from page
        if len(page) < PAGE_ITEMS:
            return
        after = key_of(page[-1])


def key_of(item: Item) -> Key:
    """Return the key of an item of the Registrations table."""
    return {"pk": item["pk"], "sk": item["sk"]}


def snapshot(tables: Tables, table_keys: Sequence[tuple[str, Key]]) -> list[Item | None]:
    """Return up to 100 items as of one moment, None for each that does not exist.

    Raises:
        Contention: Others kept writing to the items until the time for retries ran out.

    """
    return tables.retry(lambda _image: tables.snapshot(table_keys))


def sizes(tables: Tables) -> dict[str, int]:
    """Return the approximate number of items of each table; DynamoDB updates it every six hours."""
    return {
        table: tables.call("describe_table", TableName=name)["Table"]["ItemCount"]
        for table, name in tables.names.items()
    }
