"""Scheduler that runs tasks in turns on one thread, in a seeded order, on a virtual clock."""

import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, tzinfo
from random import Random
from typing import Any
from unittest import mock

import greenlet

from storage import rules
from storage.emptying import WAITING_BATCH
from storage.items import BLOCK

_START = datetime(2030, 1, 1, tzinfo=UTC)


class Task:
    """A task that runs until it pauses; `about` is the call that it works on."""

    def __init__(self, run: Callable[[], object], about: Any, turn: greenlet.greenlet) -> None:
        """Create a task that returns to the greenlet `turn` when it pauses or ends."""
        self.about = about
        self.wakes = 0.0
        self.greenlet = greenlet.greenlet(run, parent=turn)


class StuckError(Exception):
    """Every task waits for another."""


class Scheduler:
    """Chooses the next task, which runs alone until it pauses. It is also the clock, in seconds."""

    def __init__(self, random: Random, *, stay: float = 0.0) -> None:
        """Create a scheduler; `stay` is the probability that the current task continues although others are ready."""
        self._random = random
        self._stay = stay
        self._now = 0.0
        self._about: Any = None
        self._turn = greenlet.getcurrent()
        self._tasks: list[Task] = []
        self._current: Task | None = None

    @property
    def about(self) -> Any:
        """The call that the current task works on, or that the code outside all tasks works on."""
        return self._current.about if self._current else self._about

    @about.setter
    def about(self, value: Any) -> None:
        if self._current:
            self._current.about = value
        else:
            self._about = value

    def spawn(self, run: Callable[[], object], *, after: float = 0.0) -> Task:
        """Start a task after a delay in seconds, for the call that the current task works on."""
        task = Task(run, self.about, self._turn)
        task.wakes = self._now + after
        self._tasks.append(task)
        return task

    def run(self) -> None:
        """Run until every task has ended, and end all of them if one fails."""
        try:
            while self._tasks:
                self._step()
        finally:
            self._current = None
            for task in self._tasks:
                task.greenlet.throw()
            self._tasks.clear()

    def _step(self) -> None:
        ready = [task for task in self._tasks if task.wakes <= self._now]
        if not ready:
            self._now = min(task.wakes for task in self._tasks)
            if self._now == float("inf"):
                raise StuckError("every task waits for another: a request is never answered")
            return
        if self._current not in ready or self._random.random() >= self._stay:
            self._current = self._random.choice(ready)
        assert self._current is not None
        task = self._current
        task.greenlet.switch()
        if task.greenlet.dead:
            self._tasks.remove(task)

    def pause(self, seconds: float = 0.0) -> None:
        """Let other tasks run for at least `seconds`; outside all tasks, only advance the clock."""
        if self._current is None:
            self._now += seconds
            return
        self._current.wakes = self._now + seconds
        self._turn.switch()

    def wait(self, future: "Future[Any]", *, until: float = float("inf")) -> bool:
        """Let other tasks run until a future is done, or until a time; return whether the future is done."""
        task = self._current
        assert task is not None
        future.add_done_callback(lambda _future: setattr(task, "wakes", self._now))
        self.pause(until - self._now)
        return future.done()

    def future(self) -> "Future[Any]":
        """Return a future for which a task can wait."""
        return _Future(self)

    def monotonic(self) -> float:
        """Return the virtual time, like `time.monotonic`."""
        return self._now

    sleep = pause

    def now(self, zone: tzinfo) -> datetime:
        """Return the virtual time, like `datetime.now`; many turns fit into a millisecond."""
        return (_START + timedelta(seconds=self._now)).astimezone(zone)

    def executor(self, *_size: Any, **_options: Any) -> "Executor":
        """Return an executor that replaces `ThreadPoolExecutor`."""
        return Executor(self)


class Executor:
    """Runs each call as a task of the scheduler."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler

    def submit(self, function: Callable[..., Any], *arguments: Any) -> "Future[Any]":
        """Start a call; outside all tasks it runs at once."""
        future = _Future(self._scheduler)
        if self._scheduler._current is None:  # noqa: SLF001 - its own scheduler
            future.fill(function, arguments)
        else:
            self._scheduler.spawn(lambda: future.fill(function, arguments))
        return future


class _Future(Future[Any]):
    def __init__(self, scheduler: Scheduler) -> None:
        super().__init__()
        self._scheduler = scheduler

    def fill(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        try:
            self.set_result(function(*arguments))
        except BaseException as error:  # noqa: BLE001 - `result` raises it, whatever it is
            self.set_exception(error)

    def result(self, timeout: float | None = None) -> Any:
        if not self.done():
            self._scheduler.wait(self)
        return super().result(timeout)


@contextmanager
def virtual(scheduler: Scheduler, random: Random, batch: int) -> Iterator[None]:
    """Run `storage` on the virtual clock, the seeded dice and the scheduler, with this size of promotion batches.

    With small batches, LEFT items are small as well, so that a queue of a few people extends over several.
    """
    block = batch + 1 if batch < rules.BATCH else BLOCK
    version = map("{:016x}".format, itertools.count()).__next__
    with (
        mock.patch.multiple(
            "storage.dynamodb.tables",
            time=scheduler,
            _wait=scheduler.pause,
            _random=random,
        ),
        mock.patch("storage.dynamodb.threads.ThreadPoolExecutor", scheduler.executor),
        mock.patch("storage.dynamodb.deadline.time", scheduler),
        mock.patch("storage.dynamodb.outages.time", scheduler),
        mock.patch("storage.model.datetime", scheduler),
        mock.patch("storage.events.new_version", version),
        mock.patch("storage.event_deletion.new_version", version),
        mock.patch("storage.user_deletion._new_token", map("{:016x}".format, itertools.count()).__next__),
        mock.patch("storage.rules.BATCH", batch),
        mock.patch("storage.emptying.WAITING_BATCH", min(batch, WAITING_BATCH)),
        mock.patch("storage.emptying.CONFIRMED_BATCH", batch),
        mock.patch("storage.items.BLOCK", block),
        mock.patch("storage.queue.BLOCK", block),
        mock.patch("storage.user_positions.BLOCK", block),
    ):
        yield
