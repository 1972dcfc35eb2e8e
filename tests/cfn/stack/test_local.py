"""`python -m cfn local` serves the API on this machine, and leaves nothing behind."""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from cfn.package.lock import ROOT
from storage.embedded import EmulatorError, emulator

_SECONDS = 120


def test_a_port_that_is_taken_is_named(free_port: int) -> None:
    with emulator(free_port) as endpoint:
        another = emulator(free_port)
        with pytest.raises(EmulatorError, match=rf"already answers at {endpoint}"):
            another.__enter__()


@pytest.fixture
def local(free_port: int, tmp_path: Path) -> Iterator[tuple["subprocess.Popen[bytes]", Path]]:
    """Start the command in a session of its own, and kill what is left of it."""
    printed = tmp_path / "printed"
    with printed.open("wb") as output:
        command = [sys.executable, "-m", "cfn", "local", "--port", str(free_port)]
        process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output, start_new_session=True)
    yield process, printed
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@pytest.mark.deployed
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_api_answers_until_a_signal_and_nothing_is_left(
    local: tuple["subprocess.Popen[bytes]", Path], free_port: int, number: int
) -> None:
    process, printed = local
    url = _wait_for_url(process, printed)
    with urllib.request.urlopen(f"{url}/health", timeout=10) as answer:  # noqa: S310 - the emulator's
        assert answer.status == 200
    process.send_signal(number)
    assert process.wait(30) == 0
    assert printed.read_text().endswith("Stopped.\n")
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(f"http://127.0.0.1:{free_port}/_ministack/health", timeout=2)


def _wait_for_url(process: "subprocess.Popen[bytes]", printed: Path) -> str:
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if found := re.search(r"The API answers at (\S+)/ until", printed.read_text()):
            return found[1]
        time.sleep(0.2)
    pytest.fail(printed.read_text())
