"""Waiting for what another process or thread will do, instead of for a time."""

import time
from collections.abc import Callable


def until(reached: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until a condition holds; fail if it does not within this time in seconds."""
    end = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < end
        time.sleep(0.05)
