"""The CPU of the framework alone: the same events and entry points, with the store stubbed out."""

from typing import Final

from tests.bench import lambda_cpu
from tests.bench.fake_dynamodb import fake_dynamodb
from tests.bench.options import Options
from tests.bench.results import Table
from tests.bench.workers import workers

_REQUESTS: Final = 400


def measure(options: Options) -> Table:
    """Measure every call, in microseconds of CPU."""
    # The entry points connect to a store when they are loaded, and send it nothing afterwards.
    with fake_dynamodb() as url, workers(url) as both:
        for worker in both.values():
            worker.do("stub")
        return Table(
            "Framework alone, store stubbed",
            lambda_cpu.rows(options, both, _REQUESTS),
            "The same requests, with our storage functions and the peer's repositories replaced by fixed models.",
        )
