"""Tables on the emulator with the data set, separate for each side."""

from storage.dynamodb.tables import Tables
from storage.embedded import EMULATOR_ACCESS
from storage.schema import TABLE_VARIABLES
from tests.bench import dataset
from tests.bench.workers import Side, environment


def tables_of(side: Side, store_url: str, *, runners: int = 0) -> dict[str, str]:
    """Create and fill the tables, with `runners` additional users, and return an environment that names them."""
    names = {variable: f"{table}-{side}" for table, variable in TABLE_VARIABLES.items()}
    tables = Tables.connect(names, endpoint_url=store_url, **EMULATOR_ACCESS)
    tables.create_missing()
    dataset.fill(tables, runners)
    return environment(store_url) | names
