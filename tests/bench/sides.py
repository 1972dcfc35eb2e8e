"""Both sides beside each other: each in a process of its own, measured in turns."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

from storage.embedded import EMULATOR_ACCESS as ACCESS
from tests.bench.calls import STAGE

Who = TypeVar("Who", bound=str)
Figure = TypeVar("Figure")
Side = Literal["ours", "peer"]
SIDES: Final[tuple[Side, Side]] = ("ours", "peer")
ROOT: Final = Path(__file__).parents[2]


class Remote:
    """A worker in another process."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        """Take the process."""
        self._process = process

    def do(self, name: str, **arguments: Any) -> Any:
        """Tell the worker to do something, and return what it answers."""
        assert self._process.stdin
        assert self._process.stdout
        print(json.dumps({"do": name, **arguments}), file=self._process.stdin, flush=True)
        return json.loads(self._process.stdout.readline())


def environment(store_url: str) -> dict[str, str]:
    """Return the environment that both sides run in: that of the function, on this store."""
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
def workers(store_url: str) -> Iterator[dict[Side, Remote]]:
    """Run a worker for each side as long as the context lasts."""
    with ExitStack() as stack:
        yield {side: stack.enter_context(worker(side, environment(store_url))) for side in SIDES}


@contextmanager
def worker(side: Side, environ: Mapping[str, str], kind: Literal["plain", "metered"] = "plain") -> Iterator[Remote]:
    """Run a worker for one side in an environment."""
    command = [sys.executable, "-m", "tests.bench.worker", kind, side]
    pipes = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, env=environ, stdin=pipes, stdout=pipes, text=True) as process:
        yield Remote(process)


def in_turns(rounds: int, measure: Callable[[Who], Figure], sides: Sequence[Who]) -> dict[Who, list[Figure]]:
    """Measure all sides so many times, one after the other; each round in the opposite order of the last."""
    measured: dict[Who, list[Figure]] = {side: [] for side in sides}
    for number in range(rounds):
        for side in sides if number % 2 == 0 else reversed(sides):
            measured[side].append(measure(side))
    return measured
