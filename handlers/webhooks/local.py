"""`events-api --webhook URL`: what the log of the data folder tells is posted, by a process that delays no answer."""

import logging
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Final

from handlers.settings import SettingsError
from handlers.webhooks.endpoint import Endpoint, new_secret
from storage.durable import position

logger = logging.getLogger(__name__)

#: Time for the attempt at hand to end after a signal; what is not known to be delivered then is sent again.
STOP_SECONDS: Final = 3

#: The wait after the first failure of an attempt or of the sender, in seconds; it doubles each time, up to the longest.
FIRST_SECONDS: Final = 1.0
LONGEST_SECONDS: Final = 300.0

_ROOT: Final = Path(__file__).parents[2]

_PROGRAM: Final = """
import sys
sys.path.insert(0, {root!r})
from handlers.webhooks.local_sender import main
main({folder!r}, {url!r})
"""


def secret_path(folder: Path) -> Path:
    """Return the path of the file with the secret that notifications of a data folder are signed with."""
    return folder / position.FOLDER / "secret"


def endpoint(folder: Path, url: str) -> Endpoint:
    """Return the endpoint with the secret of a data folder; the owner of the machine may name any address.

    Raises:
        SettingsError: The URL or the secret can't be used.

    """
    return Endpoint.of(url, secret_path(folder).read_text(), inside=True)


@contextmanager
def webhook(folder: Path, url: str) -> Iterator[None]:
    """Tell a URL what changes in a data folder, whose store runs, while the context lasts.

    What changed before the first time is not told. Later, what changed in between is.

    Raises:
        SettingsError: The URL, the secret or its folder can't be used.

    """
    try:
        (folder / position.FOLDER).mkdir(mode=0o700, exist_ok=True)
        if not secret_path(folder).exists():
            position.replace(secret_path(folder), f"{new_secret()}\n".encode())
        endpoint(folder, url)
        position.set_first(folder, lambda text: logger.warning("webhook: %s", text))
    except OSError as error:
        raise SettingsError(f"--webhook can't use {folder / position.FOLDER}: {error.strerror}") from error
    program = _PROGRAM.format(root=str(_ROOT), folder=str(folder), url=url)
    sender = _Sender([sys.executable, "-c", program])
    Thread(target=sender.keep, daemon=True).start()
    try:
        yield
    finally:
        sender.stop()


class _Sender:
    """The process that posts: one that ends by an error is started again, after a wait that doubles each time."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command, self._stopping, self._lock = command, Event(), Lock()
        self._process = self._start()

    def _start(self) -> "subprocess.Popen[bytes]":
        # Ctrl-C reaches only this process. The end of its standard input stops the child, also if this process is
        # killed.
        return subprocess.Popen(  # noqa: S603 - the program is this project's
            self._command, stdin=subprocess.PIPE, start_new_session=True
        )

    def keep(self) -> None:
        """Start the process again whenever it has failed, until it is stopped."""
        wait = FIRST_SECONDS
        while (code := self._process.wait()) and not self._stopping.is_set():
            logger.error("webhook: the sender has ended with exit code %s; it starts again in %.0f s", code, wait)
            if self._stopping.wait(wait):
                return
            wait = min(2 * wait, LONGEST_SECONDS)
            with self._lock:
                if self._stopping.is_set():
                    return
                self._process = self._start()

    def stop(self) -> None:
        """Let the process end, and kill it if it does not."""
        with self._lock:
            self._stopping.set()
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
