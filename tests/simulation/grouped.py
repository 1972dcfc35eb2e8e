"""Processes of the service, each with one writer per event: simulated requests share transactions as real ones do."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final
from unittest import mock

from storage import group
from storage.dynamodb.deadline import deadline
from storage.dynamodb.recent import Recent
from storage.dynamodb.tables import Tables
from storage.errors import DeadlineExceeded
from storage.group import Group, Kind, Member
from tests.simulation.clients import Call
from tests.simulation.network import Crash
from tests.simulation.scheduler import Scheduler

#: Maximum sizes of batches and transactions: small ones leave a rest.
SIZES: Final = ((33, 19, 100), (33, 19, 12), (33, 19, 8), (2, 2, 100))


class Batch:
    """The calls that one transaction is made for; it takes the place of a call in the scheduler and the timeline."""

    def __init__(self, calls: Sequence[Call]) -> None:
        """Take the calls of all members."""
        self.calls = calls

    def of(self, users: set[str]) -> list[Call]:
        """Return the calls of these users."""
        return [call for call in self.calls if call.request.user_id in users]

    def jumped(self, came: Mapping[str, int | None]) -> bool:
        """Whether one of the people who came arrived before another, and stands behind."""
        users = [call.request.user_id for call in self.calls]
        numbers = [-1 if (seq := came[user]) is None else seq for user in users if user in came]
        return numbers != sorted(numbers)

    def __str__(self) -> str:
        return " + ".join(map(str, self.calls))


def calls_of(about: Any, users: set[str]) -> list[Call]:
    """Return the calls that a transaction with the registrations of these users is made for."""
    if isinstance(about, Batch):
        return about.of(users)
    return [] if about is None else [about]


class Process:
    """One process: its tables, and the group of each event that is being written to."""

    def __init__(self, tables: Tables, scheduler: Scheduler) -> None:
        """Take the tables and the scheduler."""
        self.tables = tables
        self._scheduler = scheduler
        self._groups: dict[str, Group] = {}
        self._members: dict[str, list[Member]] = {}

    def change(self, kind: Kind, event_id: str, user_id: str, key: str | None = None) -> Any:
        """Register or unregister in a group, and wait for the result until the deadline."""
        call = self._scheduler.about
        member = Member(kind, user_id, answer := self._scheduler.future(), key=key)
        _calls[member] = call
        if event_id in self._groups:
            self._groups[event_id].add(member)
        else:
            self._groups[event_id] = Group()
            self._groups[event_id].add(member)
            self._scheduler.spawn(lambda: self._write(event_id)).about = None
        self._members.setdefault(event_id, []).append(member)
        if not self._scheduler.wait(answer, until=deadline.get()) and answer.cancel():
            # The batch that it may be in goes on.
            call.overtaken = True
            raise DeadlineExceeded
        return answer.result()

    def _write(self, event_id: str) -> None:
        waiting = self._groups[event_id]
        try:
            while batch := waiting.take():
                self._scheduler.about = Batch([_calls[member] for member in batch])
                waiting.answer(batch, group.settle(self.tables, event_id, batch))
        except Crash as crash:
            # The process dies, and so do all requests of the event; its successor remembers nothing.
            self.tables.answered = Recent(100)
            for member in self._members[event_id]:
                if not member.answer.done():
                    member.answer.set_exception(crash)
        finally:
            del self._groups[event_id]


#: The call of each member, for the tasks that work for it.
_calls: dict[Member, Call] = {}


@contextmanager
def grouping(scheduler: Scheduler, sizes: tuple[int, int, int], recent: int) -> Iterator[None]:
    """Bind members to calls, and limit the sizes of batches and of transactions, and of the users' recent events."""
    alone = group._alone  # noqa: SLF001 - the part of `settle` that works for one member

    def for_one(tables: Tables, event_id: str, member: Member) -> Any:
        scheduler.about = _calls[member]
        return alone(tables, event_id, member)

    registrations, departures, steps = sizes
    try:
        with (
            mock.patch("storage.group._alone", for_one),
            mock.patch("storage.group._MAX", {"register": registrations, "unregister": departures}),
            mock.patch("storage.admissions.STEPS", steps),
            mock.patch("storage.user_steps.RECENT", recent),
        ):
            yield
    finally:
        _calls.clear()
