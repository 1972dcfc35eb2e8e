"""CPU per request through the Lambda entry point, on a DynamoDB with fixed responses."""

from collections.abc import Mapping
from typing import Final

from tests.bench.calls import CALLS, Call
from tests.bench.fake_dynamodb import fake_dynamodb
from tests.bench.options import Options
from tests.bench.results import Row, Table
from tests.bench.workers import SIDES, Side, WorkerProcess, environment, interleaved, workers

#: Number of requests before the first figure, and in each figure.
_WARM_UP: Final = 100
_REQUESTS: Final = 100


def measure(options: Options) -> list[Table]:
    """Measure every call, in microseconds of CPU of all threads of the worker."""
    with fake_dynamodb() as url, workers(environment(url)) as started:
        rows = [_row(options, started, call) for call in CALLS if options.wants(call.name)]
    return [Table("CPU per request on Lambda", rows)]


def _row(options: Options, started: Mapping[Side, WorkerProcess], call: Call) -> Row:
    """Measure one call; each figure is the mean of many requests."""
    sides = [side for side in SIDES if side != "bare" or not call.validated]
    for side in sides:
        started[side].do("cpu", call, count=options.few(_WARM_UP))
    count = options.few(_REQUESTS)
    figures = interleaved(options.rounds, lambda side: float(started[side].do("cpu", call, count=count)), sides)
    return Row(call.name, "µs", figures)
