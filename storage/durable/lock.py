"""The lock of a data folder: one process at a time serves it, or reads or fills it as a tool."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from storage.embedded import EmulatorError


class FolderError(EmulatorError):
    """A data folder can't be used; the message has its path and the reason."""


class FolderInUseError(FolderError):
    """Another process uses the data folder."""


@contextmanager
def locked_folder(path: Path, *, create: bool = True) -> Iterator[tuple[Path, int]]:
    """Lock a data folder for this process, and yield its path with the descriptor of the lock.

    Only its owner may enter a new folder. Without `create`, the folder must have data already.

    Raises:
        FolderError: The folder can't be used, or has no data.
        FolderInUseError: Another process has locked it.

    """
    path = path.resolve()
    if not create and not any(path.glob("items-*.log")):
        raise FolderError(f"{path} has no data of events-api. Choose another folder with --data.")
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (path / "lock").open("w")
    except OSError as error:
        raise FolderError(f"can't keep data in {path}: {error.strerror}. Choose another folder with --data.") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise FolderInUseError(
                f"{path} is in use by another events-api. Stop that one, or choose another folder with --data."
            ) from error
        if (path / "state").exists():
            raise FolderError(
                f"{path}/state was written by a version before the first release, which this one can't read."
                " Move it away, or choose another folder with --data."
            )
        yield path, lock.fileno()
