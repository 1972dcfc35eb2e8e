"""Items and read units of each read reach a tool; writes do not."""

from storage.audit.reads import scan, snapshot
from storage.dynamodb.consumption import Read, on_read
from storage.dynamodb.steps import Step
from storage.dynamodb.tables import Tables

KEYS = [("Users", {"userId": user_id}) for user_id in "abx"]


def test_each_kind_of_read_reports_its_items_and_units_and_a_write_nothing(moto_tables: Tables) -> None:
    reads: list[Read] = []
    on_read(moto_tables, reads.append)
    moto_tables.transact([Step(action="Put", table="Users", item=key) for _table, key in KEYS[:2]])
    assert reads == []

    moto_tables.get(*KEYS[0])
    moto_tables.get(*KEYS[2])
    moto_tables.get_all(KEYS)
    moto_tables.query("Users", "#userId = :userId", {"userId": "a"})
    list(scan(moto_tables, "Users"))
    snapshot(moto_tables, KEYS)
    assert [read.items for read in reads] == [1, 0, 2, 1, 2, 2]
    assert [read.table for read in reads] == [None, None, None, "Users", "Users", None]
    assert all(read.units > 0 for read in reads)


def test_an_answer_without_the_units_is_counted_all_the_same(moto_tables: Tables) -> None:
    """Ministack reports no units for BatchGetItem."""
    reads: list[Read] = []
    on_read(moto_tables, reads.append)
    moto_tables.client.meta.events.register_first(
        "after-call.dynamodb.Query", lambda parsed, **_context: parsed.pop("ConsumedCapacity", None)
    )
    moto_tables.query("Users", "#userId = :userId", {"userId": "a"})
    assert reads == [Read(items=0, units=0, table=None)]
