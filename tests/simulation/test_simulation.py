"""Clients run in a seeded order, with seeded faults, and no promise is ever broken."""

import random
import uuid
from collections import Counter
from typing import Any

import pytest

from tests.simulation import __main__ as command
from tests.simulation.network import Client, Fault
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
    """Together these schedules meet every kind of fault, conflicts and promotions."""
    figures, faults = run(FIXED)
    assert set(faults) == set(Fault)
    assert all(figures[name] > 0 for name in ("conflicts", "promotions", "places in the queue", "seats", "repetitions"))


def test_no_promise_is_broken_in_schedules_of_new_seeds(capsys: pytest.CaptureFixture[str]) -> None:
    seed = random.getrandbits(32)
    with capsys.disabled():
        print(f"\nsimulation: {NEW} schedules from seed {seed} (replay: python -m tests.simulation --seed {seed})")  # noqa: T201 - the seed must be seen
    run(range(seed, seed + NEW))


def test_a_transaction_that_is_sent_again_under_a_new_token_is_detected(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then a lost reply and a busy store behind it can end in a refusal of what was done."""
    send = Client.transact_write_items

    def with_a_new_token(client: Client, **request: Any) -> dict[str, Any]:
        return send(client, **request | {"ClientRequestToken": str(uuid.uuid4())})

    monkeypatch.setattr(Client, "transact_write_items", with_a_new_token)
    violations = (simulate(seed).violation for seed in range(500))
    assert any("although the outcome of a transaction is unknown" in (violation or "") for violation in violations)


def test_a_seed_replays_its_schedule_exactly() -> None:
    for seed in range(20):
        first, second = simulate(seed, trace=True), simulate(seed, trace=True)
        assert first.trace == second.trace
        assert first.faults == second.faults
        assert simulate(seed).figures == first.figures


def test_the_command_prints_figures_and_exits_with_0(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["simulation", "--schedules", "5", "--seed", "7"])
    assert command.main() == 0
    printed = capsys.readouterr().out
    assert "5 schedules from seed 7" in printed
    assert "transactions" in printed


def test_the_command_names_mutants_that_no_schedule_detects_and_exits_with_1(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "DEMANDS_SCHEDULES", 4)
    monkeypatch.setattr("sys.argv", ["simulation", "--mutants", "--schedules", "4"])
    assert command.main() == 1
    printed = capsys.readouterr().out
    name = "Put EVENT# USER# attribute_not_exists ( #pk ) of attribute_not_exists(#pk)"
    assert f"{name}: seed 3: event e0, transaction 7: the count of the confirmed is wrong" in printed
    assert ": NOT CAUGHT\n" in printed
    assert " mutants caught in " in printed


def test_on_a_violation_the_command_prints_seed_and_trace_and_exits_with_1(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(seed: int, *, trace: bool = False) -> Outcome:
        return Outcome(seed, "a promise is broken", ["a line of the trace"] if trace else [])

    monkeypatch.setattr(command, "simulate", broken)
    monkeypatch.setattr("sys.argv", ["simulation", "--seed", "7"])
    assert command.main() == 1
    printed = capsys.readouterr().out
    assert "a line of the trace\nseed 7: a promise is broken\n" in printed
    assert "--seed 7 --schedules 1" in printed
