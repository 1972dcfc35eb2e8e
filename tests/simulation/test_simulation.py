"""Many clients, one at a time, in an order and with faults that a seed decides: no promise is ever broken."""

import random
from collections import Counter

import pytest

from tests.simulation import __main__ as command
from tests.simulation.network import Fault
from tests.simulation.run import Outcome, simulate

FIXED = range(150)
NEW = 150


def run(seeds: range) -> tuple[Counter[str], Counter[Fault]]:
    figures: Counter[str] = Counter()
    faults: Counter[Fault] = Counter()
    for seed in seeds:
        outcome = simulate(seed)
        assert outcome.violation is None, "\n".join(command.replayed(outcome))
        figures, faults = figures + outcome.figures, faults + outcome.faults
    return figures, faults


def test_no_promise_is_broken_in_the_schedules_of_a_fixed_set_of_seeds() -> None:
    """They meet every kind of fault, conflict, and promote."""
    figures, faults = run(FIXED)
    assert set(faults) == set(Fault)
    assert all(figures[name] > 0 for name in ("conflicts", "promotions", "places in the queue", "seats"))


def test_no_promise_is_broken_in_schedules_of_new_seeds(capsys: pytest.CaptureFixture[str]) -> None:
    seed = random.getrandbits(32)
    with capsys.disabled():
        print(f"\nsimulation: {NEW} schedules from seed {seed} (repeat: python -m tests.simulation --seed {seed})")  # noqa: T201 - the seed must be seen
    run(range(seed, seed + NEW))


def test_a_seed_replays_its_schedule_exactly() -> None:
    for seed in range(20):
        first, second = simulate(seed, told=True), simulate(seed, told=True)
        # Versions are drawn by the ledger itself, and decide nothing.
        assert _without_versions(first) == _without_versions(second)
        assert first.faults == second.faults
        assert simulate(seed).figures == first.figures


def _without_versions(outcome: Outcome) -> list[str]:
    return [line for line in outcome.history if "version" not in line and "expected" not in line]


def test_the_command_prints_figures_and_ends_with_0(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["simulation", "--schedules", "5", "--seed", "7"])
    assert command.main() == 0
    printed = capsys.readouterr().out
    assert "5 schedules from seed 7" in printed
    assert "transactions" in printed


def test_on_a_violation_the_command_prints_seed_and_history_and_ends_with_1(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(seed: int, *, told: bool = False) -> Outcome:
        return Outcome(seed, "a promise is broken", ["what happened"] if told else [])

    monkeypatch.setattr(command, "simulate", broken)
    monkeypatch.setattr("sys.argv", ["simulation", "--seed", "7"])
    assert command.main() == 1
    printed = capsys.readouterr().out
    assert "what happened\nseed 7: a promise is broken\n" in printed
    assert "--seed 7 --schedules 1" in printed
