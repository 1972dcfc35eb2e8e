"""One side under uvicorn, one worker: `python -m tests.bench.server ours|peer` prints its port and serves."""

import os
import socket
import sys
import threading
from importlib import import_module
from typing import Any

import uvicorn

from handlers.app import app_from
from handlers.pipeline import logs


def _app(side: str) -> Any:
    """Return the application of a side; ours is configured as in `events-api`."""
    if side == "peer":
        return import_module("tests.bench.peer.main").app
    logs.configure(sys.stderr)
    return app_from(os.environ)


def main() -> None:
    """Serve until standard input ends."""
    # asyncio disables Nagle's algorithm only on sockets whose protocol is explicitly TCP.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        # Both without uvicorn's access log, like `events-api`.
        server = uvicorn.Server(uvicorn.Config(_app(sys.argv[1]), log_config=None, access_log=False, lifespan="off"))
        threading.Thread(target=_stop_with_input, args=(server,), daemon=True).start()
        print(listener.getsockname()[1], flush=True)  # noqa: T201 - the parent process reads it
        server.run(sockets=[listener])


def _stop_with_input(server: uvicorn.Server) -> None:
    sys.stdin.read()
    server.should_exit = True


if __name__ == "__main__":
    main()
