"""The service as a process: `events-api`, as a newcomer starts it."""

import os
import signal
import subprocess
import sys
import sysconfig
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

SCRIPTS: Final = Path(sysconfig.get_path("scripts"))
COMMAND: Final = [sys.executable, "-c", "from handlers.local import main; main()"]
ROOT: Final = Path(__file__).parents[2]


def environ(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), **more}


#: Time in which the service ends after a signal.
STOP_SECONDS: Final = 40


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
        # The server logs every request, and would block if its output were not read.
        self.rest = ""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        self.rest = self.process.stdout.read()

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        return self.process.wait(STOP_SECONDS)

    def end(self) -> None:
        """Stop the server if it still runs, by force if it hangs, and read the rest of its output."""
        try:
            self.process.terminate()
            self.process.wait(STOP_SECONDS)
        finally:
            self.process.kill()
            self._reader.join()


@contextmanager
def running(*arguments: str, folder: Path, **more: str) -> Iterator[Server]:
    """Run `events-api` on a free port; what it prints to standard error is in the file `errors` of the folder."""
    command = [*COMMAND, "--port", "0", *arguments]
    with (
        (folder / "errors").open("w") as errors,
        subprocess.Popen(
            command, cwd=folder, env=environ(**more), stdout=subprocess.PIPE, stderr=errors, text=True
        ) as process,
    ):
        server = Server(process)
        try:
            yield server
        finally:
            server.end()


@contextmanager
def service(*arguments: str, folder: Path | None = None) -> Iterator[str]:
    """Run the installed `events-api` on a free port, in a folder if it is to keep something, and yield its URL."""
    command = [str(SCRIPTS / "events-api"), "--memory", "--port", "0", *arguments]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        server = Server(process)
        try:
            yield server.url
        finally:
            server.end()


def process_on(url: str) -> int:
    """Return the process id of the ministack at a URL, which it writes to a file."""
    file = Path(tempfile.gettempdir()) / f"ministack-{url.rpartition(':')[2]}.pid"
    return int(file.read_text())
