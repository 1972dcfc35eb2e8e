"""Shared fixtures: the three tables on moto and on ministack, the application on them, and its log."""

import copy
import gc
import io
import itertools
import json
import logging
import os
from collections.abc import Callable, Generator, Iterator
from importlib.util import find_spec
from types import SimpleNamespace
from typing import Any

import pytest
from moto import mock_aws

from handlers.app import create_app
from handlers.pipeline import logs
from storage.dynamodb.tables import Tables
from storage.embedded import EMULATOR_ACCESS, embedded_store
from storage.schema import TABLE_VARIABLES, TABLES
from tests.apparatus import moto_store
from tests.apparatus.client import Client
from tests.apparatus.response_check import ResponseCheck

#: playwright, which drives the browser, is only in the extra `contract`.
collect_ignore = [] if find_spec("playwright") else ["browser/test_swagger_ui.py"]

_numbers = itertools.count()

# To look through all objects for garbage took a tenth of the tests' CPU. Most of them are modules and tests, which
# stay, so it is done a tenth as often.
gc.set_threshold(*gc.get_threshold()[:2], 100)


@pytest.hookimpl(wrapper=True, optionalhook=True)
def pytest_xdist_auto_num_workers() -> Generator[None, int, int]:
    """Return three processes per two cores for `-n auto`: a third of the time is spent on waiting for servers."""
    cores = yield
    return cores if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ else cores * 3 // 2


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run what takes longest first, so that no process of pytest-xdist waits for the other at the end."""
    items.sort(key=lambda item: item.path.name != "test_house.py")


@pytest.fixture(autouse=True)
def _no_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep tests away from the account and the store of the person who runs them."""
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB", "CORS_ORIGINS", "STAGE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


@pytest.fixture(autouse=True)
def _logging_is_whole(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Restore what the entry point for Lambda changes: the level of the root logger, and what records contain."""
    for name in logs.SPARED:
        monkeypatch.setattr(logging, name, True, raising=False)
    level = logging.getLogger().level
    yield
    logging.getLogger().setLevel(level)


@pytest.fixture
def no_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let botocore repeat a call at once; the number of its attempts stays."""
    monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=lambda _seconds: None))


@pytest.fixture(scope="session")
def moto_connection() -> Iterator[Tables]:
    """Connect to moto once per process: creating a client takes longer than most tests."""
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB"):
            patch.delenv(name, raising=False)
        moto_store.quicken(patch)
        # moto answers at the hook at which the service's own transport would send.
        yield Tables.connect({"STORE_TRANSPORT": "urllib3"}, **EMULATOR_ACCESS)


@pytest.fixture(scope="session")
def _empty_tables(moto_connection: Tables) -> dict[str, Any]:
    """Create the tables on moto once per process, and take them away until a test has copies of them."""
    moto_connection.create_missing()
    made = moto_store.tables()
    return {table: made.pop(table) for table in TABLES}


@pytest.fixture
def moto_tables(moto_connection: Tables, _empty_tables: dict[str, Any]) -> Iterator[Tables]:
    """Make fresh tables on moto, in this process: fast, but correct only for one client at a time."""
    made = moto_store.tables()
    assert not made, "another test has left its tables"
    made.update({name: copy.deepcopy(table) for name, table in _empty_tables.items()})
    yield moto_connection
    for table in TABLES:
        del made[table]


@pytest.fixture(scope="session")
def store_url() -> Iterator[str]:
    """Start ministack, a process with DynamoDB's semantics under concurrency, and yield its URL."""
    with embedded_store() as url:
        yield url


@pytest.fixture
def ministack_tables(store_url: str) -> Tables:
    """Create fresh tables on ministack."""
    number = next(_numbers)
    names = {variable: f"{table}{number}" for table, variable in TABLE_VARIABLES.items()}
    tables = Tables.connect(names, endpoint_url=store_url, **EMULATOR_ACCESS)
    tables.create_missing()
    return tables


@pytest.fixture(scope="session")
def app(moto_connection: Tables) -> ResponseCheck:
    """Build the application once, which takes longer than most tests; it keeps no state between requests."""
    return ResponseCheck(create_app(moto_connection))


@pytest.fixture
def client(app: ResponseCheck, moto_tables: Tables) -> Client:  # noqa: ARG001 - it needs fresh tables
    """Make a client of the application, which checks every response against the contract."""
    return Client(app)


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Capture the log, and restore the loggers afterwards."""
    loggers = [logging.getLogger(name) for name in ("handlers", "storage")]
    before = [(logger.handlers[:], logger.level, logger.propagate) for logger in loggers]
    text = io.StringIO()
    logs.configure(text)
    yield text
    for logger, (handlers, level, propagate) in zip(loggers, before, strict=True):
        logger.handlers, logger.level, logger.propagate = handlers, level, propagate


@pytest.fixture
def log_lines(log: io.StringIO) -> Callable[[], list[dict[str, Any]]]:
    """Return a function that returns the lines logged so far."""
    return lambda: [json.loads(line) for line in log.getvalue().splitlines()]
