"""The service as a process of its own, as a newcomer starts it."""

import os
import re
import subprocess
import sysconfig
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

SCRIPTS: Final = Path(sysconfig.get_path("scripts"))


@contextmanager
def service() -> Iterator[str]:
    """Run it on a port of its own, holding its answers against the contract, and yield its URL."""
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
        # It logs every request, and would wait if nobody read that.
        reader = threading.Thread(target=child.stdout.read)
        reader.start()
        yield found[0]
    finally:
        child.terminate()
        child.wait(40)
    reader.join()
    child.stdout.close()
