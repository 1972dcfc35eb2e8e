"""The sides of the comparison, each in a worker process, and interleaved rounds of measurement."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, Literal, TypeVar, get_args

from storage.embedded import EMULATOR_ACCESS as ACCESS
from tests.bench.calls import STAGE, Call

Name = TypeVar("Name", bound=str)
Figure = TypeVar("Figure")
#: The service, and the peers that it is compared with.
Side = Literal["ours", "fastapi_async", "fastapi_def", "powertools", "bare"]
SIDES: Final[tuple[Side, ...]] = get_args(Side)
ROOT: Final = Path(__file__).parents[2]


class WorkerProcess:
    """A process that runs `tests.bench.worker`."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        """Take the process."""
        self._process = process

    def do(self, name: str, call: Call, **arguments: Any) -> Any:
        """Call a method of the worker for a request, and return its result."""
        assert self._process.stdin
        assert self._process.stdout
        print(json.dumps({"do": name, **asdict(call), **arguments}), file=self._process.stdin, flush=True)
        return json.loads(self._process.stdout.readline())


def environment(store_url: str) -> dict[str, str]:
    """Return the environment of the Lambda function, with this store."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTHON"))}
    return kept | {
        "AWS_ACCESS_KEY_ID": ACCESS["aws_access_key_id"],
        "AWS_SECRET_ACCESS_KEY": ACCESS["aws_secret_access_key"],
        "AWS_REGION": ACCESS["region_name"],
        "AWS_DEFAULT_REGION": ACCESS["region_name"],
        "AWS_ENDPOINT_URL_DYNAMODB": store_url,
        "STAGE": STAGE,
    }


@contextmanager
def workers(environ: Mapping[str, str], sides: Iterable[Side] = SIDES) -> Iterator[dict[Side, WorkerProcess]]:
    """Run a worker for each side until the context ends."""
    with ExitStack() as stack:
        yield {side: stack.enter_context(worker(side, environ)) for side in sides}


@contextmanager
def worker(
    side: Side, environ: Mapping[str, str], kind: Literal["plain", "metered"] = "plain"
) -> Iterator[WorkerProcess]:
    """Run a worker for one side until the context ends."""
    command = [sys.executable, "-m", "tests.bench.worker", kind, side]
    pipes = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, env=environ, stdin=pipes, stdout=pipes, text=True) as process:
        yield WorkerProcess(process)


def interleaved(rounds: int, measure: Callable[[Name], Figure], sides: Sequence[Name]) -> dict[Name, list[Figure]]:
    """Measure each side once per round, and reverse the order in every second round."""
    measured: dict[Name, list[Figure]] = {side: [] for side in sides}
    for number in range(rounds):
        for side in sides if number % 2 == 0 else reversed(sides):
            measured[side].append(measure(side))
    return measured
