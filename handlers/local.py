"""`events-api`: the same application on this machine, on an embedded store or on the one that the environment names."""

import argparse
import fcntl
import os
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, Final

import uvicorn

from handlers import demo
from handlers.app import app_from
from handlers.contract import ContractError
from handlers.pipeline import logs
from handlers.preparation import prepared
from storage.dynamodb.tables import Tables
from storage.embedded import EMULATOR_ACCESS, EmulatorError, embedded_store
from storage.errors import StorageUnavailable

#: An endpoint that is named here is used in place of a store of our own.
ENDPOINT_VARIABLES: Final = ("AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL")

GRACE_SECONDS: Final = 5


class StartError(Exception):
    """The service can't be started; the message says why, and what to do."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until Ctrl-C or SIGTERM."""
    options = _options(arguments)
    logs.configure()
    try:
        serve(options)
    except (StartError, ContractError, EmulatorError, StorageUnavailable) as error:
        sys.exit(f"events-api: {error}")
    except KeyboardInterrupt:
        # uvicorn has answered what was running and raises the signal again; everything is stopped by now.
        sys.exit(0)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="events-api", description="Serve the Events API on this machine.")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: %(default)s)")
    parser.add_argument(
        "--port", type=_port, default=8000, help="the port to listen on; 0 takes a free one (default: %(default)s)"
    )
    place = parser.add_mutually_exclusive_group()
    place.add_argument(
        "--data",
        type=Path,
        default=Path(".events-api"),
        metavar="DIR",
        help="keep the data here (default: %(default)s)",
    )
    place.add_argument("--memory", action="store_true", help="keep no data")
    parser.add_argument("--demo", action="store_true", help="fill in a few events, users and registrations")
    return parser.parse_args(arguments)


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:  # noqa: PLR2004 - the last port
        raise argparse.ArgumentTypeError(f"{text!r} is no port: it is a number from 0 to 65535")
    return int(text)


def serve(options: argparse.Namespace) -> None:
    """Open the port, then the store, and serve; leave nothing running.

    Raises:
        StartError: The port or the data directory is taken or can't be used.

    """
    signal.signal(signal.SIGTERM, _interrupt)
    with ExitStack() as resources:
        listener = resources.enter_context(listening(options.host, options.port))
        tables, where, own_url = resources.enter_context(_store(options))
        resources.enter_context(prepared(partial(_prepare, tables, with_demo=options.demo)))
        app = app_from(os.environ, tables=tables)
        host = f"[{options.host}]" if ":" in options.host else options.host
        url = f"http://{host}:{listener.getsockname()[1]}"
        print(f"Events API at {url} - docs at {url}/docs - {where}", flush=True)  # noqa: T201 - the answer to the command
        if own_url:
            print(f"Started a store of its own (ministack) at {own_url}", flush=True)  # noqa: T201 - the same
        config = uvicorn.Config(
            app,
            http="h11",  # It refuses a head of more than 64 KiB; httptools, if it is there, would take any.
            log_config=None,
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=GRACE_SECONDS,
            server_header=False,
        )
        uvicorn.Server(config).run(sockets=[listener])


def _prepare(tables: Tables, *, with_demo: bool) -> None:
    tables.create_missing()
    if with_demo:
        demo.fill(tables)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """Listen there, for TCP by name: or asyncio would leave Nagle's algorithm on, and every answer wait for 40 ms."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            listener.listen(128)
        except OSError as error:
            raise StartError(
                f"can't listen on {host}:{port}: {error.strerror}. Choose another port with --port; 0 takes a free one."
            ) from error
        yield listener


@contextmanager
def _store(options: argparse.Namespace) -> Iterator[tuple[Tables, str, str | None]]:
    """Yield the store, where its data is, and its URL if it was started here."""
    endpoint = next((os.environ[name] for name in ENDPOINT_VARIABLES if os.environ.get(name)), None)
    if endpoint:
        yield Tables.connect(os.environ), f"data in the store at {endpoint}", None
        return
    with ExitStack() as resources:
        if options.memory:
            url, where = resources.enter_context(embedded_store()), "data in memory, gone at the end"
        else:
            data, lock = resources.enter_context(_data_directory(options.data))
            # The store holds the lock as well: should it outlive this process for a moment, it may still be saving.
            url = resources.enter_context(embedded_store(data / "state", data / "store.log", pass_fds=[lock]))
            where = f"data in {data}"
        access: dict[str, Any] = {**EMULATOR_ACCESS, "endpoint_url": url}
        yield Tables.connect(os.environ, **access), where, url


@contextmanager
def _data_directory(path: Path) -> Iterator[tuple[Path, int]]:
    """Take a data directory for this process alone, and yield it with the descriptor of its lock."""
    path = path.resolve()
    try:
        (path / "state").mkdir(parents=True, exist_ok=True)
        lock = (path / "lock").open("w")
    except OSError as error:
        raise StartError(f"can't keep data in {path}: {error.strerror}. Choose another place with --data.") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StartError(f"{path} is in use by another events-api. Stop that one, or choose --data.") from error
        yield path, lock.fileno()
