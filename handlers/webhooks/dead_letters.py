"""The notifications that were given up on one machine: a file of JSON lines."""

import json
import os
from collections.abc import Callable
from pathlib import Path

from handlers.models.answers import RegistrationNotification
from handlers.webhooks.delivery import Outcome, Verdict
from storage.durable.log import sync, sync_folder
from storage.durable.position import replace


class DeadLetters:
    """Each line has the notification, and the reason of the last attempt."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, notification: RegistrationNotification, reason: str) -> None:
        """Add a notification; it is on the disk when this returns."""
        line = json.dumps({"reason": reason, "notification": notification}, ensure_ascii=False)
        with os.fdopen(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as file:
            file.write(f"{line}\n".encode())
            file.flush()
            sync(file.fileno())
        sync_folder(self.path.parent)

    def send_again(self, attempt: Callable[[RegistrationNotification], Outcome]) -> None:
        """Try each once, and keep those that are not taken; a receiver that is down or gone is not asked further."""
        content = self.path.read_bytes() if self.path.exists() else b""
        # A last line that was not written to its end: its notification is sent as one that was not given up.
        lines = [line for line in content.splitlines(keepends=True) if line.endswith(b"\n")]
        kept = []
        for number, line in enumerate(lines):
            outcome = attempt(json.loads(line)["notification"])
            if outcome.verdict in {Verdict.LATER, Verdict.GONE}:
                kept += lines[number:]
                break
            if outcome.verdict is not Verdict.DELIVERED:
                kept.append(line)
        if (rest := b"".join(kept)) != content:
            replace(self.path, rest)
