"""Gets the store ready for a service that may be up before it."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Final

from storage.dynamodb.deadline import within
from storage.errors import Unavailable

logger = logging.getLogger(__name__)

#: One preparation may take so many seconds; another is made so many seconds after one that failed.
ATTEMPT_SECONDS: Final = 10.0
PAUSE_SECONDS: Final = 1.0


@contextmanager
def prepared(prepare: Callable[[], object]) -> Iterator[None]:
    """Prepare the store now or, if it can't serve us yet, as soon as it can, on a thread; until then it is 503."""
    ended = Event()
    try:
        _attempt(prepare)
    except Unavailable as error:
        logger.warning("%s; requests are answered 503 until it is mended", error)
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
            logger.debug("still not: %s", error)
        else:
            logger.warning("the store can be used now")
            return
