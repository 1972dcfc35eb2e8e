"""Run a durable store as a child process, and notice how it ends."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from storage import embedded
from storage.durable.lock import locked_folder
from storage.embedded import EmulatorError

if TYPE_CHECKING:
    import subprocess

_ROOT: Final = Path(__file__).parents[2]

_PROGRAM: Final = """
from pathlib import Path
sys.path.insert(0, {root!r})
from storage.durable import store
store.run(Path({folder!r}), {status})
"""

_FAILED: Final = "failed: "


class _Status:
    """What the store reports: its progress, and why it fails."""

    def __init__(self, file: int, report: Callable[[str], object]) -> None:
        self.reason: str | None = None
        self.last = 0.0
        self._file, self._report = file, report
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        with os.fdopen(self._file) as lines:
            for line in lines:
                self.last = time.monotonic()
                if line.startswith(_FAILED):
                    self.reason = line.removeprefix(_FAILED).rstrip()
                else:
                    self._report(line.rstrip())

    def end(self) -> str | None:
        """Wait for the last line, and return the reason for a failure."""
        self._reader.join()
        return self.reason


@contextmanager
def served_folder(
    path: Path,
    *,
    create: bool = True,
    report: Callable[[str], object] = lambda _progress: None,
    ended: Callable[[], object] = lambda: None,
) -> Iterator[tuple[Path, str]]:
    """Lock a data folder and run its store while the context lasts; yield its whole path and the store's URL.

    `create` is as for `locked_folder`, and the rest as for `durable_store`; both name what is raised.
    """
    with (
        locked_folder(path, create=create) as (folder, lock),
        # The store holds the lock too: if this process dies first, the store may still be writing.
        durable_store(folder, folder / "store.log", pass_fds=[lock], report=report, ended=ended) as url,
    ):
        yield folder, url


@contextmanager
def durable_store(
    folder: Path,
    output: Path,
    *,
    pass_fds: Sequence[int] = (),
    report: Callable[[str], object] = lambda _progress: None,
    ended: Callable[[], object] = lambda: None,
) -> Iterator[str]:
    """Run an embedded DynamoDB that keeps its tables in a folder while the context lasts, and yield its URL.

    `report` is called with the progress of loading. `ended` is called, in a thread of its own, if the store ends before
    the context does; the end of the context then raises why. The output of the process is appended to `output`, and the
    process inherits the file descriptors `pass_fds`.

    Raises:
        EmulatorError: The store does not start, its data can't be read or written, or it has ended before it was told
            to.

    """
    reading, writing = os.pipe()
    status = _Status(reading, report)
    program = _PROGRAM.format(root=str(_ROOT), folder=str(folder), status=writing)
    environ = {"SERVICES": "dynamodb", "PERSIST_STATE": "0"}
    leaving, early, started = threading.Event(), None, ""

    def watch(child: "subprocess.Popen[bytes]") -> None:
        child.wait()
        if not leaving.is_set():
            ended()

    try:
        with ExitStack() as resources:
            resources.callback(os.close, writing)
            running = embedded.running(program, embedded.free_port(), environ, output, pass_fds=[writing, *pass_fds])
            url, child = resources.enter_context(running)
            embedded.wait_until_ready(child, url, lambda: status.last)
            threading.Thread(target=watch, args=(child,), daemon=True).start()
            started = f". All that was answered before is in {folder}"
            try:
                yield url
            finally:
                early = child.poll()
                leaving.set()
    finally:
        manner = None if early is None else f"the store has ended by itself, {_manner(early)}"
        if reason := status.end() or manner:
            raise EmulatorError(f"{reason}{started}")


def _manner(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
