"""A bus of EventBridge, which is told entries in order."""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, NamedTuple

from storage.dynamodb.services import client

#: Maximum number of entries in one call.
MAX_ENTRIES: Final = 10
#: Attempts to tell the entries of one call, and the pause before the second, in seconds, which then doubles.
ATTEMPTS: Final = 4
PAUSE_SECONDS: Final = 0.1


class Entry(NamedTuple):
    """What the bus is told: about which subject, of which kind, and the JSON of it."""

    subject: str
    kind: str
    detail: str


class NotToldError(Exception):
    """The bus did not take some entries, perhaps the first and not the last; the message has its reasons."""


class Bus:
    """A bus of EventBridge."""

    def __init__(
        self, name: str, source: str, events: Any = None, pause: Callable[[float], object] = time.sleep
    ) -> None:
        """Tell the bus `name` as `source`; `events` is a boto3 client of EventBridge."""
        self._name = name
        self._source = source
        self._events = events or client("events")
        self._pause = pause

    def tell(self, entries: Iterable[Entry]) -> None:
        """Tell the bus the entries, those of one subject in order.

        Raises:
            NotToldError: It did not take all of them.

        """
        for call in _calls(entries):
            self._tell(call)

    def _tell(self, entries: list[Entry]) -> None:
        left, reasons = entries, set[str]()
        for attempt in range(ATTEMPTS):
            if attempt:
                self._pause(PAUSE_SECONDS * 2 ** (attempt - 1))
            results = self._events.put_events(Entries=[self._form(entry) for entry in left])["Entries"]
            refused = [
                (entry, code) for entry, one in zip(left, results, strict=True) if (code := one.get("ErrorCode"))
            ]
            left, reasons = [entry for entry, _code in refused], {code for _entry, code in refused}
            if not left:
                return
        raise NotToldError(f"{len(left)} of {len(entries)} entries are refused: {', '.join(sorted(reasons))}")

    def _form(self, entry: Entry) -> dict[str, str]:
        return {"EventBusName": self._name, "Source": self._source, "DetailType": entry.kind, "Detail": entry.detail}


def _calls(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """Yield the entries of each call, which has one per subject: the bus may take the second, and not the first."""
    call: dict[str, Entry] = {}
    for entry in entries:
        if entry.subject in call or len(call) == MAX_ENTRIES:
            yield list(call.values())
            call = {}
        call[entry.subject] = entry
    if call:
        yield list(call.values())
