"""Runs ministack, which plays AWS on the loopback interface, as a child process."""

import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from typing import Final

import boto3

from cfn.aws import Aws
from cfn.errors import CommandError

_HOST: Final = "127.0.0.1"
_START_SECONDS: Final = 30.0
_STOP_SECONDS: Final = 10.0

# It stops when its standard input ends, so that it never outlives this process, however that ended.
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


def emulated(endpoint: str) -> Aws:
    """Return the account that the emulator plays."""
    session = boto3.Session(
        aws_access_key_id="local",
        aws_secret_access_key="local",  # noqa: S106 - the emulator takes any
        region_name="us-east-1",
    )
    return Aws(session, endpoint)


@contextlib.contextmanager
def emulator(port: int) -> Iterator[str]:
    """Run ministack on that port as long as the context lasts, and yield its address; it forgets everything then."""
    endpoint = f"http://{_HOST}:{port}"
    if _answers(endpoint):
        raise CommandError(f"Something already answers at {endpoint}: stop it, or choose another --port.")
    own = {"BIND_HOST": _HOST, "MINISTACK_HOST": _HOST, "GATEWAY_PORT": str(port), "LOG_LEVEL": "WARNING"}
    child = subprocess.Popen(
        [sys.executable, "-c", _CHILD],
        env={**os.environ, **own},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is ours to handle; and the workers of its functions can be ended with it.
    )
    try:
        _wait_for(endpoint, child)
        yield endpoint
    finally:
        _end(child)


def _wait_for(endpoint: str, child: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not _answers(endpoint):
        if child.poll() is not None or time.monotonic() > deadline:
            raise CommandError("ministack does not start: install it with `pip install -e .[deploy,local]`.")
        time.sleep(0.05)


def _answers(endpoint: str) -> bool:
    try:
        with urllib.request.urlopen(f"{endpoint}/_ministack/health", timeout=2):
            return True
    except OSError:
        return False


def _end(child: subprocess.Popen[bytes]) -> None:
    assert child.stdin is not None
    child.stdin.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(_STOP_SECONDS)
    # The session is its own: what is left there is ministack itself where it hangs, or workers that have survived it.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
