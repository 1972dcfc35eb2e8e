"""`python -m cfn local` serves the API on this machine, and leaves no process behind."""

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
from rich.console import Console

from cfn.package.checkout import ROOT
from cfn.stack import local
from storage.embedded import EmulatorError, emulator

_SECONDS = 120


def test_a_port_in_use_is_refused_with_its_url(free_port: int) -> None:
    with emulator(free_port) as endpoint:
        another = emulator(free_port)
        with pytest.raises(EmulatorError, match=rf"already answers at {endpoint}"):
            another.__enter__()


def test_a_port_in_use_is_refused_before_a_build(free_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "build_package", lambda *_: pytest.fail("built"))
    with emulator(free_port), pytest.raises(EmulatorError, match="already answers"):
        local.serve(free_port, {}, Console(quiet=True))


@pytest.fixture
def started(free_port: int, tmp_path: Path) -> Iterator[tuple["subprocess.Popen[bytes]", Path]]:
    """Start the command in its own session, and kill the session if it is still running."""
    output = tmp_path / "output"
    with output.open("wb") as file:
        command = [sys.executable, "-m", "cfn", "local", "--port", str(free_port)]
        # A proxy at which nothing answers: it is for other machines.
        proxies = dict.fromkeys(("HTTP_PROXY", "http_proxy"), "http://127.0.0.1:9")
        environ = {**os.environ, **proxies, "NO_PROXY": "", "no_proxy": ""}
        process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=file, stderr=file, start_new_session=True)
    yield process, output
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@pytest.mark.deployed
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_api_answers_until_a_signal_which_stops_the_emulator_as_well(
    started: tuple["subprocess.Popen[bytes]", Path], free_port: int, number: int
) -> None:
    process, output = started
    url = _wait_for_url(process, output)
    with urllib.request.urlopen(f"{url}/health", timeout=10) as answer:  # noqa: S310 - the emulator's
        assert answer.status == 200
    process.send_signal(number)
    assert process.wait(30) == 0
    assert output.read_text().endswith("Stopped.\n")
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(f"http://127.0.0.1:{free_port}/_ministack/health", timeout=2)


def _wait_for_url(process: "subprocess.Popen[bytes]", output: Path) -> str:
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if found := re.search(r"The API answers at (\S+)/ until", output.read_text()):
            return found[1]
        time.sleep(0.2)
    pytest.fail(output.read_text())
