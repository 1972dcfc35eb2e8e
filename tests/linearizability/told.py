"""Whether what a receiver of webhooks was told of histories is what happened, each change at least once and in order.

The checker looks for one order of the requests that explains their answers and what was told. So each change must have
been told, also if its answer was lost, and nothing else: a history that ends with another list is not explained either.
"""

import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from tests.apparatus.receiver import Receiver, distinct, kind_of, registrations
from tests.linearizability.checker import TooWideError, check
from tests.linearizability.clients import Recorded
from tests.linearizability.report import lines, show

Told = Sequence[dict[str, Any]]

_OK: Final = 200


def judge_told(histories: Sequence[Recorded], receiver: Receiver) -> None:
    """Check what a receiver was told of all histories of a service; exit with 1 if a violation is found."""
    told = distinct(receiver.asked)
    events = {f"/events/{recorded.event_id}" for recorded in histories}
    strays = [it for it in told if it["source"] not in events]
    violations, undecided = [f"told of no history: {it}" for it in strays], 0
    for recorded in histories:
        try:
            violations += filter(None, [misled(recorded, told)])
        except TooWideError:
            undecided += 1
    if undecided > max(1, len(histories) // 10):
        violations.append(f"{undecided} histories are too wide to be checked")
    show(
        f"{len(told)} changes told, {len(receiver.asked) - len(told)} repetitions; {len(violations)} violations;"
        f" {undecided} histories undecided",
        *violations,
    )
    if violations:
        sys.exit(1)


def misled(recorded: Recorded, told: Told) -> str | None:
    """Return in words what was told wrongly of a history, if anything; `told` may have other events.

    Raises:
        TooWideError: The history can't be checked, though what was told leaves fewer orders than the answers alone.

    """
    part = [it for it in told if it["source"] == f"/events/{recorded.event_id}"]
    users = {it["subject"] for it in part}
    chains = {user: tuple(kind_of(it) for it in part if it["subject"] == user) for user in users}
    if not check(replace(recorded.initial, untold=frozenset(chains.items())), recorded.operations).explained:
        found = "No order of these operations explains their answers and what was told:"
    elif registrations(part) != _listed(recorded):
        found = f"The notifications add up to {registrations(part)}, and the list has {_listed(recorded)}:"
    else:
        return None
    shown = [f"told of {user}: {', '.join(chain)}" for user, chain in sorted(chains.items())]
    return "\n".join([found, *lines(recorded.operations), *shown, f"event  {recorded.event_id}"])


def _listed(recorded: Recorded) -> dict[str, Any]:
    """Return the registrations in the list at the end, as notifications have them."""
    answers = (it.answer for it in recorded.operations if it.call.name == "list registrations")
    listed = next(answer.body["registrations"] for answer in answers if answer and answer.status == _OK)
    return {
        found["userId"]: {name: value for name, value in found.items() if name != "waitlistPosition"}
        for found in listed
    }
