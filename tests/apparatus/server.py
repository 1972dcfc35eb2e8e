"""The service as a process: `events-api`, as a newcomer starts it."""

import os
import re
import signal
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

SCRIPTS: Final = Path(sysconfig.get_path("scripts"))
COMMAND: Final = [sys.executable, "-c", "from handlers.local import main; main()"]
ROOT: Final = Path(__file__).parents[2]


def environ(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "VALIDATE_RESPONSES": "1", **more}


class Server:
    """A running `events-api`: the output before it was ready, its first lines after that, and its URLs."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        assert process.stdout is not None
        self.before: list[str] = []
        while not (line := process.stdout.readline()).startswith("Events API"):
            assert line, "events-api has exited"
            self.before.append(line)
        self.first = line
        self.url = self.first.split(" at ")[1].split(" ")[0]
        self.second = process.stdout.readline() if "data in the store" not in self.first else ""
        self.store_url = self.second.rsplit(" ", 1)[-1].strip()

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        return self.process.wait(40)


@contextmanager
def running(*arguments: str, folder: Path, **more: str) -> Iterator[Server]:
    process = subprocess.Popen(
        [*COMMAND, "--port", "0", *arguments],
        cwd=folder,
        env=environ(**more),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield Server(process)
        finally:
            if process.poll() is None:
                process.terminate()


@contextmanager
def service() -> Iterator[str]:
    """Run `events-api` on a free port with checked responses, and yield its URL."""
    child = subprocess.Popen(
        [SCRIPTS / "events-api", "--memory", "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"VALIDATE_RESPONSES": "1"},
    )
    assert child.stdout is not None
    try:
        first = child.stdout.readline()
        found = re.search(r"http://\S+", first)
        assert found, f"events-api did not start: {first}"
        # The server logs every request, and would block if its output were not read.
        reader = threading.Thread(target=child.stdout.read)
        reader.start()
        yield found[0]
    finally:
        child.terminate()
        child.wait(40)
    reader.join()
    child.stdout.close()
