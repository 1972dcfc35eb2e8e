"""The command `events-api`: serve on this machine, with an embedded store or the one that the environment names."""

import argparse
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

from handlers import demo, transfer
from handlers.app import app_from
from handlers.contract import ContractError
from handlers.pipeline import logs
from handlers.preparation import prepared
from handlers.promotions import Promotions
from storage.durable.lock import locked_folder
from storage.durable.process import durable_store
from storage.dynamodb.tables import Tables
from storage.embedded import EMULATOR_ACCESS, EmulatorError, embedded_store
from storage.errors import StorageUnavailable

#: An endpoint in one of these variables is used in place of an embedded store.
ENDPOINT_VARIABLES: Final = ("AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL")

#: Time for running requests to end after a signal.
GRACE_SECONDS: Final = 5


class StartError(Exception):
    """The service can't be started; the message has the reason and what to do."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until Ctrl-C or SIGTERM, or run the command `export` or `import`."""
    words = sys.argv[1:] if arguments is None else arguments
    if words and words[0] in transfer.COMMANDS:
        sys.exit(transfer.main(words))
    options = _options(words)
    logs.configure()
    try:
        serve(options)
    except (StartError, ContractError, EmulatorError, StorageUnavailable) as error:
        sys.exit(f"events-api: {error}")
    except ModuleNotFoundError as error:
        if error.name != "uvicorn":
            raise
        sys.exit("events-api: uvicorn is not installed; install this package with its extra `local`.")
    except KeyboardInterrupt:
        # uvicorn has finished the running requests and raised the signal again; everything is stopped by now.
        sys.exit(0)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="events-api",
        description="Serve the Events API on this machine.",
        epilog="`events-api export --help` and `events-api import --help` are about backups and moves of the data.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument(
        "--port", type=_port, default=8000, help="port to listen on; 0 selects a free one (default: %(default)s)"
    )
    place = parser.add_mutually_exclusive_group()
    place.add_argument(
        "--data",
        type=Path,
        default=Path(".events-api"),
        metavar="DIR",
        help="folder for the data (default: %(default)s)",
    )
    place.add_argument("--memory", action="store_true", help="keep data in memory only, until the service stops")
    parser.add_argument("--demo", action="store_true", help="create a few events, users and registrations")
    return parser.parse_args(arguments)


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:  # noqa: PLR2004 - the last port
        raise argparse.ArgumentTypeError(f"{text!r} is not a valid port: use a number from 0 to 65535")
    return int(text)


def serve(options: argparse.Namespace) -> None:
    """Open the port, then the store, and serve until a signal; leave nothing running.

    Raises:
        StartError: The port is in use, or can't be used.
        EmulatorError: The store does not start, or the data folder can't be used.

    """
    import uvicorn  # noqa: PLC0415 - only the extra `local` brings it, and `main` explains that

    signal.signal(signal.SIGTERM, _interrupt)
    with ExitStack() as resources:
        listener = resources.enter_context(listening(options.host, options.port))
        tables, where, own_url = resources.enter_context(_store(options))
        promotions = Promotions(tables)
        resources.callback(promotions.end)
        resources.enter_context(prepared(partial(_prepare, tables, with_demo=options.demo)))
        promotions.sweep()
        app = app_from(os.environ, tables=tables)
        host = f"[{options.host}]" if ":" in options.host else options.host
        url = f"http://{host}:{listener.getsockname()[1]}"
        print(f"Events API at {url} - docs at {url}/docs - {where}", flush=True)  # noqa: T201 - the output of the command
        if own_url:
            print(f"Started a store of its own (ministack) at {own_url}", flush=True)  # noqa: T201 - as above
        config = uvicorn.Config(
            app,
            # It limits the request head to 64 KiB. httptools, if it is installed, does not; it also accepts requests
            # without a host, and answers unknown methods with 400 and no problem document.
            http="h11",
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


def _report(progress: str) -> None:
    print(progress, file=sys.stderr, flush=True)  # noqa: T201 - the output of the command


def _stop() -> None:
    """Stop this process as Ctrl-C does: without its store it can only refuse."""
    os.kill(os.getpid(), signal.SIGTERM)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """Yield a listening socket.

    It names its protocol, TCP: otherwise asyncio leaves Nagle's algorithm on, which delays every answer by 40 ms.

    Raises:
        StartError: The address is in use, or is not one of this machine.

    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            listener.listen(128)
        except OSError as error:
            raise StartError(
                f"can't listen on {host}:{port}: {error.strerror}. Choose another port: --port 0 selects a free one."
            ) from error
        yield listener


@contextmanager
def _store(options: argparse.Namespace) -> Iterator[tuple[Tables, str, str | None]]:
    """Yield the tables, a text that locates their data, and the URL of the store if this process started it."""
    endpoint = next((os.environ[name] for name in ENDPOINT_VARIABLES if os.environ.get(name)), None)
    if endpoint:
        yield Tables.connect(os.environ), f"data in the store at {endpoint}", None
        return
    with ExitStack() as resources:
        if options.memory:
            url, where = resources.enter_context(embedded_store()), "data in memory, gone at the end"
        else:
            data, lock = resources.enter_context(locked_folder(options.data))
            # The store holds the lock too: if this process dies first, the store may still be writing.
            store = durable_store(data, data / "store.log", pass_fds=[lock], report=_report, ended=_stop)
            url = resources.enter_context(store)
            where = f"data in {data}"
        access: dict[str, Any] = {**EMULATOR_ACCESS, "endpoint_url": url}
        yield Tables.connect(os.environ, **access), where, url
