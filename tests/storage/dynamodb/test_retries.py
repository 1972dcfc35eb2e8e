"""Backoff: the pauses between attempts, on a clock that the test moves."""

import pytest

from storage.dynamodb.retries import Backoff
from storage.errors import Contention


class Clock:
    """A clock that the pauses move, and a random function that always returns the ceiling."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    @staticmethod
    def highest(_low: float, high: float) -> float:
        return high


@pytest.fixture
def backoff() -> Backoff:
    return Backoff(1e9, Clock(), Clock.highest)


def test_the_first_retry_follows_at_once_and_then_the_ceiling_doubles_up_to_the_last(backoff: Backoff) -> None:
    assert [backoff.pause() for _ in range(8)] == [0, 0.04, 0.08, 0.15, 0.15, 0.15, 0.15, 0.15]


def test_pauses_have_full_jitter() -> None:
    lows: list[float] = []

    def middle(low: float, high: float) -> float:
        lows.append(low)
        return high / 2

    backoff = Backoff(1e9, Clock(), middle)
    assert [backoff.pause() for _ in range(3)] == [0, 0.02, 0.04]
    assert lows == [0, 0]


def test_no_pause_lasts_beyond_the_end() -> None:
    clock, total = Clock(), 0.0
    backoff = Backoff(clock() + 5, clock, Clock.highest)
    with pytest.raises(Contention):  # noqa: PT012 - the pauses before the last one have to pass
        while True:
            pause = backoff.pause()
            clock.now += pause
            total += pause
    assert total == pytest.approx(0.04 + 0.08 + 32 * 0.15)
    assert clock() <= 105


def test_a_pause_may_last_until_the_end_and_no_longer() -> None:
    backoff = Backoff(100.04, Clock(), Clock.highest)
    assert [backoff.pause(), backoff.pause()] == [0, 0.04]
    backoff = Backoff(100.039, Clock(), Clock.highest)
    assert backoff.pause() == 0
    with pytest.raises(Contention):
        backoff.pause()


def test_a_fresh_snapshot_is_used_at_once_up_to_four_times_between_two_pauses(backoff: Backoff) -> None:
    pauses = [backoff.pause(fresh=True) for _ in range(11)]
    assert pauses == [0, *([0] * 4), 0.04, *([0] * 4), 0.08]


def test_without_a_fresh_snapshot_there_is_a_pause_again(backoff: Backoff) -> None:
    pauses = [backoff.pause(fresh=fresh) for fresh in (True, True, False, False, True, False)]
    assert pauses == [0, 0, 0.04, 0.08, 0, 0.15]
