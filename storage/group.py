"""Group commit: requests of one event that wait for the event's writer in this process go into one transaction.

Conflicting transactions of one process would only fail and be repeated. So an event has one writer, and the requests
that arrive while it writes wait in a `Group`, in the order of arrival. Then it takes all of one kind, registrations or
departures, at once. A request that waits alone takes the path of a process without groups. So does one that demands an
owner of the event: its refusal must not make others wait for a second attempt.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any, Final, Literal, Protocol

from storage import registrations
from storage.admissions import MAX_REGISTRATIONS, register_all
from storage.departures import MAX_DEPARTURES, unregister_all
from storage.dynamodb.deadline import answered_by, deadline, time_left
from storage.dynamodb.tables import Tables
from storage.errors import DeadlineExceeded
from storage.model import Registration

Kind = Literal["register", "unregister"]
Result = Registration | Exception | None

_OTHER: Final[dict[Kind, Kind]] = {"register": "unregister", "unregister": "register"}
_MAX: Final[dict[Kind, int]] = {"register": MAX_REGISTRATIONS, "unregister": MAX_DEPARTURES}


class Answer(Protocol):
    """A future of `asyncio` or `concurrent.futures`, for which the caller of a request waits."""

    def done(self) -> bool:
        """Return whether there is a result, or the caller has given up."""

    def set_result(self, result: Any, /) -> object:
        """Return the result to the caller."""

    def set_exception(self, exception: Any, /) -> object:
        """Raise the exception in the caller."""


@dataclass(eq=False, slots=True)
class Member:
    """One request in a group, with its own deadline."""

    kind: Kind
    user_id: str
    answer: Answer
    owner: str | None = None
    deadline: float = field(default_factory=deadline.get)

    @property
    def late(self) -> bool:
        """Whether the request has no time left for a call."""
        with answered_by(self.deadline):
            return time_left() < 0


class Group:
    """The waiting requests of one event in this process; not thread-safe."""

    def __init__(self) -> None:
        """Create a group without members."""
        self._waiting: list[Member] = []
        self._next: Kind = "register"

    def add(self, member: Member) -> None:
        """Add a request behind the others."""
        self._waiting.append(member)

    def take(self) -> list[Member]:
        """Remove and return the next batch: requests of one kind and of different users, in the order of arrival.

        The kinds take turns, and a second request of a user waits for the first. A request that demands an owner is a
        batch of its own, in its turn. The batch is empty if nobody waits.
        """
        self._waiting = [member for member in self._waiting if not member.answer.done()]
        # Only the first member of each user: of equal keys, the last value stays.
        first = {member.user_id: member for member in reversed(self._waiting)}
        kinds = {member.kind for member in first.values()}
        kind = self._next if self._next in kinds else _OTHER[self._next]
        self._next = _OTHER[kind]
        fit = [member for member in self._waiting if member is first[member.user_id] and member.kind == kind]
        together = list(takewhile(lambda member: member.owner is None, fit[: _MAX[kind]]))
        batch = together or fit[:1]
        self._waiting = [member for member in self._waiting if member not in batch]
        return batch

    def answer(self, batch: Sequence[Member], results: Mapping[Member, Result]) -> None:
        """Give each member of a batch its own result; those without one wait again, ahead of the others."""
        self._waiting[:0] = [member for member in batch if member not in results]
        for member, result in results.items():
            if member.answer.done():
                continue
            if isinstance(result, Exception):
                member.answer.set_exception(result)
            else:
                member.answer.set_result(result)


def settle(tables: Tables, event_id: str, batch: Sequence[Member]) -> dict[Member, Result]:
    """Return the results of those members that one transaction can settle, or that of the first member alone."""
    results: dict[Member, Result] = {member: DeadlineExceeded() for member in batch if member.late}
    left = [member for member in batch if member not in results]
    if len(left) > 1:
        found = _together(tables, event_id, left)
        results |= {member: found[member.user_id] for member in left if member.user_id in found}
    return results or {batch[0]: _alone(tables, event_id, batch[0])}


def _together(tables: Tables, event_id: str, members: Sequence[Member]) -> Mapping[str, Result]:
    """Settle members within the latest of their deadlines: none ends the batch for the others."""
    user_ids = [member.user_id for member in members]
    with answered_by(max(member.deadline for member in members)):
        try:
            if members[0].kind == "register":
                return register_all(tables, event_id, user_ids)
            return unregister_all(tables, event_id, user_ids)
        except Exception as error:  # noqa: BLE001 - each caller raises it
            return dict.fromkeys(user_ids, error)


def _alone(tables: Tables, event_id: str, member: Member) -> Result:
    """Settle one member as a process without groups does."""
    changes: dict[Kind, Callable[..., Registration | None]]
    changes = {"register": registrations.register, "unregister": registrations.unregister}
    with answered_by(member.deadline):
        try:
            return changes[member.kind](tables, event_id, member.user_id, member.owner)
        except Exception as error:  # noqa: BLE001 - the caller raises it
            return error
