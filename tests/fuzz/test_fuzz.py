"""Fuzzes the service in this process with requests generated from its contract, with a new seed every time.

FUZZ_SEED repeats a run, FUZZ_EXAMPLES is the number of cases per operation (default 10), and FUZZ_CASES=50000 is a
minimum number of cases: the run repeats all phases, and prints its progress, until it is reached.
"""

import logging
import os
import random
import subprocess
import tomllib
from pathlib import Path

import pytest

from handlers.app import create_app
from handlers.contract import Contract
from storage.dynamodb.tables import Tables
from storage.schema import TABLES
from tests.apparatus.response_check import ResponseCheck
from tests.apparatus.server import SCRIPTS, running
from tests.fuzz.run import CONFIG, fuzz, summary


def test_a_fuzzer_of_the_contract_finds_no_fault(
    moto_tables: Tables, tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """TraceCov measures that every operation, parameter and keyword is met with valid and with invalid values."""
    seed = int(os.environ.get("FUZZ_SEED", random.getrandbits(32)))
    max_examples, at_least = int(os.environ.get("FUZZ_EXAMPLES", "10")), int(os.environ.get("FUZZ_CASES", "0"))

    caplog.set_level(logging.CRITICAL, "handlers.requests")  # It would print a line per request.
    app = ResponseCheck(create_app(moto_tables))

    def afresh() -> None:
        """Free the memory in which moto keeps every item that a table ever had."""
        for table in TABLES:
            moto_tables.client.delete_table(TableName=table)
        moto_tables.create_missing()

    with capsys.disabled():
        run = fuzz(app, max_examples=max_examples, seed=seed, at_least=at_least, afresh=afresh)
        print(f"\n{run} (repeat with FUZZ_SEED={run.seed})\n{run.coverage.generate_text_summary(colored=False)}")  # noqa: T201 - the seed must be seen
    if run.findings:
        details = tmp_path / "findings.txt"
        details.write_text("\n\n".join(f"{finding}\n{finding.details}" for finding in run.findings))
        pytest.fail(
            f"{len(run.findings)} findings, in full in {details}; repeat with FUZZ_SEED={run.seed}\n\n"
            f"{summary(run.findings)}",
            pytrace=False,
        )
    missed = run.missed()
    assert not missed, f"seed {seed} never met these parts of the contract; try a greater FUZZ_EXAMPLES"


def test_schemathesis_alone_finds_no_fault_and_has_no_warning(tmp_path: Path) -> None:
    """`st run openapi.yaml`, the command of a newcomer to this repository, with fewer examples."""
    with running("--memory", folder=tmp_path) as server:
        command = [str(SCRIPTS / "st"), "run", "openapi.yaml", "--url", server.url, "--max-examples", "5"]
        done = subprocess.run(command, cwd=CONFIG.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No issues found" in done.stdout


def test_schemathesis_alone_uses_the_local_server() -> None:
    local = Contract().document["servers"][1]["url"]
    assert tomllib.loads(CONFIG.read_text())["base-url"] == local
