"""The whole stack on this machine: ministack plays AWS, and the same template is deployed to it."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Final

import boto3
from rich.console import Console

from cfn.aws import Aws
from cfn.deploy import Wanted, deploy
from cfn.errors import CommandError
from cfn.package import build_package
from cfn.platforms import named

STACK: Final = "events-api-local"
_HOST: Final = "127.0.0.1"
_START: Final = 30.0
_STOP: Final = 10.0


def serve(port: int, console: Console) -> None:
    """Deploy to an emulator on that port, and keep it until Ctrl-C or SIGTERM; everything is forgotten then."""
    signal.signal(signal.SIGTERM, _interrupt)
    with contextlib.suppress(KeyboardInterrupt), emulator(port) as endpoint, tempfile.TemporaryDirectory() as folder:
        package = build_package(named("host"), Path(folder))
        url = deploy(emulated(endpoint), Wanted(STACK, throw_away=True), package, console)
        console.print(
            f"\nThe API answers at {url}/ until Ctrl-C; Swagger UI is at {url}/docs", soft_wrap=True, highlight=False
        )
        while True:
            signal.pause()
    console.print("Stopped.")


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
    """Run ministack on that port of the loopback interface, and yield its address; nothing of it is left behind."""
    endpoint = f"http://{_HOST}:{port}"
    if _answers(endpoint):
        raise CommandError(f"Something already answers at {endpoint}: stop it, or choose another --port.")
    own = {"BIND_HOST": _HOST, "MINISTACK_HOST": _HOST, "GATEWAY_PORT": str(port)}
    # In a session of its own, so that Ctrl-C reaches only us, and its workers can be ended together with it.
    child = subprocess.Popen(
        [sys.executable, "-m", "ministack"],
        env={**os.environ, **own},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _wait_for(endpoint, child)
        yield endpoint
    finally:
        _end(child)


def _wait_for(endpoint: str, child: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START
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
    child.terminate()
    try:
        child.wait(_STOP)
    finally:
        # Its own group: ministack itself where it hangs, and any worker that has survived it.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
