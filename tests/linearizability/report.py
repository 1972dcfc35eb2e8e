"""Check and print histories, with their figures."""

import argparse
import itertools
import shlex
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from storage.audit import audit
from storage.dynamodb.tables import Tables
from tests.linearizability.checker import History, Operation, TooWideError, check, smallest
from tests.linearizability.clients import NoAnswerError, Recorded
from tests.linearizability.state import State


def show(*lines: object) -> None:
    """Print lines, and flush them."""
    print(*lines, sep="\n", flush=True)  # noqa: T201 - a command's output


def repeat_command(module: str, options: argparse.Namespace) -> str:
    """Return a line with the command that repeats the same requests."""
    given = {name: value for name, value in vars(options).items() if value is not None}
    arguments = [_option(name, value) for name, value in given.items()]
    return f"Repeat the same requests with: {shlex.join(['python', '-m', module, *arguments])}"


def add_tokens(parser: argparse.ArgumentParser) -> None:
    """Add the option that requires tokens."""
    parser.add_argument(
        "--tokens",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="the service requires tokens, and some callers may not do what they ask for (default: %(default)s)",
    )


@dataclass
class Figures:
    """Totals of the checked histories; `widest` is the maximum number of configurations visited for one.

    `undecided` is the number of further histories, which were too wide to be checked.
    """

    histories: int = 0
    operations: int = 0
    unknown: int = 0
    widest: int = 0
    undecided: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)

    def judge(self, recorded: Recorded) -> str | None:
        """Check a history, and return its violation as text, or None."""
        verdict = check(recorded.initial, recorded.operations)
        self.histories += 1
        self.operations += len(recorded.operations)
        self.unknown += sum(not operation.known for operation in recorded.operations)
        self.widest = max(self.widest, verdict.visited)
        self.outcomes.update(_outcome(operation) for operation in recorded.operations)
        return None if verdict.explained else violation(recorded)

    def __str__(self) -> str:
        return (
            f"{self.histories} histories, {self.operations} operations, {self.unknown} of unknown outcome;"
            f" at most {self.widest} configurations per history"
            f"{f'; {self.undecided} more undecided' if self.undecided else ''}"
        )


def judge_all(seeds: range, recorded: Callable[[int], Recorded], *, every: int) -> None:
    """Record and check a history for each seed, and print figures; exit with 1 at the first violation.

    A history that is too wide to be checked is shown, and one with the next seed after all others takes its place. Exit
    with 1 if these are more than a tenth.
    """
    figures, left = Figures(), itertools.count(seeds.start)
    while figures.histories < len(seeds):
        seed = next(left)
        try:
            history = recorded(seed)
            found = figures.judge(history)
        except NoAnswerError as error:
            sys.exit(f"seed {seed}: {error!r}")
        except TooWideError:
            figures.undecided += 1
            show(_undecided(seed, history.operations))
            if figures.undecided > max(1, len(seeds) // 10):
                sys.exit(f"seed {seed}: {figures.undecided} histories of {len(seeds)} are undecided")
            continue
        if found:
            sys.exit(f"seed {seed}: {found}")
        if figures.histories % every == 0:
            show(figures)
    show(figures, *(f"{count:7d}  {outcome}" for outcome, count in sorted(figures.outcomes.items())))


def _undecided(seed: int, history: History) -> str:
    unknown = sum(not operation.known for operation in history)
    outcomes = f"with {unknown} of {len(history)} operations of unknown outcome"
    return f"seed {seed}: undecided: too wide to be checked, {outcomes}"


def judge_tables(tables: Tables) -> None:
    """Audit the tables at rest; exit with 1 if a violation is found."""
    violations = list(audit(tables))
    show(f"{len(violations)} violations in the tables", *violations)
    if violations:
        sys.exit(1)


def violation(recorded: Recorded) -> str:
    """Return the minimal part that is not linearizable, and the last state that can be explained."""
    part = smallest(recorded.initial, recorded.operations)
    reached = check(recorded.initial, part).last
    return "\n".join(
        [
            f"No order of these {len(part)} of {len(recorded.operations)} operations explains their answers:",
            *lines(part),
            f"event  {recorded.event_id}",
            f"initial state  {_state(recorded.initial)}",
            f"last explained state  {_state(reached)}",
        ]
    )


def lines(history: History) -> list[str]:
    """Return a line for each operation in the order of invocations, with times in milliseconds since the first."""
    ordered = sorted(history, key=lambda operation: operation.invoked)
    start = ordered[0].invoked
    return [
        f"{(operation.invoked - start) / 1e6:9.2f} {(operation.answered - start) / 1e6:9.2f}"
        f"  client {operation.client}  {_request(operation)}  ->  {_answered(operation)}"
        for operation in ordered
    ]


def _option(name: str, value: object) -> str:
    if isinstance(value, bool):
        return f"--{name}" if value else f"--no-{name}"
    return f"--{name}={value}"


def _request(operation: Operation) -> str:
    call = operation.call
    fields = ", ".join(f"{name}={value}" for name, value in call.fields.items())
    caller = "" if call.caller == "anybody" else f"by {call.caller}"
    return " ".join(part for part in (call.name, call.user, fields, caller) if part)


def _outcome(operation: Operation) -> str:
    if operation.call.refusal is not None:
        return f"{operation.call.caller}: {operation.answer.status if operation.answer else 'no answer'}"
    if operation.answer is None:
        return f"{operation.call.name}: no answer"
    body = operation.answer.body
    detail = operation.answer.problem or (body.get("status", "") if "userId" in body else "")
    return f"{operation.call.name}: {operation.answer.status} {detail}".strip()


def _answered(operation: Operation) -> str:
    if operation.answer is None:
        return "no answer"
    body = operation.answer.body
    shown = {**body, **body.get("registration", {})}
    names = ("status", "waitlistPosition", "capacity", "hasWaitlist", "confirmedCount", "waitlistCount", "minimum")
    parts = [f"{name}={shown[name]}" for name in names if name in shown and shown[name] != operation.answer.status]
    parts += [f"{found['userId']}={found['status']}" for found in body.get("registrations", [])]
    return " ".join([str(operation.answer.status), operation.answer.problem, *parts])


def _state(state: State) -> str:
    return (
        f"capacity {state.capacity}, {state.status}, {'a' if state.has_waitlist else 'no'} waitlist,"
        f" confirmed: {', '.join(sorted(state.confirmed)) or 'nobody'}; queue: {', '.join(state.queue) or 'nobody'}"
    )
