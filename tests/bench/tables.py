"""Tables on the emulator, filled, for one side alone: neither meets what the other has written."""

from storage.dynamodb.tables import Tables
from storage.embedded import EMULATOR_ACCESS
from storage.schema import TABLE_VARIABLES
from tests.bench import ledger
from tests.bench.sides import Side, environment


def tables_of(side: Side, store_url: str, *, runners: int = 0) -> dict[str, str]:
    """Make and fill the tables, with some more users, and return the environment that names them."""
    names = {variable: f"{table}-{side}" for table, variable in TABLE_VARIABLES.items()}
    tables = Tables.connect(names, endpoint_url=store_url, **EMULATOR_ACCESS)
    tables.create_missing()
    ledger.fill(tables, runners)
    return environment(store_url) | names
