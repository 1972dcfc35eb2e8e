"""A history that is too wide to be checked is reported and replaced, and too many of them are a failure."""

import pytest

from tests.linearizability import checker
from tests.linearizability.checker import Operation
from tests.linearizability.clients import Recorded
from tests.linearizability.model import Answer
from tests.linearizability.report import judge_all
from tests.linearizability.state import Call, State

CONFIRMED = Operation(1, Call("register", "ann"), 0, 1, Answer(201, {"status": "confirmed"}))
WIDE = [Operation(1, Call("register", user), 0) for user in "abcdef"]


@pytest.fixture(autouse=True)
def _limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checker, "LIMIT", 10)


def recorded(seed: int, *, wide: int) -> Recorded:
    """Return a history, for every `wide`th seed one that is too wide."""
    operations = [CONFIRMED, *WIDE, *[CONFIRMED] * 2] if seed % wide == 0 else [CONFIRMED]
    return Recorded("e", State(capacity=3), operations)


def test_an_undecided_history_is_shown_and_another_takes_its_place(capsys: pytest.CaptureFixture[str]) -> None:
    judge_all(range(1, 21), lambda seed: recorded(seed, wide=11), every=10)
    lines = capsys.readouterr().out.splitlines()
    assert "seed 11: undecided: too wide to be checked, with 6 of 9 operations of unknown outcome" in lines
    assert lines[-2].startswith("20 histories, 20 operations, 0 of unknown outcome;")
    assert lines[-2].endswith("; 1 more undecided")


def test_a_run_without_an_undecided_history_does_not_mention_any(capsys: pytest.CaptureFixture[str]) -> None:
    judge_all(range(1, 4), lambda seed: recorded(seed, wide=11), every=10)
    assert "undecided" not in capsys.readouterr().out


def test_more_than_a_tenth_undecided_is_a_failure() -> None:
    with pytest.raises(SystemExit, match="seed 15: 3 histories of 20 are undecided"):
        judge_all(range(1, 21), lambda seed: recorded(seed, wide=5), every=10)
