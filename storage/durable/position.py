"""Up to where the logs of a data folder were told to others: `DIR/webhook/position.json`."""

import json
import os
import re
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from storage.durable.log import finished, sync, sync_folder

#: The folder in the data folder with all that webhooks need. Without it, nothing is remembered.
FOLDER: Final = "webhook"

_NAME: Final = "items-{:06}.log"
_PATTERN: Final = r"items-(\d{6})\.log"


@dataclass(frozen=True, slots=True)
class Position:
    """How many notifications of a line were told, all before it too: `offset` is that of its first byte in a log.

    `token` is random, and new where logs can't be told from those that another position was about.
    """

    token: str
    log: int
    offset: int
    told: int = 0


def log_path(folder: Path, number: int) -> Path:
    """Return the path of a log in a data folder."""
    return folder / _NAME.format(number)


def logs(folder: Path) -> list[int]:
    """Return the numbers of the logs in a data folder, in order."""
    return sorted(int(match[1]) for path in folder.iterdir() if (match := re.fullmatch(_PATTERN, path.name)))


def set_first(folder: Path, report: Callable[[str], object]) -> None:
    """Set the position to the end of the last log, unless there is one to go on from.

    `report` is called if there is one whose log was moved away, cut or damaged.
    """
    known = read(folder)
    if known is not None and _is_in_log(folder, known):
        return
    if (folder / FOLDER / "position.json").exists():
        report("the log that was told last is not there any more: what changed before this start is not told")
    number = logs(folder)[-1]
    end, _rest = finished(log_path(folder, number))
    write(folder, Position(secrets.token_hex(8), number, end))
    for path in (folder / FOLDER, folder):
        sync_folder(path)


def _is_in_log(folder: Path, position: Position) -> bool:
    """Return whether a line of a log ends, or the log starts, where the position is."""
    try:
        with log_path(folder, position.log).open("rb") as log:
            log.seek(max(0, position.offset - 1))
            return position.offset == 0 or log.read(1) == b"\n"
    except FileNotFoundError:
        return False


def read(folder: Path) -> Position | None:
    """Return the position, or None if there is none, or a damaged one."""
    try:
        return Position(**json.loads((folder / FOLDER / "position.json").read_bytes()))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def write(folder: Path, position: Position) -> None:
    """Keep the position; a power failure leaves this one or the one before."""
    replace(folder / FOLDER / "position.json", json.dumps(asdict(position)).encode())


def replace(path: Path, content: bytes) -> None:
    """Give a file, which its owner alone may read, another content at once; the content is on the disk first."""
    unfinished = path.with_suffix(".new")
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        sync(file.fileno())
    unfinished.replace(path)
