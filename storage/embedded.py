"""An embedded DynamoDB, ministack, as a child process on a loopback port of its own: no docker, no account."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

START_SECONDS: Final = 30
STOP_SECONDS: Final = 30

# The child stops, and saves, when its standard input ends: so it never outlives its parent, however that ended.
_CHILD: Final = """
import os, signal, sys, threading
def follow():
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)
threading.Thread(target=follow, daemon=True).start()
from ministack.app import main
sys.argv = ["ministack"]
main()
"""


class EmbeddedStoreError(Exception):
    """The embedded store can't be started; the message says why."""


@contextmanager
def embedded_store(data: Path | None = None, log: Path | None = None, *, holding: Sequence[int] = ()) -> Iterator[str]:
    """Run a store as long as the context lasts, and yield its URL.

    With `data`, what the folder holds is loaded, and saved on leaving; without, everything is forgotten. `log` takes
    what the store prints; `holding` are file descriptors that it keeps open as long as it lives.

    Raises:
        EmbeddedStoreError: It does not start.

    """
    port = free_port()
    persistence = {} if data is None else {"PERSIST_STATE": "1", "STATE_DIR": str(data)}
    environ = os.environ | {
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "SERVICES": "dynamodb",
        "LOG_LEVEL": "WARNING",
        **persistence,
    }
    output: Any = subprocess.DEVNULL if log is None else log.open("ab")
    child = subprocess.Popen(  # noqa: S603 - the program is our own
        [sys.executable, "-c", _CHILD],
        env=environ,
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=output,
        pass_fds=holding,
        start_new_session=True,  # Ctrl-C in a terminal is the parent's to handle, so that it can stop in order.
    )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_until_ready(child, url)
        yield url
    finally:
        stop(child)
        if log is not None:
            output.close()


def free_port() -> int:
    """Return a loopback port that the operating system says is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(child: "subprocess.Popen[bytes]", url: str) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if child.poll() is not None:
            raise EmbeddedStoreError(f"the embedded store ended with exit code {child.returncode}")
        try:
            with urllib.request.urlopen(f"{url}/_ministack/health", timeout=1):  # noqa: S310 - the scheme is ours
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise EmbeddedStoreError(f"the embedded store was not ready after {START_SECONDS} seconds")


def stop(child: "subprocess.Popen[bytes]") -> None:
    """End a child process in order; by force if it does not end within 30 seconds."""
    if child.stdin is not None:
        child.stdin.close()
    try:
        child.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
