"""Both sides beside each other: each in a process of its own, measured in turns."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final, Literal

from tests.bench.calls import STAGE

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
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL_DYNAMODB": store_url,
        "STAGE": STAGE,
    }


@contextmanager
def workers(store_url: str) -> Iterator[dict[Side, Remote]]:
    """Run a worker for each side as long as the context lasts."""
    with ExitStack() as stack:
        started = {}
        for side in SIDES:
            process = stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-m", "tests.bench.worker", side],
                    cwd=ROOT,
                    env=environment(store_url),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            started[side] = Remote(process)
        yield started


def in_turns(rounds: int, measure: Callable[[Side], float]) -> dict[Side, list[float]]:
    """Measure both sides so many times, one after the other; who is first alternates."""
    measured: dict[Side, list[float]] = {side: [] for side in SIDES}
    for number in range(rounds):
        for side in SIDES if number % 2 == 0 else reversed(SIDES):
            measured[side].append(measure(side))
    return measured
