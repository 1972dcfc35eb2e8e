"""Preparation of a store that may become available later than the service."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Final

from storage.dynamodb.deadline import within
from storage.errors import Unavailable

logger = logging.getLogger(__name__)

#: Time limit of one attempt, and pause after a failed one.
ATTEMPT_SECONDS: Final = 10.0
PAUSE_SECONDS: Final = 1.0


@contextmanager
def prepared(prepare: Callable[[], object]) -> Iterator[None]:
    """Prepare the store now, or on a thread that retries until it is available; meanwhile requests are answered 503."""
    ended = Event()
    try:
        _attempt(prepare)
    except Unavailable as error:
        logger.warning("%s; requests are answered 503 until the store is available", error)
        Thread(target=_keep_trying, args=(prepare, ended), daemon=True).start()
    try:
        yield
    finally:
        ended.set()


def _attempt(prepare: Callable[[], object]) -> None:
    with within(ATTEMPT_SECONDS):
        prepare()


def _keep_trying(prepare: Callable[[], object], ended: Event) -> None:
    while not ended.wait(PAUSE_SECONDS):
        try:
            _attempt(prepare)
        except Unavailable as error:
            logger.debug("the store is still not available: %s", error)
        else:
            logger.warning("the store is available")
            return
