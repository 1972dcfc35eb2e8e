"""The service under load, in a process of its own, and its memory."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from storage.dynamodb.tables import Tables
from storage.embedded import EMULATOR_ACCESS

ROOT: Final = Path(__file__).parents[3]
START_SECONDS: Final = 60
COMMAND: Final = (sys.executable, "-c", "from handlers.local import main; main()", "--memory", "--port", "0")


@dataclass(frozen=True, slots=True)
class Server:
    """The URL of the service; its process and its tables, if this command started it."""

    url: str
    pid: int | None = None
    tables: Tables | None = None

    def memory(self) -> float | None:
        """Return the resident memory of the process in megabytes, or None where /proc does not exist."""
        status = Path(f"/proc/{self.pid}/status")
        if not status.exists():
            return None
        (kilobytes,) = (line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmRSS:"))
        return int(kilobytes) / 1024


@contextmanager
def started(log: Path) -> Iterator[Server]:
    """Run `events-api --memory` until the context ends, logging to a file."""
    with log.open("wb") as output:
        child = subprocess.Popen(COMMAND, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=output, stderr=output)
    try:
        url, store_url = _addresses(child, log)
        yield Server(url, child.pid, Tables.connect({}, endpoint_url=store_url, **EMULATOR_ACCESS))
    finally:
        child.terminate()
        child.wait(60)


def _addresses(child: "subprocess.Popen[bytes]", log: Path) -> tuple[str, str]:
    """Return the URLs of the service and of its store, from the first two lines of its output."""
    end = time.monotonic() + START_SECONDS
    while child.poll() is None and time.monotonic() < end:
        lines = log.read_text().splitlines(keepends=True)
        if len(lines) > 1 and lines[1].endswith("\n"):
            return lines[0].split(" at ")[1].split(" ")[0], lines[1].rsplit(" ", 1)[-1].strip()
        time.sleep(0.05)
    raise AssertionError(f"events-api did not start: {log.read_text()}")
