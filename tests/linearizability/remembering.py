"""A mutant: a process remembers events that it has read, as if no other process wrote."""

from collections.abc import Sequence
from threading import Lock
from typing import Any

from storage.dynamodb import tables
from storage.dynamodb.attributes import Item, Values
from storage.dynamodb.steps import Step
from storage.dynamodb.tables import Tables


class RememberingTables(Tables):
    """Tables that read an event once, until this process writes: a single server never answers with an old state."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Remember nothing yet."""
        super().__init__(*arguments, **options)
        self._events: dict[Any, list[Item]] = {}
        self._lock = Lock()
        self._writing = 0
        self._writes = 0

    def query(self, table: str, condition: str, values: Values, **options: Any) -> list[Item]:
        event_id = values.get("eventId")
        with self._lock:
            if event_id in self._events:
                return self._events[event_id]
            before = self._writes
        items = super().query(table, condition, values, **options)
        with self._lock:
            if event_id and not self._writing and self._writes == before:
                self._events[event_id] = items
        return items

    def transact(self, steps: Sequence[Step], *, group: str | None = None) -> None:
        self._forget(writing=1)
        try:
            super().transact(steps, group=group)
        finally:
            self._forget(writing=-1)

    def _forget(self, writing: int) -> None:
        with self._lock:
            self._writing += writing
            self._writes += 1
            self._events.clear()


def remember_events() -> None:
    """Give the server these tables, before anything imports the real ones from their module."""
    tables.Tables = RememberingTables  # type: ignore[misc]
