"""A bus is told entries in order, and repeats what it refuses."""

from typing import Any

import pytest

from storage.dynamodb.bus import ATTEMPTS, MAX_ENTRIES, Bus, Entry, NotToldError


class Events:
    """EventBridge, which refuses what a list of attempts says, by the detail of the entries."""

    def __init__(self, *refused: set[str]) -> None:
        self.calls: list[list[str]] = []
        self._refused = list(refused)

    def put_events(self, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803 - the name that boto3 gives it
        details = [entry["Detail"] for entry in Entries]
        self.calls.append(details)
        refused = self._refused.pop(0) if self._refused else set()
        return {"Entries": [{"ErrorCode": "ThrottlingException"} if one in refused else {} for one in details]}


def tell(events: Events, *entries: tuple[str, str]) -> None:
    bus = Bus("bus", "tests", events, lambda _seconds: None)
    bus.tell(Entry(subject, "kind", detail) for subject, detail in entries)


def test_a_call_has_ten_entries_at_most() -> None:
    events = Events()
    tell(events, *((f"user-{number}", str(number)) for number in range(23)))
    assert [len(call) for call in events.calls] == [MAX_ENTRIES, MAX_ENTRIES, 3]
    assert [one for call in events.calls for one in call] == [str(number) for number in range(23)]


def test_what_is_about_one_subject_is_in_different_calls() -> None:
    """A bus may refuse the first entry of a call and take the second."""
    events = Events({"came"})
    tell(events, ("ann", "came"), ("bob", "came too"), ("ann", "left"))
    assert events.calls == [["came", "came too"], ["came"], ["left"]]


def test_only_what_was_refused_is_repeated() -> None:
    events = Events({"1", "3"}, {"3"})
    tell(events, *((f"user-{number}", str(number)) for number in range(5)))
    assert events.calls == [["0", "1", "2", "3", "4"], ["1", "3"], ["3"]]


def test_what_is_refused_too_often_raises_and_nothing_later_is_told() -> None:
    events = Events(*[{"came"}] * ATTEMPTS)
    with pytest.raises(NotToldError, match="1 of 2 entries are refused: ThrottlingException"):
        tell(events, ("ann", "came"), ("bob", "came too"), ("ann", "left"))
    assert events.calls == [["came", "came too"], *[["came"]] * (ATTEMPTS - 1)]


def test_no_entry_is_no_call() -> None:
    events = Events()
    tell(events)
    assert events.calls == []
