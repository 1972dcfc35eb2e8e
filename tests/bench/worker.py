"""A worker process: `python -m tests.bench.worker plain|metered SIDE` loads the Lambda entry point of a side.

Each line of JSON on standard input, `{"do": METHOD, …}`, calls a method of the worker; its result is a line of JSON on
standard output. Output of the entry point itself is discarded: on Lambda it goes to the log.
"""

import gc
import itertools
import json
import os
import sys
import time
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import boto3

from tests.apparatus.gateway_events import Context
from tests.apparatus.meter import Meter
from tests.bench.calls import Call, gateway_event


class Worker:
    """Answers events through the entry point of one side."""

    def __init__(self, side: str) -> None:
        """Load the entry point, as a cold start does."""
        entry = import_module("handlers.aws_lambda" if side == "ours" else f"tests.bench.peers.{side}")
        self._handler = entry.handler

    def answer(self, **call: Any) -> dict[str, Any]:
        """Return the response to a call, which is given by its fields."""
        answer: dict[str, Any] = self._handler(gateway_event(Call(**call)), Context())
        return answer

    def cpu(self, count: int, tokens: Sequence[str] = (), **call: Any) -> float:
        """Return the mean CPU of `count` responses in microseconds, of all threads of this process.

        The requests take turns with the tokens, if there are any.
        """
        text, context = json.dumps(gateway_event(Call(**call))), Context()
        events = [json.loads(text) for _ in range(count)]
        for event, token in zip(events, itertools.cycle(tokens), strict=False):
            event["headers"]["authorization"] = f"Bearer {token}"
        gc.collect()
        start = time.process_time_ns()
        for event in events:
            self._handler(event, context)
        return (time.process_time_ns() - start) / count / 1000


class MeteredWorker(Worker):
    """Answers events, and counts their DynamoDB calls and request units."""

    def __init__(self, side: str) -> None:
        """Attach the meter to the session that creates the side's client."""
        self._meter = Meter()
        boto3.setup_default_session()
        session: Any = boto3.DEFAULT_SESSION
        # Not among the first hooks: the body of ours is written by one of them.
        session.events.register("before-call.dynamodb", self._before)
        session.events.register("after-call.dynamodb", self._after)
        super().__init__(side)

    def cost(self, **call: Any) -> dict[str, float]:
        """Return the DynamoDB calls and request units of one response."""
        self._meter = Meter()
        self.answer(**call)
        return {"calls": self._meter.calls.total(), "reads": self._meter.reads, "writes": self._meter.writes}

    def _before(self, **context: Any) -> None:
        self._meter.before(**context)

    def _after(self, **context: Any) -> None:
        self._meter.after(**context)


def main() -> None:
    """Execute commands until standard input ends."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    kind, side = sys.argv[1:]
    worker = {"plain": Worker, "metered": MeteredWorker}[kind](side)
    for line in sys.stdin:
        command = json.loads(line)
        print(json.dumps(getattr(worker, command.pop("do"))(**command)), file=answers, flush=True)


if __name__ == "__main__":
    main()
