"""When something is tried again: the pauses between attempts, on a clock that a test can read."""

from itertools import islice

import pytest

from storage.dynamodb.retries import pauses
from storage.errors import Contention


class Clock:
    """A clock that the pauses move, and dice that always give the ceiling."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    @staticmethod
    def highest(_low: float, high: float) -> float:
        return high


def test_the_first_repetition_follows_at_once_and_then_the_ceiling_doubles_up_to_half_a_second() -> None:
    found = list(islice(pauses(1e9, Clock(), Clock.highest), 9))
    assert found == [0, 0, 0.04, 0.08, 0.16, 0.32, 0.5, 0.5, 0.5]


def test_pauses_have_full_jitter() -> None:
    asked: list[float] = []

    def middle(low: float, high: float) -> float:
        asked.append(low)
        return high / 2

    assert list(islice(pauses(1e9, Clock(), middle), 4)) == [0, 0, 0.02, 0.04]
    assert asked == [0, 0]


def test_no_pause_lasts_beyond_the_end() -> None:
    clock, total = Clock(), 0.0
    with pytest.raises(Contention):  # noqa: PT012 - the pauses before the last one have to pass
        for pause in pauses(clock() + 5, clock, Clock.highest):
            clock.now += pause
            total += pause
    assert total == pytest.approx(0.04 + 0.08 + 0.16 + 0.32 + 8 * 0.5)
    assert clock() <= 105


def test_a_fresh_snapshot_is_acted_on_at_once_up_to_four_times_between_two_pauses() -> None:
    turns = pauses(1e9, Clock(), Clock.highest)
    found = [next(turns), *(turns.send(True) for _ in range(11))]  # noqa: FBT003 - a generator takes no keywords
    assert found == [0, 0, *([0] * 4), 0.04, *([0] * 4), 0.08]


def test_without_a_fresh_snapshot_there_is_a_pause_again() -> None:
    turns = pauses(1e9, Clock(), Clock.highest)
    assert next(turns) == 0
    found = [turns.send(fresh) for fresh in (True, True, False, False, True, False)]
    assert found == [0, 0, 0.04, 0.08, 0, 0.16]
