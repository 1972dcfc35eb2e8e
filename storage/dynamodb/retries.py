"""Exponential backoff with full jitter: the pause before each retry, and the time after which there is none."""

from collections.abc import Callable
from typing import Final

from storage.errors import Contention

#: Default time in which an attempt may be retried.
RETRY_SECONDS: Final = 5.0

#: Pauses are drawn from 0 to a ceiling, in seconds, that doubles from the first of these to the last. The last one is
#: low, because newcomers do not pause: the longer a request pauses, the more of them overtake it
#: (tests/bench/hot_event.md compares ceilings).
FIRST_CEILING: Final = 0.04
LAST_CEILING: Final = 0.15

#: Maximum number of retries in a row without a pause, each from a fresh snapshot. The limit ends the loop if a rule and
#: its condition contradict each other.
FRESH_RETRIES: Final = 4


class Backoff:
    """The pauses of one operation until `end`, a time on `clock` in seconds; `uniform` draws from a range."""

    def __init__(
        self,
        end: float,
        clock: Callable[[], float],
        uniform: Callable[[float, float], float],
        last_ceiling: float = LAST_CEILING,
    ) -> None:
        self._end = end
        self._last_ceiling = last_ceiling
        self._clock = clock
        self._uniform = uniform
        self._first = True
        self._fresh_left = FRESH_RETRIES
        self._ceiling = FIRST_CEILING

    def pause(self, *, fresh: bool = False) -> float:
        """Return the pause before the next retry, in seconds; `fresh` if the last attempt brought a fresh snapshot.

        The first retry follows at once. So does one from a fresh snapshot, up to 4 times in a row: another writer got
        through, and after a pause the snapshot would be old.

        Raises:
            Contention: The pause would last beyond the end.

        """
        if self._first:
            self._first = False
            return 0.0
        if fresh and self._fresh_left:
            self._fresh_left -= 1
            return 0.0
        pause = self._uniform(0, self._ceiling)
        if self._clock() + pause > self._end:
            raise Contention
        self._fresh_left = FRESH_RETRIES
        self._ceiling = min(self._last_ceiling, 2 * self._ceiling)
        return pause
