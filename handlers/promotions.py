"""The owner of unfinished promotions: a thread of this process that continues them, one batch after the other."""

import logging
from threading import Event, Lock, Thread, Timer
from typing import Final

from handlers.continuation import others_promote
from storage import queue
from storage.audit import unfinished_promotions
from storage.dynamodb.deadline import within
from storage.dynamodb.tables import Tables
from storage.errors import Damaged, EventNotFound, Unavailable

logger = logging.getLogger(__name__)

#: Time limit of one batch, and pause after a failed one, in seconds.
BATCH_SECONDS: Final = 9.5
PAUSE_SECONDS: Final = 1.0

#: Number of batches in a row without progress after which a promotion is dropped: its queue is damaged.
MAX_STUCK: Final = 30


class Promotions:
    """Continues the promotions that requests hand over; the events take turns.

    The thread starts when there is something to do and ends when there is not, so that a server may fork before. It
    begins a promotion only when it sees nobody else promote: the request that began it may still be at it.
    """

    def __init__(self, tables: Tables) -> None:
        """Become the owner of the unfinished promotions of `tables`."""
        self._tables = tables
        self._events: dict[str, None] = {}  # In the order in which they were handed over.
        self._lock = Lock()
        self._stuck: dict[str, int] = {}
        self._begun: set[str] = set()
        self._thread: Thread | None = None
        self._ended = Event()
        tables.hand_over = self.hand_over

    def hand_over(self, event_id: str, /, *, unknown: bool = False) -> None:
        """Continue the promotion of an event, soon; if a write may still be applied, look again later."""
        if unknown:
            later = Timer(queue.UNKNOWN_SECONDS, self.hand_over, [event_id])
            later.daemon = True
            later.start()
        with self._lock:
            self._events[event_id] = None
            if self._thread is None or not self._thread.is_alive():
                self._thread = Thread(target=self._work, name="promotions", daemon=True)
                self._thread.start()

    def sweep(self) -> None:
        """Continue, soon, every promotion whose process died; it reads the table of events once."""
        Thread(target=self._sweep, name="promotions-sweep", daemon=True).start()

    def end(self) -> None:
        """Wait until the running batch is done, and start no other; the counters show what is left to do."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join(BATCH_SECONDS)

    def _work(self) -> None:
        while (event_id := self._next()) is not None:
            try:
                with within(BATCH_SECONDS):
                    self._promote(event_id)
            except EventNotFound:
                self._begun.discard(event_id)
            except Unavailable as error:
                logger.debug("a promotion is not continued yet: %r", error)
                self._ended.wait(PAUSE_SECONDS)
                self.hand_over(event_id)
            except Damaged as damage:
                logger.error("%s: %s", queue.UNFINISHED, damage)  # noqa: TRY400 - its traceback says nothing more
                self._drop(event_id)
            except Exception:
                # Other events must not wait for a damaged one.
                logger.exception("a promotion failed; run `python -m storage audit`")
                self._drop(event_id)

    def _promote(self, event_id: str) -> None:
        """Promote one batch, unless others promote people of this event."""
        if event_id not in self._begun and others_promote(self._tables, event_id, self._ended.wait):
            self.hand_over(event_id)
            return
        self._begun.add(event_id)
        self._note(event_id, stuck=queue.resume(self._tables, event_id, batches=1))
        if event_id not in self._events:
            self._begun.discard(event_id)

    def _drop(self, event_id: str) -> None:
        """Leave a promotion to the audit."""
        self._begun.discard(event_id)
        self._stuck.pop(event_id, None)
        with self._lock:
            self._events.pop(event_id, None)

    def _note(self, event_id: str, *, stuck: bool) -> None:
        """Slow down for a promotion without progress, and drop it after too many batches."""
        self._stuck[event_id] = self._stuck.get(event_id, 0) + 1 if stuck else 0
        if not self._stuck[event_id]:
            del self._stuck[event_id]
        elif self._stuck[event_id] < MAX_STUCK:
            self._ended.wait(PAUSE_SECONDS)
        else:
            self._drop(event_id)
            logger.warning("a promotion makes no progress; run `python -m storage audit`")

    def _next(self) -> str | None:
        """Return the next event, or None if there is none, after which the thread ends."""
        with self._lock:
            event_id = None if self._ended.is_set() else next(iter(self._events), None)
            if event_id is None:
                self._thread = None
            else:
                del self._events[event_id]
            return event_id

    def _sweep(self) -> None:
        while not self._ended.is_set():
            try:
                for event_id in unfinished_promotions(self._tables):
                    self.hand_over(event_id)
            except Unavailable as error:
                logger.debug("no look for unfinished promotions yet: %r", error)
                self._ended.wait(PAUSE_SECONDS)
            else:
                return
