"""Handing a promotion that may be unfinished over to an owner, which continues it."""

from typing import Protocol


class HandOver(Protocol):
    """Hands a promotion that may be unfinished over to its owner."""

    def __call__(self, event_id: str, /, *, unknown: bool = False) -> object:
        """Continue the promotion of an event; if it is `unknown` whether a write was applied, look later as well."""


def to_nobody(_event_id: str, /, *, unknown: bool = False) -> None:
    """Hand a promotion over to nobody: the next write on the event continues it."""
