"""Where the tables of a tool are: a data folder, a store at a URL, a stack, or what the environment names."""

import argparse
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from storage.durable.lock import FolderInUseError
from storage.durable.process import served_folder
from storage.dynamodb.access import connect, stack_tables
from storage.dynamodb.tables import Tables
from storage.schema import TABLE_VARIABLES

#: An endpoint in one of these variables is that of the store.
_ENDPOINT_VARIABLES: Final = ("AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL")


class Opened(NamedTuple):
    """The tables, a text that locates them, and whether nobody else can use them meanwhile."""

    tables: Tables
    where: str
    alone: bool = False


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that name a place to a command."""
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--data", type=Path, metavar="DIR", help="a data folder of events-api, which nobody serves")
    place.add_argument("--store", metavar="URL", help="the store at this URL, as printed by events-api at start")
    place.add_argument("--stack", metavar="NAME", help="the tables of this CloudFormation stack")


def endpoint_variable() -> str | None:
    """Return the variable that names the endpoint of a store, None if neither is set."""
    return next((name for name in _ENDPOINT_VARIABLES if os.environ.get(name)), None)


def ignore_accounts() -> list[str]:
    """Remove the names of tables and profiles from the environment, for a store of one's own; return which it had.

    The tables there have the usual names, and boto3 would look for a profile although the store needs none.
    """
    names = [*TABLE_VARIABLES.values(), "AWS_PROFILE", "AWS_DEFAULT_PROFILE"]
    return [name for name in names if os.environ.pop(name, None)]


@contextmanager
def opened(
    options: argparse.Namespace,
    *,
    folder: Path | None = None,
    create: bool = False,
    report: Callable[[str], object] = lambda _progress: None,
) -> Iterator[Opened]:
    """Yield the tables that the options name.

    Without options they are those that the environment names, on AWS or at its endpoint; if it names no endpoint and
    `folder` is given, those in that data folder. With `create`, a data folder and its tables are made if they are
    absent. `report` gets the progress of loading a folder.

    Raises:
        EmulatorError: The data folder can't be used.
        LookupError: The stack can't be used.
        StorageUnavailable: As `Tables.connect`.

    """
    variable = endpoint_variable()
    endpoint = os.environ[variable] if variable else None
    data = options.data or (None if options.store or options.stack or endpoint else folder)
    if data is not None:
        with _folder(data, create=create, report=report) as tables:
            yield Opened(tables, f"the folder {data.resolve()}", alone=True)
    elif options.stack:
        yield Opened(connect({**os.environ, **stack_tables(options.stack)}), f"the tables of the stack {options.stack}")
    elif options.store:
        yield Opened(connect(os.environ, options.store), f"the store at {options.store}")
    else:
        where = f"the store at {endpoint}" if endpoint else "the tables that the environment names"
        yield Opened(connect(os.environ), where)


@contextmanager
def _folder(data: Path, *, create: bool, report: Callable[[str], object]) -> Iterator[Tables]:
    ignore_accounts()
    try:
        with served_folder(data, create=create, report=report) as (_path, url):
            tables = connect(os.environ, url)
            if create:
                tables.create_missing()
            yield tables
    except FolderInUseError as error:
        hint = "stop that one, or name the URL of its store with --store"
        raise FolderInUseError(f"{data.resolve()} is in use by another events-api: {hint}.") from error
