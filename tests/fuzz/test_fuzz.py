"""The service, fuzzed by its own contract in this process, with a new seed every time.

FUZZ_SEED repeats a run, FUZZ_EXAMPLES makes it longer (the default is 10).
"""

import os
import random

import pytest

from handlers.app import create_app
from storage.tables import Tables
from tests.fuzz.run import fuzz


def test_nothing_that_a_fuzzer_makes_of_the_contract_finds_a_fault(
    tables: Tables, capsys: pytest.CaptureFixture[str]
) -> None:
    """TraceCov sees every operation, parameter and keyword of the contract met with right and with wrong values."""
    seed = int(os.environ.get("FUZZ_SEED", random.getrandbits(32)))

    run = fuzz(
        create_app(tables, check_responses=True), max_examples=int(os.environ.get("FUZZ_EXAMPLES", "10")), seed=seed
    )

    with capsys.disabled():
        print(f"\n{run} (repeat with FUZZ_SEED={run.seed})\n{run.coverage.generate_text_summary(colored=False)}")  # noqa: T201 - the seed must be seen
    assert not run.findings, "\n\n".join(run.findings)
    assert run.written
    assert run.inferred
    missed = [
        gap for gap in run.coverage.coverage_gaps() if gap["kind"] not in {"response_uncovered", "example_unseen"}
    ]
    assert not missed
