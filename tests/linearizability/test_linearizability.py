"""Short histories of the real service; `python -m tests.linearizability` records any number of longer ones."""

import os
import random

import pytest

from storage.audit import audit
from storage.dynamodb.tables import Tables
from tests.apparatus.proxy import Fault, seeded
from tests.linearizability.__main__ import main
from tests.linearizability.checker import check
from tests.linearizability.clients import Recorded, create_people, record
from tests.linearizability.report import Figures, violation
from tests.linearizability.service import BACK, FRONT, Service, service
from tests.linearizability.state import REFUSALS

#: A new seed every time; HISTORY_SEED repeats one.
SEED = int(os.environ.get("HISTORY_SEED", random.getrandbits(32)))
#: Without lost replies of the store, which cost the server a timeout; the command has them.
SLOW_STORE = {Fault.DELAY: BACK[Fault.DELAY]}


def test_every_history_is_linearizable_and_the_audit_of_the_tables_finds_nothing(
    running: Service, with_tokens: Service
) -> None:
    """In half of the histories requests and replies are lost, and clients retry those of unknown outcome.

    Half of both require tokens, and each caller may do what the model expects.
    """
    figures = Figures()
    for seed in range(SEED, SEED + 16):
        lossy, chosen = bool(seed % 2), with_tokens if seed % 4 < 2 else running
        chosen.plan_faults(seeded(seed, FRONT if lossy else {}), seeded(seed, SLOW_STORE))
        found = figures.judge(record(chosen.urls, seed, chosen.issuer, clients=4, steps=5))
        assert not found, f"HISTORY_SEED={seed}: {found}"
    assert figures.unknown
    assert any(instance.front.met[Fault.LOSE_REPLY] for instance in (*running.instances, *with_tokens.instances))
    # One seed in a hundred draws none of one kind of caller.
    assert any(figures.outcomes[f"{caller}: {status}"] for caller, status in REFUSALS.items())
    assert list(audit(running.tables)) == []


@pytest.mark.parametrize("mutant", ["give-a-place-twice", "promote-nobody", "promote-the-last", "delete-only-the-user"])
def test_a_service_that_breaks_a_rule_is_detected(ministack_tables: Tables, store_url: str, mutant: str) -> None:
    with service(ministack_tables, store_url, mutant, servers=1) as running:
        assert first_violation(running)


def test_servers_that_remember_an_event_while_another_changes_it_are_detected(
    ministack_tables: Tables, store_url: str
) -> None:
    with service(ministack_tables, store_url, "remember-events") as running:
        assert first_violation(running)


def test_an_answer_to_another_request_in_the_same_transaction_is_detected(
    ministack_tables: Tables, store_url: str
) -> None:
    with service(ministack_tables, store_url, "answer-another", servers=1) as running:
        assert first_violation(running, clients=8)


@pytest.mark.parametrize("mutant", ["forget-the-owner", "forget-owners-in-a-group", "mix-up-callers"])
def test_a_service_that_lets_a_caller_do_what_only_another_may_do_is_detected(
    ministack_tables: Tables, store_url: str, mutant: str
) -> None:
    with service(ministack_tables, store_url, mutant, servers=1, tokens=True) as running:
        found = first_violation(running, clients=8)
        assert found
        assert " by " in violation(found)


def first_violation(running: Service, clients: int = 3) -> Recorded | None:
    create_people(running.urls, running.issuer)
    recorded = (record(running.urls, seed, running.issuer, clients=clients, steps=20) for seed in range(20))
    return next((found for found in recorded if not check(found.initial, found.operations).explained), None)


def test_the_command_prints_a_minimal_history_of_how_a_seat_was_given_twice(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The mutant drops the condition that a seat is free."""
    with pytest.raises(SystemExit) as end:
        main(["--mutant", "oversell", "--servers", "1", "--histories", "30", "--seed", "1"])
    message = str(end.value)
    assert message.startswith("seed ")
    assert "No order of these" in message
    assert message.count("->") < 15, message
    assert "python -m tests.linearizability --histories=30" in capsys.readouterr().out
