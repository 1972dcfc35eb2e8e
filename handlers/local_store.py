"""The store of `events-api`: one of its own, durable or in memory, or the one that the environment names."""

import argparse
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from handlers.settings import SettingsError
from storage.durable.process import served_folder
from storage.dynamodb.tables import Tables
from storage.embedded import EMULATOR_ACCESS, embedded_store
from storage.place import endpoint_variable, ignore_accounts

DATA: Final = Path(".events-api")


@dataclass(frozen=True, slots=True)
class Store:
    """The tables, a text that locates their data, and the URL of the store if this process started it.

    If the store is durable, `folder` has its data.
    """

    tables: Tables
    where: str
    own_url: str | None = None
    folder: Path | None = None


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that select a store."""
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--data", type=Path, metavar="DIR", help=f"folder for the data (default: {DATA})")
    place.add_argument("--memory", action="store_true", help="keep data in memory only, until the service stops")


def key_folder(options: argparse.Namespace) -> Path:
    """Return the folder of the local issuer's key: the data folder, also if the data itself is elsewhere."""
    folder: Path = options.data or DATA
    return folder


@contextmanager
def opened(options: argparse.Namespace) -> Iterator[Store]:
    """Open the store while the context lasts.

    Raises:
        EmulatorError: The data folder is in use or can't be used, or a store of its own does not start, or has failed.
        SettingsError: The store of the environment can't be followed.

    """
    variable = endpoint_variable()
    if variable and not (options.memory or options.data):
        if options.webhook:
            raise SettingsError(
                f"--webhook needs a store of the service's own: unset {variable}, or add --data DIR or --memory"
            )
        yield Store(Tables.connect(os.environ), f"data in the store at {os.environ[variable]}")
        return
    for name in [*([variable] if variable else []), *ignore_accounts()]:
        _say(f"{name} is set and not used: the service has a store of its own")
    with ExitStack() as resources:
        if options.memory and not options.webhook:
            url, where, folder = resources.enter_context(embedded_store()), "data in memory, gone at the end", None
        else:
            path = options.data or DATA
            if options.memory:  # A webhook is told what the log of a durable store has.
                path = Path(resources.enter_context(TemporaryDirectory(prefix="events-api-")))
            folder, url = resources.enter_context(served_folder(path, report=_say, ended=_stop))
            where = f"data in {folder}{', gone at the end' if options.memory else ''}"
        access: dict[str, Any] = {**EMULATOR_ACCESS, "endpoint_url": url}
        yield Store(Tables.connect(os.environ, **access), where, url, folder)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - the output of the command


def _stop() -> None:
    """Stop this process as Ctrl-C does: without its store it can only refuse."""
    os.kill(os.getpid(), signal.SIGTERM)
