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
def shared_tables(store_url: str) -> Tables:
    names = {variable: f"{table}.histories" for table, variable in TABLE_VARIABLES.items()}
    tables = Tables.connect(names, endpoint_url=store_url, **EMULATOR_ACCESS)
    tables.create_missing()
    return tables


@pytest.fixture(scope="session")
def shared(shared_tables: Tables, store_url: str) -> Iterator[Service]:
    with service(shared_tables, store_url) as running:
        create_people(running.urls)
        yield running


@pytest.fixture(scope="session")
def shared_with_tokens(shared_tables: Tables, store_url: str) -> Iterator[Service]:
    with service(shared_tables, store_url, tokens=True) as running:
        create_people(running.urls, running.issuer)
        yield running


@pytest.fixture
def running(shared: Service) -> Service:
    """Return the shared service without faults; a test sets its own."""
    shared.plan_faults(passing, passing)
    return shared


@pytest.fixture
def with_tokens(shared_with_tokens: Service) -> Service:
    """Return one on the same tables that requires tokens."""
    shared_with_tokens.plan_faults(passing, passing)
    return shared_with_tokens
