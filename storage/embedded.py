"""Run ministack, an AWS emulator in pure Python, as a child process on a loopback port: no docker, no account."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

START_SECONDS: Final = 30
STOP_SECONDS: Final = 30

#: Arguments of a boto3 client or session for ministack, which requires credentials and a region and accepts any.
EMULATOR_ACCESS: Final[dict[str, Any]] = {
    "region_name": "us-east-1",
    "aws_access_key_id": "local",
    "aws_secret_access_key": "local",
}

_HOST: Final = "127.0.0.1"

# The child stops when its standard input ends, so it never outlives its parent, even one that is killed.
_FOLLOW: Final = """
import os, signal, sys, threading
def follow():
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)
threading.Thread(target=follow, daemon=True).start()
"""

_IN_MEMORY: Final = """
from ministack.app import main
sys.argv = ["ministack"]
main()
"""


class EmulatorError(Exception):
    """ministack did not start; the message contains the reason."""


@contextmanager
def embedded_store() -> Iterator[str]:
    """Run an embedded DynamoDB in memory while the context lasts, and yield its URL; `durable_store` keeps its data.

    Raises:
        EmulatorError: ministack does not start.

    """
    with emulator(free_port(), {"SERVICES": "dynamodb"}) as url:
        yield url


@contextmanager
def emulator(port: int, environ: Mapping[str, str] | None = None, log: Path | None = None) -> Iterator[str]:
    """Run ministack on a loopback port while the context lasts, and yield its URL; `environ` configures it.

    Its output is appended to `log`.

    Raises:
        EmulatorError: The port is taken, or ministack does not start.

    """
    with running(_IN_MEMORY, port, environ, log) as (url, child):
        wait_until_ready(child, url)
        yield url


@contextmanager
def running(
    program: str,
    port: int,
    environ: Mapping[str, str] | None = None,
    log: Path | None = None,
    *,
    pass_fds: Sequence[int] = (),
) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """Run a program that is ministack on a loopback port while the context lasts; yield its URL and its process.

    The process inherits the file descriptors `pass_fds`.

    Raises:
        EmulatorError: The port is taken.

    """
    url = f"http://{_HOST}:{port}"
    exempt_loopback()
    require_free(port)
    own = {"BIND_HOST": _HOST, "MINISTACK_HOST": _HOST, "GATEWAY_PORT": str(port), "LOG_LEVEL": "WARNING"}
    if log is not None:
        log.touch(mode=0o600)  # A traceback may show data.
    output: Any = subprocess.DEVNULL if log is None else log.open("ab")
    child = subprocess.Popen(  # noqa: S603 - the program is this project's
        [sys.executable, "-c", _FOLLOW + program],
        env={**os.environ, **own, **(environ or {})},
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=output,
        pass_fds=pass_fds,
        start_new_session=True,  # Ctrl-C reaches only the parent; the session has all workers of functions.
    )
    try:
        yield url, child
    finally:
        stop(child)
        if log is not None:
            output.close()


def exempt_loopback() -> None:
    """Tell this process and its children not to ask a proxy in the environment for this machine itself."""
    for variable in ("no_proxy", "NO_PROXY"):
        exempt = [name.strip() for name in os.environ.get(variable, "").split(",") if name.strip()]
        if "*" not in exempt:
            os.environ[variable] = ",".join(dict.fromkeys([*exempt, _HOST, "localhost", "::1"]))


def require_free(port: int) -> None:
    """Raise `EmulatorError` if the loopback port is taken."""
    url = f"http://{_HOST}:{port}"
    if _answers(url):
        raise EmulatorError(f"something already answers at {url}: stop it, or choose another port")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError as error:
            raise EmulatorError(f"port {port} can't be used ({error.strerror}): choose another port") from error


def free_port() -> int:
    """Return a loopback port that is currently free."""
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        return int(probe.getsockname()[1])


def stop(child: "subprocess.Popen[bytes]") -> None:
    """Stop ministack, by force after 30 seconds, and kill the rest of its session."""
    assert child.stdin is not None
    child.stdin.close()
    with suppress(subprocess.TimeoutExpired):
        child.wait(STOP_SECONDS)
    # The session holds ministack itself, if it hangs, or workers of emulated functions that survived it.
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def wait_until_ready(child: "subprocess.Popen[bytes]", url: str, last_news: Callable[[], float] = lambda: 0.0) -> None:
    """Wait until ministack answers; `last_news` is the monotonic time at which it last reported progress.

    Raises:
        EmulatorError: It has ended, or does not answer in time.

    """
    end = time.monotonic() + START_SECONDS
    while not _answers(url):
        if child.poll() is not None:
            raise EmulatorError(
                f"ministack ended with exit code {child.returncode}; the extra `local` of this package installs it"
            )
        if time.monotonic() > max(end, last_news() + START_SECONDS):
            raise EmulatorError(f"ministack was not ready after {START_SECONDS} seconds")
        time.sleep(0.05)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/_ministack/health", timeout=2):  # noqa: S310 - the scheme is http
            return True
    except (urllib.error.URLError, OSError):
        return False
