"""Histories as text, and the figures of many."""

import argparse
import shlex
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from storage.audit import audit
from storage.dynamodb.tables import Tables
from tests.linearizability.checker import History, Operation, TooWideError, check, smallest
from tests.linearizability.clients import NoAnswerError, Recorded
from tests.linearizability.model import State


def say(*lines: object) -> None:
    """Print the lines of a command's output at once."""
    print(*lines, sep="\n", flush=True)  # noqa: T201 - it is what a command says


def again(module: str, options: argparse.Namespace) -> str:
    """Return the command that asks the same things once more."""
    said = [f"--{name}={value}" for name, value in vars(options).items() if value is not None]
    return f"The same requests again: {shlex.join(['python', '-m', module, *said])}"


@dataclass
class Figures:
    """What was checked so far; `widest` is the largest number of configurations that one history took."""

    histories: int = 0
    operations: int = 0
    unknown: int = 0
    widest: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)

    def judge(self, recorded: Recorded) -> str | None:
        """Check a history, and return what is wrong with it, if anything is."""
        verdict = check(recorded.initial, recorded.operations)
        self.histories += 1
        self.operations += len(recorded.operations)
        self.unknown += sum(not operation.known for operation in recorded.operations)
        self.widest = max(self.widest, verdict.visited)
        self.outcomes.update(_outcome(operation) for operation in recorded.operations)
        return None if verdict.explained else violation(recorded)

    def __str__(self) -> str:
        return (
            f"{self.histories} histories, {self.operations} operations, {self.unknown} of them of unknown outcome;"
            f" at most {self.widest} configurations a history"
        )


def judge_all(seeds: range, recorded: Callable[[int], Recorded], *, every: int) -> None:
    """Record and judge a history for each seed, and say the figures; one that is wrong ends the command with 1."""
    figures = Figures()
    for seed in seeds:
        try:
            found = figures.judge(recorded(seed))
        except (NoAnswerError, TooWideError) as error:
            sys.exit(f"seed {seed}: {error!r}")
        if found:
            sys.exit(f"seed {seed}: {found}")
        if figures.histories % every == 0:
            say(figures)
    say(figures, *(f"{count:7d}  {outcome}" for outcome, count in sorted(figures.outcomes.items())))


def judge_tables(tables: Tables) -> None:
    """Look for violations in the tables at rest; one ends the command with 1."""
    violations = list(audit(tables))
    say(f"{len(violations)} violations in the tables", *violations)
    if violations:
        sys.exit(1)


def violation(recorded: Recorded) -> str:
    """Return the smallest part that can't be explained, with the state that the longest explanation of it leads to."""
    part = smallest(recorded.initial, recorded.operations)
    reached = check(recorded.initial, part).last
    return "\n".join(
        [
            f"No order of these {len(part)} of {len(recorded.operations)} operations on {recorded.event_id} is right:",
            *lines(part),
            f"at first  {_state(recorded.initial)}",
            f"as far as it can be explained  {_state(reached)}",
        ]
    )


def lines(history: History) -> list[str]:
    """Return a line for each operation, by the time of its invocation, in milliseconds since the first."""
    ordered = sorted(history, key=lambda operation: operation.invoked)
    start = ordered[0].invoked
    return [
        f"{(operation.invoked - start) / 1e6:9.2f} {(operation.answered - start) / 1e6:9.2f}"
        f"  client {operation.client}  {_asked(operation)}  ->  {_answered(operation)}"
        for operation in ordered
    ]


def _asked(operation: Operation) -> str:
    fields = ", ".join(f"{name}={value}" for name, value in operation.call.fields.items())
    return " ".join(part for part in (operation.call.name, operation.call.user, fields) if part)


def _outcome(operation: Operation) -> str:
    if operation.answer is None:
        return f"{operation.call.name}: no answer"
    body = operation.answer.body
    said = operation.answer.problem or (body.get("status", "") if "userId" in body else "")
    return f"{operation.call.name}: {operation.answer.status} {said}".strip()


def _answered(operation: Operation) -> str:
    if operation.answer is None:
        return "nobody knows"
    body = operation.answer.body
    shown = {**body, **body.get("registration", {})}
    names = ("status", "waitlistPosition", "capacity", "hasWaitlist", "confirmedCount", "waitlistCount", "minimum")
    told = [f"{name}={shown[name]}" for name in names if name in shown and shown[name] != operation.answer.status]
    told += [f"{found['userId']}={found['status']}" for found in body.get("registrations", [])]
    return " ".join([str(operation.answer.status), operation.answer.problem, *told])


def _state(state: State) -> str:
    return (
        f"capacity {state.capacity}, {state.status}, {'a' if state.has_waitlist else 'no'} waitlist,"
        f" confirmed: {', '.join(sorted(state.confirmed)) or 'nobody'}; queue: {', '.join(state.queue) or 'nobody'}"
    )
