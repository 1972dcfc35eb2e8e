"""CPU per request through the Lambda entry point, on a DynamoDB with fixed responses."""

from typing import Final

from tests.bench.calls import CALLS
from tests.bench.fake_dynamodb import fake_dynamodb
from tests.bench.options import Options
from tests.bench.results import Row, Table
from tests.bench.workers import SIDES, Side, WorkerProcess, interleaved, workers

#: Number of requests before the first figure, and in each figure.
_WARM_UP: Final = 100
_REQUESTS: Final = 100


def measure(options: Options) -> Table:
    """Measure every call, in microseconds of CPU of all threads of the worker."""
    with fake_dynamodb() as url, workers(url) as both:
        return Table(
            "CPU per request through the Lambda entry",
            rows(options, both, _REQUESTS),
            "From an event of API Gateway (payload 2.0) to the response, on a DynamoDB with fixed responses.",
        )


def rows(options: Options, both: dict[Side, WorkerProcess], requests: int) -> list[Row]:
    """Measure the calls on two workers; each figure is the mean of `requests` requests."""
    return [_row(options, both, call.name, requests) for call in CALLS if options.wants(call.name)]


def _row(options: Options, both: dict[Side, WorkerProcess], call: str, requests: int) -> Row:
    for worker in both.values():
        worker.do("cpu", call=call, count=options.few(_WARM_UP))
    count = options.few(requests)
    figures = interleaved(options.rounds, lambda side: float(both[side].do("cpu", call=call, count=count)), SIDES)
    return Row.of(call, "µs", figures)
