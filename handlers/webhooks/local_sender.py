"""The process of `events-api --webhook URL`: it follows the log, and posts each notification until it is taken."""

import fcntl
import logging
import os
import sys
import time
from pathlib import Path
from threading import Event, Thread
from typing import Final

from handlers.models.answers import RegistrationNotification
from handlers.pipeline import logs
from handlers.webhooks.cloud_event import cloud_event
from handlers.webhooks.dead_letters import DeadLetters
from handlers.webhooks.delivery import Outcome, Verdict, deliver, wait_seconds
from handlers.webhooks.endpoint import Endpoint
from handlers.webhooks.local import FIRST_SECONDS, LONGEST_SECONDS, STOP_SECONDS, endpoint
from storage.durable import position
from storage.durable.follower import follow
from storage.durable.log import LogError

logger = logging.getLogger(__name__)

#: How long a notification is tried.
GIVE_UP_SECONDS: Final = 86_400.0

#: Time between two looks at the log.
LOOK_SECONDS: Final = 0.05


def main(folder: str, url: str) -> None:
    """Send until the standard input ends."""
    logs.configure()
    stopping = Event()
    Thread(target=_end_with_input, args=[stopping], daemon=True).start()
    try:
        with (Path(folder) / position.FOLDER / "lock").open("w") as lock:
            # After a kill of the service, the sender before this one may be in its last attempt.
            fcntl.flock(lock, fcntl.LOCK_EX)
            print(os.getpid(), file=lock, flush=True)
            Sender(Path(folder), endpoint(Path(folder), url), stopping).run()
    except (LogError, OSError) as error:
        sys.exit(f"events-api: the webhook's sender has ended: {error}")


def _end_with_input(stopping: Event) -> None:
    sys.stdin.read()
    stopping.set()
    time.sleep(STOP_SECONDS)
    os._exit(0)


class Sender:
    """Sends what a data folder tells, in order: first what was given up before, then what comes after the position."""

    def __init__(self, folder: Path, receiver: Endpoint, stopping: Event) -> None:
        self._folder, self._endpoint, self._stopping = folder, receiver, stopping
        self._dead_letters = DeadLetters(folder / position.FOLDER / "dead-letters.jsonl")

    def run(self) -> None:
        """Send until told to stop, or until the receiver wants nothing more."""
        first = position.read(self._folder)
        assert first is not None
        self._dead_letters.send_again(self._attempt)
        for told in follow(self._folder, first):
            if self._stopping.wait(0 if told else LOOK_SECONDS):
                return
            if told is None:
                continue
            if not self._is_done_with(
                cloud_event(told.notification, event_id=told.id, sequence=told.sequence, at=told.at)
            ):
                return
            position.write(self._folder, told.after)

    def _is_done_with(self, notification: RegistrationNotification) -> bool:
        """Send until it is taken or given up; return whether there is a next one to send."""
        give_up, attempt = time.monotonic() + GIVE_UP_SECONDS, 1
        while (outcome := self._attempt(notification)).verdict is Verdict.LATER:
            wait = wait_seconds(attempt, outcome, FIRST_SECONDS, LONGEST_SECONDS)
            if time.monotonic() + wait > give_up:
                break
            if self._stopping.wait(wait):
                return False
            attempt += 1
        if outcome.verdict is Verdict.GONE:
            logger.error("webhook: the receiver wants nothing more; the next start goes on with the same notification")
            return False
        if outcome.verdict is not Verdict.DELIVERED:
            self._dead_letters.add(notification, outcome.reason)
            logger.error("webhook %s is given up, and kept in %s", notification["id"], self._dead_letters.path)
        return True

    def _attempt(self, notification: RegistrationNotification) -> Outcome:
        outcome = deliver(self._endpoint, notification)
        if outcome.verdict is not Verdict.DELIVERED:
            logger.warning("webhook %s: %s", notification["id"], outcome.reason)
        return outcome
