"""The owner of unfinished promotions on AWS Lambda: another invocation of the same function.

Nothing runs there between requests. So an invocation that leaves a promotion unfinished invokes the function again,
asynchronously, and that invocation promotes for as long as it may run. Several requests may hand over the same
promotion: an invocation that sees people being promoted by another one ends. One always goes on: whoever promotes
people hands over the rest afterwards, to an invocation that begins later than those which saw it.
"""

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from handlers.pipeline.deadline import MARGIN_SECONDS
from storage import events, queue
from storage.dynamodb.deadline import within
from storage.dynamodb.invocation import InvocationError, invoke_later
from storage.dynamodb.tables import Tables
from storage.errors import Damaged, EventNotFound

logger = logging.getLogger(__name__)

#: Number of looks for other promoters, and the pause before each, in seconds.
LOOKS: Final = 4
LOOK_SECONDS: Final = 0.25

#: Number of invocations in a row without progress after which a promotion is dropped: its queue is damaged.
MAX_STUCK: Final = 3

Invoke = Callable[[str, Mapping[str, Any]], object]


class Continuation:
    """Invokes the function again for the promotions that its invocations leave unfinished."""

    def __init__(self, tables: Tables, invoke: Invoke = invoke_later) -> None:
        """Become the owner of the unfinished promotions of `tables`."""
        self._tables = tables
        self._invoke = invoke
        self._left: dict[str, dict[str, Any]] = {}  # The payloads of the next invocations, by event.
        tables.hand_over = self._leave

    def promote(self, payload: Mapping[str, Any], context: Any) -> None:
        """Continue the promotion of the event `payload["promote"]`, unless another invocation does.

        Raises:
            Unavailable: The store does not answer; Lambda repeats the invocation after a minute.

        """
        event_id = payload["promote"]
        # An invocation that waits for a late write has little time left for a batch.
        stuck = payload["stuck"] if payload["unknown"] else payload["stuck"] + 1
        seconds = context.get_remaining_time_in_millis() / 1000 - MARGIN_SECONDS
        with within(seconds):
            if payload["unknown"]:
                # A write may still be applied, and then people are promotable.
                time.sleep(min(queue.UNKNOWN_SECONDS, seconds / 2))
            try:
                if self._is_continued(event_id) or not queue.resume(self._tables, event_id):
                    return
            except Damaged as damage:
                logger.error("%s: %s", queue.UNFINISHED, damage)  # noqa: TRY400 - its traceback says nothing more
                return
        if stuck < MAX_STUCK:
            self._left[event_id]["stuck"] = stuck
        else:
            del self._left[event_id]
            logger.warning("a promotion is left unfinished: it makes no progress; run `python -m storage audit`")

    def hand_over(self, context: Any) -> None:
        """Invoke the function once for each promotion that this invocation left unfinished."""
        left, self._left = self._left, {}
        for payload in left.values():
            try:
                self._invoke(context.invoked_function_arn, payload)
            except InvocationError as error:
                logger.warning("a promotion is left unfinished until the next write: no invocation: %s", error)

    def _leave(self, event_id: str, /, *, unknown: bool = False) -> None:
        payload = self._left.setdefault(event_id, {"promote": event_id, "stuck": 0, "unknown": False})
        payload["unknown"] |= unknown

    def _is_continued(self, event_id: str) -> bool:
        """Return whether others promote people of this event now, or the event is gone."""
        try:
            return others_promote(self._tables, event_id, time.sleep)
        except EventNotFound:
            return True


def others_promote(tables: Tables, event_id: str, pause: Callable[[float], object]) -> bool:
    """Look a few times, for a second in all, whether others promote people of an event.

    Raises:
        EventNotFound: No event has this id.
        Unavailable: The store does not answer.

    """
    before = events.get(tables, event_id)
    for _look in range(LOOKS):
        pause(LOOK_SECONDS)
        if events.get(tables, event_id).confirmed > before.confirmed:
            return True
    return False
