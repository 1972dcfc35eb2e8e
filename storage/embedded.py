"""Runs ministack, an emulator of AWS in pure Python, as a child process on a loopback port: no docker, no account."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

START_SECONDS: Final = 30
STOP_SECONDS: Final = 30

#: Arguments of a boto3 client or session for ministack, which requires credentials and a region but accepts any.
EMULATOR_ACCESS: Final[dict[str, Any]] = {
    "region_name": "us-east-1",
    "aws_access_key_id": "local",
    "aws_secret_access_key": "local",
}

_HOST: Final = "127.0.0.1"

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


class EmulatorError(Exception):
    """ministack can't be started; the message says why."""


@contextmanager
def embedded_store(data: Path | None = None, log: Path | None = None, *, holding: Sequence[int] = ()) -> Iterator[str]:
    """Run an embedded DynamoDB while the context lasts, and yield its URL.

    With `data`, the content of that folder is loaded at the start and saved at the end; without, nothing is kept. The
    output of the process is appended to `log`. The process inherits the file descriptors in `holding`.

    Raises:
        EmulatorError: It does not start.

    """
    persistence = {} if data is None else {"PERSIST_STATE": "1", "STATE_DIR": str(data)}
    with emulator(free_port(), {"SERVICES": "dynamodb", **persistence}, log, holding=holding) as url:
        yield url


@contextmanager
def emulator(
    port: int, environ: Mapping[str, str] | None = None, log: Path | None = None, *, holding: Sequence[int] = ()
) -> Iterator[str]:
    """Run ministack on a loopback port while the context lasts, and yield its URL; `environ` is its configuration.

    Raises:
        EmulatorError: The port is taken, or ministack does not start.

    """
    url = f"http://{_HOST}:{port}"
    if _answers(url):
        raise EmulatorError(f"something already answers at {url}: stop it, or choose another port")
    own = {"BIND_HOST": _HOST, "MINISTACK_HOST": _HOST, "GATEWAY_PORT": str(port), "LOG_LEVEL": "WARNING"}
    output: Any = subprocess.DEVNULL if log is None else log.open("ab")
    child = subprocess.Popen(  # noqa: S603 - the program is our own
        [sys.executable, "-c", _CHILD],
        env={**os.environ, **own, **(environ or {})},
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=output,
        pass_fds=holding,
        start_new_session=True,  # The parent handles Ctrl-C; workers of emulated functions end with this session.
    )
    try:
        _wait_until_ready(child, url)
        yield url
    finally:
        stop(child)
        if log is not None:
            output.close()


def free_port() -> int:
    """Return a loopback port that is free now, according to the operating system."""
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        return int(probe.getsockname()[1])


def stop(child: "subprocess.Popen[bytes]") -> None:
    """Stop ministack in order, or by force after 30 seconds, and then what is left of its session."""
    assert child.stdin is not None
    child.stdin.close()
    with suppress(subprocess.TimeoutExpired):
        child.wait(STOP_SECONDS)
    # Either ministack itself, if it hangs, or workers of emulated functions that have survived it.
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _wait_until_ready(child: "subprocess.Popen[bytes]", url: str) -> None:
    end = time.monotonic() + START_SECONDS
    while not _answers(url):
        if child.poll() is not None:
            raise EmulatorError(
                f"ministack ended with exit code {child.returncode}; `pip install -e '.[local]'` installs it"
            )
        if time.monotonic() > end:
            raise EmulatorError(f"ministack was not ready after {START_SECONDS} seconds")
        time.sleep(0.05)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/_ministack/health", timeout=2):  # noqa: S310 - the scheme is ours
            return True
    except (urllib.error.URLError, OSError):
        return False
