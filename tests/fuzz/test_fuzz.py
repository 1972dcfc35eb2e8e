"""The service, fuzzed by its own contract in this process, with a new seed every time.

FUZZ_SEED repeats a run, FUZZ_EXAMPLES is the number of cases an operation (the default is 10), and with
FUZZ_CASES=50000 the run goes on with new ones, and shows how far it is, until there were so many.
"""

import os
import random

import pytest

from handlers.app import create_app
from storage.dynamodb.tables import Tables
from storage.schema import TABLES
from tests.fuzz.run import fuzz


def test_nothing_that_a_fuzzer_makes_of_the_contract_finds_a_fault(
    moto_tables: Tables, capsys: pytest.CaptureFixture[str]
) -> None:
    """TraceCov sees every operation, parameter and keyword of the contract met with right and with wrong values."""
    seed = int(os.environ.get("FUZZ_SEED", random.getrandbits(32)))
    max_examples, at_least = int(os.environ.get("FUZZ_EXAMPLES", "10")), int(os.environ.get("FUZZ_CASES", "0"))

    app = create_app(moto_tables, check_responses=True)

    def afresh() -> None:
        """Give back the memory in which moto keeps every item that a table ever had."""
        for table in TABLES:
            moto_tables.client.delete_table(TableName=table)
        moto_tables.create_missing()

    with capsys.disabled():
        run = fuzz(app, max_examples=max_examples, seed=seed, at_least=at_least, afresh=afresh)
        print(f"\n{run} (repeat with FUZZ_SEED={run.seed})\n{run.coverage.generate_text_summary(colored=False)}")  # noqa: T201 - the seed must be seen
    assert not run.findings, "\n\n".join(run.findings)
    assert run.written
    assert run.inferred
    missed = [
        gap for gap in run.coverage.coverage_gaps() if gap["kind"] not in {"response_uncovered", "example_unseen"}
    ]
    assert not missed
