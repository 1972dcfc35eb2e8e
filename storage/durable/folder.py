"""The data folder: its logs, the state that they contain, and the rewriting of a log that is mostly outdated."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from storage.durable import position
from storage.durable.log import FORMAT, Document, LogError, line, read, sync, sync_folder

#: Number of changes for which no log is rewritten.
_SMALL: Final = 1_000

#: Number of writes between two reports.
_REPORTED: Final = 25_000

#: Account and region.
Scope = tuple[str, str]
Table = tuple[Scope, str]


@dataclass
class State:
    """The tables that a log describes, each with its items by key, and the number of changes that were read."""

    calls: list[tuple[Scope, str, dict[str, Any]]] = field(default_factory=list)
    keys: dict[Table, list[str]] = field(default_factory=dict)
    items: dict[Table, dict[str, dict[str, Any]]] = field(default_factory=dict)
    changes: int = 0

    def apply(self, document: Document) -> None:
        """Apply a document of a log."""
        account, region = document["scope"]
        scope = (account, region)
        if "call" in document:
            operation, request = document["call"]
            self._call(scope, operation, request)
        for table, item in document.get("put", ()):
            self.items[scope, table][self._key((scope, table), item)] = item
        for table, key in document.get("delete", ()):
            self.items[scope, table].pop(self._key((scope, table), key), None)
        self.changes += len(document.get("put", ())) + len(document.get("delete", ())) + ("call" in document)

    def _call(self, scope: Scope, operation: str, request: dict[str, Any]) -> None:
        table = (scope, request.get("TableName", ""))
        if operation == "CreateTable":
            self.keys[table] = [key["AttributeName"] for key in request["KeySchema"]]
            self.items[table] = {}
        if operation == "DeleteTable":
            del self.keys[table], self.items[table]
            self.calls = [call for call in self.calls if (call[0], call[2].get("TableName")) != table]
        else:
            self.calls.append((scope, operation, request))

    def _key(self, table: Table, item: dict[str, Any]) -> str:
        return json.dumps([item[name] for name in self.keys[table]])

    def documents(self) -> Iterator[Document]:
        """Yield the documents of the shortest log with this state, with up to 25 items in one."""
        for scope, operation, request in self.calls:
            yield {"scope": scope, "call": [operation, request]}
        for (scope, table), items in self.items.items():
            found = list(items.values())
            for first in range(0, len(found), 25):
                yield {"scope": scope, "put": [[table, item] for item in found[first : first + 25]]}

    @property
    def outdated(self) -> bool:
        """Whether more than half of the changes are outdated."""
        return self.changes > _SMALL + 2 * sum(map(len, self.items.values()))


def load(folder: Path, report: Callable[[str], object] = lambda _progress: None) -> tuple[Path, State]:
    """Return the log to append to and the state in it. Make the first one, and rewrite one that is mostly outdated.

    The log before it is kept, and those that are still to be told.
    `report` is called with the progress of reading.

    Raises:
        LogError: The log can't be read or written, is damaged, or has a newer format.

    """
    try:
        numbers = position.logs(folder)
        followed = position.read(folder)
    except OSError as error:
        raise LogError(f"can't read {folder}: {error.strerror}") from error
    if not numbers:
        return _write(folder, 1, State()), State()
    path, state = position.log_path(folder, numbers[-1]), State()
    try:
        for number, document in enumerate(read(path), 1):
            try:
                state.apply(document)
            except KeyError as error:
                raise LogError(f"{path} is damaged: write {number} lacks its table or key, {error}") from error
            if number % _REPORTED == 0:
                report(f"read {number:,} writes of {path}")
    except LogError as error:
        before = [position.log_path(folder, number) for number in numbers[:-1]]
        hint = f". The log before it is {before[-1]}: move {path.name} away to go back to that" if before else ""
        raise LogError(f"{error}{hint}") from error
    if not state.outdated:
        return path, state
    _sync(path)
    written = _write(folder, numbers[-1] + 1, state)
    for number in numbers[:-1]:
        if followed is None or number < followed.log:
            position.log_path(folder, number).unlink()
    return written, state


def _sync(path: Path) -> None:
    """Put what a log has on the disk, which a follower may not have told yet, before the one after it has it too."""
    try:
        with path.open("rb+") as file:
            sync(file.fileno())
    except OSError as error:
        raise LogError(f"can't write to {path}: {error.strerror}") from error


def _write(folder: Path, number: int, state: State) -> Path:
    """Write the log of a state, for its owner alone; it gets its name when all of it is on the disk."""
    path = position.log_path(folder, number)
    unfinished = path.with_suffix(".new")
    try:
        unfinished.unlink(missing_ok=True)
        unfinished.touch(mode=0o600)
        with unfinished.open("wb") as file:
            file.write(line({"format": FORMAT}))
            file.writelines(map(line, state.documents()))
            file.flush()
            sync(file.fileno())
        unfinished.replace(path)
        sync_folder(folder)
    except OSError as error:
        raise LogError(f"can't write to {path}: {error.strerror}") from error
    return path
