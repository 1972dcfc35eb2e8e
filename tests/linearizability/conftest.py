"""The service that the tests of this folder share; a test may replace a server process."""

from collections.abc import Iterator

import pytest

from storage.dynamodb.tables import Tables
from storage.embedded import EMULATOR_ACCESS
from storage.schema import TABLE_VARIABLES
from tests.apparatus.proxy import passing
from tests.linearizability.clients import create_people
from tests.linearizability.service import Service, service


@pytest.fixture(scope="session")
def shared(store_url: str) -> Iterator[Service]:
    names = {variable: f"{table}.histories" for table, variable in TABLE_VARIABLES.items()}
    tables = Tables.connect(names, endpoint_url=store_url, **EMULATOR_ACCESS)
    tables.create_missing()
    with service(tables, store_url) as running:
        create_people(running.urls)
        yield running


@pytest.fixture
def running(shared: Service) -> Service:
    """Return the shared service without faults; a test sets its own."""
    shared.plan_faults(passing, passing)
    return shared
