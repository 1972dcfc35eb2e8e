"""When a write that met others is tried again: the pauses, and the end of them; on any clock, with any dice."""

import itertools
from collections.abc import Callable, Generator
from typing import Final

from storage.errors import Contention

#: A write is tried again for so many seconds.
BUDGET: Final = 5.0

#: The pauses are drawn from 0 to a ceiling that doubles from the first to the second, in seconds.
FIRST_CEILING: Final = 0.04
LAST_CEILING: Final = 0.5

#: So many attempts in a row may follow from fresh snapshots. A rule and a condition that contradict each other would
#: go on for ever.
FRESH_ATTEMPTS: Final = 4


def pauses(
    end: float, clock: Callable[[], float], uniform: Callable[[float, float], float]
) -> Generator[float, bool | None, None]:
    """Yield the pause before each attempt, in seconds, until none is left before `end`, a moment on the clock.

    There is none before the first two attempts, and full jitter before the others; but an attempt that brought a fresh
    snapshot, as is sent to the generator, is repeated without, up to 4 times in a row: somebody else got through, and
    after a pause the snapshot would be old.

    Raises:
        Contention: The next pause would last beyond the end.

    """
    yield 0.0
    fresh = yield 0.0
    for repetition in itertools.count():
        for _ in range(FRESH_ATTEMPTS):
            if fresh:
                fresh = yield 0.0
        # Beyond ten doublings any ceiling is the last one, and the power would only grow.
        pause = uniform(0, min(LAST_CEILING, FIRST_CEILING * 2 ** min(repetition, 10)))
        if clock() + pause > end:
            raise Contention
        fresh = yield pause
