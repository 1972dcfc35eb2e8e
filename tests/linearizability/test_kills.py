"""`events-api`, its store, or both are killed under load: nothing that was answered is lost, and all of it is told."""

import os
import random
from pathlib import Path

from storage.audit import audit
from tests.apparatus.receiver import distinct
from tests.linearizability.clients import create_people
from tests.linearizability.kills import VICTIMS, kill, local
from tests.linearizability.report import Figures
from tests.linearizability.told import misled

#: A new seed every time; KILL_SEED repeats one.
SEED = int(os.environ.get("KILL_SEED", random.getrandbits(32)))


def test_every_history_is_linearizable_the_tables_are_right_and_each_change_is_told(tmp_path: Path) -> None:
    """Every other run requires tokens."""
    figures = Figures()
    recorded = []
    with local(tmp_path, tokens=SEED % 2 == 0) as running:
        create_people([running.url], running.issuer)
        for seed, victim in enumerate(VICTIMS, SEED):
            recorded.append(kill(running, seed, victim))
            found = figures.judge(recorded[-1])
            assert not found, f"KILL_SEED={seed}: {found}"
        assert list(audit(running.tables)) == []
        running.wait_until_all_is_told()
    assert set(running.killed) == set(VICTIMS)
    told = distinct(running.receiver.asked)
    for history in recorded:
        wrong = misled(history, told)
        assert not wrong, f"KILL_SEED={SEED}: {wrong}"
