"""`events-api --reload`: the service in a process of its own, which starts again when the code changes.

The store, and with it the data, belongs to the first process and stays.
"""

import os
import signal
import socket
import time
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, Final

from starlette.types import ASGIApp

from handlers.local_store import Store
from handlers.pipeline import logs
from storage.dynamodb.tables import Tables
from storage.embedded import EMULATOR_ACCESS

if TYPE_CHECKING:
    from uvicorn import Config

    from handlers.pipeline.operations import Callers

#: What the process of the service imports and calls.
APP: Final = "handlers.reloading:app"

#: Environment variable for the process of the service.
_KEY_FOLDER: Final = "EVENTS_API_KEY_FOLDER"

_ROOT: Final = Path(__file__).parents[1]

#: Options of uvicorn. The models that the contract generates are code, so a new contract has its effect with them.
OPTIONS: Final[dict[str, Any]] = {
    "factory": True,
    "reload": True,
    "reload_dirs": [str(_ROOT / package) for package in ("handlers", "storage")],
}


def run(config: "Config", listener: socket.socket, store: Store, key_folder: Path | None) -> None:
    """Serve on a listening socket until a signal; with a folder, require tokens that its key has signed."""
    from uvicorn import Server  # noqa: PLC0415 - only the extra `local` brings it
    from uvicorn.supervisors import ChangeReload  # noqa: PLC0415 - as above

    if store.own_url:
        os.environ["AWS_ENDPOINT_URL_DYNAMODB"] = store.own_url
        os.environ["AWS_DEFAULT_REGION"] = EMULATOR_ACCESS["region_name"]
        for name in ("aws_access_key_id", "aws_secret_access_key"):
            os.environ[name.upper()] = EMULATOR_ACCESS[name]
    if key_folder:
        os.environ[_KEY_FOLDER] = str(key_folder)
    ChangeReload(config, target=Server(config).run, sockets=[listener]).run()


def app() -> ASGIApp:
    """Return the application; uvicorn calls this in the process of the service."""
    from handlers.app import app_from  # noqa: PLC0415 - the first process needs no application
    from handlers.promotions import Promotions  # noqa: PLC0415 - as above

    logs.configure()
    Thread(target=_end_with, args=[os.getppid()], daemon=True).start()
    tables = Tables.connect(os.environ)
    Promotions(tables).sweep()
    application: ASGIApp = app_from(os.environ, tables=tables, callers=_callers())
    return application


def _callers() -> "Callers | None":
    folder = os.environ.get(_KEY_FOLDER)
    if folder is None:
        return None
    from handlers.access.local_issuer import tokens  # noqa: PLC0415 - only `--auth` needs it

    return tokens(Path(folder))


def _end_with(parent: int) -> None:
    """End this process when the first one has ended, however that was."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGTERM)
