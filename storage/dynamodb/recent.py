"""The most recent ones of many texts."""

from typing import Final

#: Number of texts that are remembered; a token takes 0.2 KB.
SIZE: Final = 10_000


class Recent:
    """A set of texts that forgets the oldest; threads may share it."""

    def __init__(self, size: int = SIZE) -> None:
        """Take the number of texts to remember."""
        self._size = size
        self._texts: dict[str, None] = {}

    def add(self, text: str) -> None:
        """Add a text; if there are too many, forget the older half."""
        if len(self._texts) >= self._size:
            self._texts = dict.fromkeys(list(self._texts)[self._size // 2 :])
        self._texts[text] = None

    def __contains__(self, text: object) -> bool:
        return text in self._texts
