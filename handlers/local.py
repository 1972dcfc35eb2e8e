"""The command `events-api`: serve on this machine, with an embedded store or the one that the environment names."""

import argparse
import difflib
import errno
import os
import shlex
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from importlib import import_module, metadata
from types import FrameType, ModuleType
from typing import Final

from starlette.types import ASGIApp

from handlers import demo, reloading, transfer
from handlers.app import app_from
from handlers.contract import ContractError
from handlers.local_store import add_options, key_folder, opened
from handlers.pipeline import logs
from handlers.pipeline.operations import Callers
from handlers.preparation import prepared
from handlers.promotions import Promotions
from handlers.settings import SettingsError
from handlers.webhooks.endpoint import Endpoint, new_secret
from handlers.webhooks.local import secret_path, webhook
from storage.dynamodb.tables import Tables
from storage.embedded import EmulatorError, exempt_loopback
from storage.errors import StorageUnavailable

#: The command that prints a token.
TOKEN: Final = "token"  # noqa: S105 - a word of the command line

#: Time for running requests to end after a signal.
GRACE_SECONDS: Final = 5


class StartError(Exception):
    """The service can't be started; the message has the reason and what to do."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until Ctrl-C or SIGTERM, or run the command `export`, `import` or `token`."""
    words = sys.argv[1:] if arguments is None else arguments
    if words and words[0] in transfer.COMMANDS:
        sys.exit(transfer.main(words))
    try:
        if words and words[0] == TOKEN:
            _local_issuer().main(words)
            return
        options = _options(words)
        logs.configure()
        exempt_loopback()
        serve(options)
    except (StartError, ContractError, SettingsError, EmulatorError, StorageUnavailable) as error:
        sys.exit(f"events-api: {error}")
    except ModuleNotFoundError as error:
        if error.name not in {"uvicorn", "jwt", "cryptography"}:
            raise
        sys.exit(f"events-api: {error.name} is not installed; install this package with its extra `local`.")
    except KeyboardInterrupt:
        # uvicorn has finished the running requests and raised the signal again; everything is stopped by now.
        sys.exit(0)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="events-api",
        description="Serve the Events API on this machine.",
        epilog="`events-api export --help` and `events-api import --help` are about backups and moves of the data,"
        " `events-api token --help` about tokens for a service with --auth.",
    )
    parser.add_argument("--host", type=_host, default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument(
        "--port", type=_port, default=8000, help="port to listen on; 0 selects a free one (default: %(default)s)"
    )
    add_options(parser)
    parser.add_argument(
        "--auth",
        action="store_true",
        help="require tokens, which `events-api token USER` prints; events created without it belong to nobody",
    )
    parser.add_argument(
        "--webhook",
        type=_webhook,
        metavar="URL",
        help="post what happens to registrations to URL, signed with a secret in the data folder",
    )
    parser.add_argument("--reload", action="store_true", help="start again when the code changes; the store stays")
    parser.add_argument("--version", action="version", version=f"%(prog)s {metadata.version('events-api')}")
    parser.add_argument(
        "--demo",
        action="store_true",
        help=f"create a few events, users and registrations; with --auth the events belong to {demo.ORGANIZER}",
    )
    if arguments and not arguments[0].startswith("-"):
        parser.error(_no_command(arguments[0]))
    return parser.parse_args(arguments)


def _no_command(word: str) -> str:
    commands = [*transfer.COMMANDS, TOKEN]
    close = difflib.get_close_matches(word.lower(), commands, 1)
    hint = f": did you mean {close[0]}?" if close else f"; there are {', '.join(commands)}, and without one it serves"
    return f"there is no command {word!r}{hint}"


def _host(text: str) -> str:
    if not text.strip():
        # A socket would listen on all addresses of the machine.
        raise argparse.ArgumentTypeError("an empty host: name an address of this machine, or leave out --host")
    return text


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:  # noqa: PLR2004 - the last port
        raise argparse.ArgumentTypeError(f"{text!r} is not a valid port: use a number from 0 to 65535")
    return int(text)


def _webhook(text: str) -> str:
    try:
        Endpoint.of(text, new_secret(), inside=True)
    except SettingsError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return text


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
        store = resources.enter_context(opened(options))
        if options.webhook and store.folder:
            # Before the demo, which is told.
            resources.enter_context(webhook(store.folder, options.webhook))
        resources.enter_context(prepared(partial(_prepare, store.tables, options)))
        callers = _local_tokens(options) if options.auth else None
        about_tokens = _about_tokens(options, store.tables)
        app = reloading.APP if options.reload else resources.enter_context(_application(store.tables, callers))
        host = f"[{options.host}]" if ":" in options.host else options.host
        url = f"http://{host}:{listener.getsockname()[1]}"
        if not (callers or os.environ.get("JWT_ISSUER") or _is_loopback(options.host)):
            print(f"WARNING: anyone who reaches {url} can change everything; --auth requires tokens", file=sys.stderr)  # noqa: T201 - as below
        print(f"Events API at {url} - docs at {url}/docs - {store.where}", flush=True)  # noqa: T201 - the output of the command
        resources.callback(print, f"Stopped: {store.where}", flush=True)
        if store.own_url:
            print(f"Started a store of its own (ministack) at {store.own_url}", flush=True)  # noqa: T201 - as above
        if options.webhook and store.folder:
            print(f"Webhooks are signed with the secret in {secret_path(store.folder)}", flush=True)  # noqa: T201 - as above
        for line in about_tokens:
            print(line, flush=True)  # noqa: T201 - as above
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
            **(reloading.OPTIONS if options.reload else {}),
        )
        if options.reload:
            reloading.run(config, listener, store, key_folder(options) if options.auth else None)
        else:
            uvicorn.Server(config).run(sockets=[listener])


def _is_loopback(host: str) -> bool:
    return host in {"localhost", "::1"} or host.startswith("127.")


def _local_issuer() -> ModuleType:
    """Import what makes tokens: the service needs neither PyJWT nor cryptography without it."""
    return import_module("handlers.access.local_issuer")


def _local_tokens(options: argparse.Namespace) -> Callers:
    if os.environ.get("JWT_ISSUER"):
        raise StartError("--auth has an issuer of its own: leave it out, or unset JWT_ISSUER")
    callers: Callers = _local_issuer().tokens(key_folder(options))
    return callers


def _about_tokens(options: argparse.Namespace, tables: Tables) -> list[str]:
    """Return what those who need a token are told; nothing where everything is open."""
    if issuer := os.environ.get("JWT_ISSUER"):
        return [f"Tokens of {issuer} are required"]
    if not options.auth:
        return []
    where = "" if options.data is None else f" --data {shlex.quote(str(options.data))}"
    lines = [f"Tokens are required: `events-api token USER{where}` prints one"]
    if options.demo and demo.is_owned(tables):
        command = f"events-api token {demo.ORGANIZER} --organizer{where}"
        lines.append(f"The events of the demo belong to {demo.ORGANIZER}: `{command}`")
    return lines


@contextmanager
def _application(tables: Tables, callers: Callers | None) -> Iterator[ASGIApp]:
    """Yield the application, and own the unfinished promotions of its tables while the context lasts."""
    promotions = Promotions(tables)
    try:
        promotions.sweep()
        yield app_from(os.environ, tables=tables, callers=callers)
    finally:
        promotions.end()


def _prepare(tables: Tables, options: argparse.Namespace) -> None:
    tables.create_missing()
    if options.demo:
        demo.fill(tables, demo.ORGANIZER if options.auth else None)


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
            raise StartError(f"can't listen on {host}:{port}: {error.strerror}. {_advice(error, host)}") from error
        yield listener


def _advice(error: OSError, host: str) -> str:
    if isinstance(error, socket.gaierror):
        return f"No address is known for {host}: leave out --host, or choose an address of this machine."
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{host} is not an address of this machine: leave out --host, or choose another."
    return "Choose another port: --port 0 selects a free one."
