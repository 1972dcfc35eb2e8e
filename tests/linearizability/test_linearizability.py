"""Histories of the real service: short ones here, and as many as one likes with `python -m tests.linearizability`."""

import os
import random

import pytest

from storage.audit import audit
from storage.dynamodb.tables import Tables
from tests.apparatus.proxy import Fault, seeded
from tests.linearizability.__main__ import main
from tests.linearizability.clients import create_people, record
from tests.linearizability.report import Figures
from tests.linearizability.service import BACK, FRONT, Service, service

#: A new seed every time; HISTORY_SEED repeats one.
SEED = int(os.environ.get("HISTORY_SEED", random.getrandbits(32)))
#: Lost replies of the store cost the server a pause before it asks again, and are left to the long campaign.
SLOW_STORE = {Fault.DELAY: BACK[Fault.DELAY]}


def test_every_answer_of_every_history_is_right_and_so_are_the_tables_at_the_end(running: Service) -> None:
    """Half of them lose requests and answers on the way, and repeat what nobody knows the outcome of."""
    figures = Figures()
    for seed in range(SEED, SEED + 16):
        lossy = bool(seed % 2)
        running.front.plan = seeded(seed, FRONT if lossy else {})
        running.back.plan = seeded(seed, SLOW_STORE)
        found = figures.judge(record(running.url, seed, clients=4, steps=5))
        assert not found, f"HISTORY_SEED={seed}: {found}"
    assert figures.unknown
    assert running.front.met[Fault.LOSE_REPLY]
    assert list(audit(running.tables)) == []


@pytest.mark.parametrize("mutant", ["give-a-place-twice", "promote-nobody", "promote-the-last"])
def test_a_service_that_breaks_a_rule_is_found_out(ministack_tables: Tables, store_url: str, mutant: str) -> None:
    with service(ministack_tables, store_url, mutant) as running:
        create_people(running.url)
        figures = Figures()
        judged = (figures.judge(record(running.url, seed, clients=3, steps=20)) for seed in range(20))
        found = next(filter(None, judged), None)
    assert found
    assert "No order of these" in found


def test_the_command_ends_with_the_smallest_history_that_shows_how_a_seat_was_given_twice(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The service is one whose first condition, that a seat is free, is dropped."""
    with pytest.raises(SystemExit) as end:
        main(["--mutant", "oversell", "--histories", "30", "--seed", "1"])
    said = str(end.value)
    assert said.startswith("seed ")
    assert "No order of these" in said
    assert said.count("->") < 15, said
    assert "python -m tests.linearizability --histories=30" in capsys.readouterr().out
