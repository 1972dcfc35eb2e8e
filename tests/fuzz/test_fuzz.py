"""Fuzzes the service in this process with requests generated from its contract, with a new seed every time.

FUZZ_SEED repeats a run, FUZZ_EXAMPLES is the number of cases per operation (default 5), and FUZZ_CASES=50000 is a
minimum number of cases: the run repeats all phases, and prints its progress, until it is reached.
"""

import logging
import os
import random
import subprocess
import time
import tomllib
from pathlib import Path
from typing import Any

import pytest

from handlers.app import app_from, create_app
from handlers.contract import Contract
from storage.dynamodb.tables import Tables
from storage.schema import TABLES
from tests.apparatus.issuer import ADMIN, ORGANIZER, Issuer, issuing
from tests.apparatus.response_check import ResponseCheck
from tests.apparatus.server import SCRIPTS, running
from tests.fuzz.callers import Caller, Callers
from tests.fuzz.run import CONFIG, DAY, Run, fuzz, summary


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Keep the log from printing a line per request."""
    caplog.set_level(logging.CRITICAL, "handlers.requests")


def test_a_fuzzer_of_the_contract_finds_no_fault(
    moto_tables: Tables, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """TraceCov measures that every operation, parameter and keyword is met with valid and with invalid values."""
    with capsys.disabled():
        run = _fuzzed(create_app(moto_tables), moto_tables, tmp_path)

    missed = run.missed()
    assert not missed, f"seed {run.seed} never met these parts of the contract; try a greater FUZZ_EXAMPLES"


def test_with_tokens_each_caller_may_do_what_the_contract_says_and_nothing_else(
    moto_tables: Tables, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two organizers, a person and an administrator, with `ignored_auth`, which leaves their tokens out."""
    with issuing() as issuer, capsys.disabled():
        callers = Callers(
            _caller(issuer, "olga", ORGANIZER),
            _caller(issuer, "otto", ORGANIZER),
            _caller(issuer, "user-123"),
            _caller(issuer, "root", ADMIN),
        )
        app = app_from(issuer.variables, tables=moto_tables)
        _fuzzed(app, moto_tables, tmp_path, set_up=callers.send, enough=lambda _run: True)


def _caller(issuer: Issuer, user_id: str, *roles: str) -> Caller:
    token = issuer.token(user_id, *roles, exp=int(time.time()) + DAY)
    return Caller(user_id, token, organizer=ORGANIZER in roles, admin=ADMIN in roles)


def _fuzzed(app: Any, tables: Tables, folder: Path, **more: Any) -> Run:
    """Fuzz an application as the environment says, and print the figures; `more` is for `fuzz`."""
    seed = int(os.environ.get("FUZZ_SEED", random.getrandbits(32)))
    max_examples, at_least = int(os.environ.get("FUZZ_EXAMPLES", "5")), int(os.environ.get("FUZZ_CASES", "0"))

    def afresh() -> None:
        """Free the memory in which moto keeps every item that a table ever had."""
        for table in TABLES:
            tables.client.delete_table(TableName=table)
        tables.create_missing()

    run = fuzz(ResponseCheck(app), max_examples=max_examples, seed=seed, at_least=at_least, afresh=afresh, **more)
    print(f"\n{run} (repeat with FUZZ_SEED={run.seed})\n{run.coverage.generate_text_summary(colored=False)}")  # noqa: T201 - the seed must be seen
    if run.findings:
        details = folder / "findings.txt"
        details.write_text("\n\n".join(f"{finding}\n{finding.details}" for finding in run.findings))
        pytest.fail(
            f"{len(run.findings)} findings, in full in {details}; repeat with FUZZ_SEED={run.seed}\n\n"
            f"{summary(run.findings)}",
            pytrace=False,
        )
    return run


def test_schemathesis_alone_finds_no_fault_and_has_no_warning(tmp_path: Path) -> None:
    """`st run openapi.yaml`, the command of a newcomer to this repository, with fewer examples."""
    with running("--memory", folder=tmp_path) as server:
        command = [str(SCRIPTS / "st"), "run", "openapi.yaml", "--url", server.url, "--max-examples", "2"]
        done = subprocess.run(command, cwd=CONFIG.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No issues found" in done.stdout


def test_schemathesis_alone_uses_the_local_server() -> None:
    local = Contract().document["servers"][1]["url"]
    assert tomllib.loads(CONFIG.read_text())["base-url"] == local
