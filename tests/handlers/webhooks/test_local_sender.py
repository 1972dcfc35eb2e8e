"""The sender on one machine tries a notification for a day; dead letters are kept until they are taken."""

import json
import time
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from handlers.webhooks import local_sender
from handlers.webhooks.dead_letters import DeadLetters
from handlers.webhooks.delivery import Outcome, Verdict, wait_seconds
from handlers.webhooks.endpoint import Endpoint, new_secret
from handlers.webhooks.local import FIRST_SECONDS, LONGEST_SECONDS
from handlers.webhooks.local_sender import GIVE_UP_SECONDS, Sender
from storage.durable import follower, position
from storage.durable.folder import load
from storage.durable.log import line
from storage.durable.position import Position

TAKEN, LATER = Outcome(Verdict.DELIVERED, "answered 204"), Outcome(Verdict.LATER, "answered 503")
REFUSED, GONE = Outcome(Verdict.REFUSED, "answered 400"), Outcome(Verdict.GONE, "answered 410")


def notification(name: str) -> Any:
    return {"id": name}


@pytest.fixture
def letters(tmp_path: Path) -> DeadLetters:
    found = DeadLetters(tmp_path / "letters")
    for name in ("one", "two", "three"):
        found.add(notification(name), "answered 400")
    return found


def names(letters: DeadLetters) -> list[str]:
    return [json.loads(text)["notification"]["id"] for text in letters.path.read_text().splitlines()]


@pytest.mark.parametrize(
    ("outcomes", "kept"),
    [
        ([TAKEN, TAKEN, TAKEN], []),
        ([TAKEN, REFUSED, TAKEN], ["two"]),
        ([TAKEN, LATER], ["two", "three"]),
        ([GONE], ["one", "two", "three"]),
    ],
)
def test_dead_letters_are_tried_once_and_those_that_are_not_taken_are_kept(
    letters: DeadLetters, outcomes: list[Outcome], kept: list[str]
) -> None:
    rest = iter(outcomes)
    letters.send_again(lambda _notification: next(rest))
    assert list(rest) == []
    assert names(letters) == kept
    assert letters.path.stat().st_mode & 0o777 == 0o600


def test_a_dead_letter_that_was_not_written_to_its_end_is_left_out(letters: DeadLetters) -> None:
    letters.path.write_bytes(letters.path.read_bytes()[:-5])
    letters.send_again(lambda _notification: LATER)
    letters.add(notification("four"), "answered 400")
    assert names(letters) == ["one", "two", "four"]


class Clock(Event):
    """Time that passes only while the sender waits, and that stops the sender when all is told."""

    def __init__(self) -> None:
        super().__init__()
        self.now, self.waits = 0.0, list[float]()

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        if timeout == local_sender.LOOK_SECONDS:
            return True
        if timeout:
            self.waits.append(timeout)
            self.now += timeout
        return False


def test_a_receiver_that_is_down_is_asked_for_a_day_and_then_the_next_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / position.FOLDER).mkdir()
    position.write(tmp_path, Position("t", 1, 0))
    path, _state = load(tmp_path)
    with path.open("ab") as log:
        for user in ("ann", "ben"):
            keys = {"pk": {"S": "EVENT#e"}, "sk": {"S": f"USER#{user}"}}
            item = {**keys, "status": {"S": "confirmed"}, "registeredAt": {"S": "2030-01-01T00:00:00Z"}}
            put = [["Registrations", item]]
            log.write(line({"scope": follower._SCOPE, "put": put, "at": 1}))  # noqa: SLF001 - as the store writes it
    asked: list[str] = []

    def deliver(_endpoint: Endpoint, told: Any) -> Outcome:
        asked.append(told["subject"])
        return LATER if told["subject"] == "ann" else TAKEN

    clock = Clock()
    monkeypatch.setattr(local_sender, "deliver", deliver)
    monkeypatch.setattr(time, "monotonic", lambda: clock.now)
    Sender(tmp_path, Endpoint.of("http://127.0.0.1/", new_secret(), inside=True), clock).run()
    assert asked == ["ann"] * (len(asked) - 1) + ["ben"]
    assert GIVE_UP_SECONDS - 400 < clock.now <= GIVE_UP_SECONDS
    (letter,) = (tmp_path / position.FOLDER / "dead-letters.jsonl").read_text().splitlines()
    assert json.loads(letter)["notification"]["subject"] == "ann"
    last = position.read(tmp_path)
    assert last is not None
    assert (last.log, last.told) == (1, 1)


def test_waits_grow_to_minutes_and_are_not_shorter_than_the_receiver_asks_for() -> None:
    for attempt, nominal in ((1, 1), (2, 2), (5, 16), (9, 256), (10, 300), (2000, 300)):
        assert 0.75 * nominal <= wait_seconds(attempt, LATER, FIRST_SECONDS, LONGEST_SECONDS) <= 1.25 * nominal
    assert wait_seconds(1, Outcome(Verdict.LATER, "answered 429", after=1000), FIRST_SECONDS, LONGEST_SECONDS) == 1000
