"""One thread in which many tasks take turns by a seed, on a clock that nobody has to wait for."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, tzinfo
from random import Random
from typing import Any
from unittest import mock

import greenlet

_START = datetime(2030, 1, 1, tzinfo=UTC)


class Task:
    """Something that runs until it pauses; `about` is whatever it works on just now."""

    def __init__(self, run: Callable[[], object], about: Any, turn: greenlet.greenlet) -> None:
        """Take what it does, what it works on, and to whom it returns when it pauses or ends."""
        self.about = about
        self.wakes = 0.0
        self.light = greenlet.greenlet(run, parent=turn)


class Scheduler:
    """Says who runs next; between two pauses nobody else does. It is also the clock, in seconds."""

    def __init__(self, random: Random, *, stay: float = 0.0) -> None:
        """Take the dice, and the chance that a task goes on although others could."""
        self._random = random
        self._stay = stay
        self._now = 0.0
        self._about: Any = None
        self._turn = greenlet.getcurrent()
        self._tasks: list[Task] = []
        self._current: Task | None = None

    @property
    def about(self) -> Any:
        """What the task that runs works on, or whoever drives all tasks."""
        return self._current.about if self._current else self._about

    @about.setter
    def about(self, value: Any) -> None:
        if self._current:
            self._current.about = value
        else:
            self._about = value

    def spawn(self, run: Callable[[], object], *, after: float = 0.0) -> Task:
        """Let something begin, on behalf of what the current task works on."""
        task = Task(run, self.about, self._turn)
        task.wakes = self._now + after
        self._tasks.append(task)
        return task

    def run(self) -> None:
        """Run until nobody has anything left to do, and leave nothing behind if somebody fails."""
        try:
            while self._tasks:
                self._step()
        finally:
            self._current = None
            for task in self._tasks:
                task.light.throw()
            self._tasks.clear()

    def _step(self) -> None:
        ready = [task for task in self._tasks if task.wakes <= self._now]
        if not ready:
            self._now = min(task.wakes for task in self._tasks)
            return
        if self._current not in ready or self._random.random() >= self._stay:
            self._current = self._random.choice(ready)
        assert self._current is not None
        task = self._current
        task.light.switch()
        if task.light.dead:
            self._tasks.remove(task)

    def pause(self, seconds: float = 0.0) -> None:
        """Let others run, for so long at least; outside of all tasks nothing happens but that time passes."""
        if self._current is None:
            self._now += seconds
            return
        self._current.wakes = self._now + seconds
        self._turn.switch()

    def wait(self, future: "Future[Any]") -> None:
        """Let others run until something is done."""
        task = self._current
        assert task is not None
        future.add_done_callback(lambda _future: setattr(task, "wakes", self._now))
        self.pause(float("inf"))

    def monotonic(self) -> float:
        """Tell the time, like the module `time`."""
        return self._now

    sleep = pause

    def now(self, zone: tzinfo) -> datetime:
        """Tell the time, like the class `datetime`; a millisecond of it holds many turns."""
        return (_START + timedelta(seconds=self._now)).astimezone(zone)

    def executor(self, *_size: Any, **_options: Any) -> "Executor":
        """Return what runs calls side by side, like `ThreadPoolExecutor`."""
        return Executor(self)


class Executor:
    """Runs each call as a task."""

    def __init__(self, scheduler: Scheduler) -> None:
        """Take whoever says who runs."""
        self._scheduler = scheduler

    def submit(self, function: Callable[..., Any], *arguments: Any) -> "Future[Any]":
        """Begin a call; outside of all tasks it is done at once."""
        future = _Future(self._scheduler)
        if self._scheduler._current is None:  # noqa: SLF001 - they are one
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
        except BaseException as error:  # noqa: BLE001 - whoever asks for the result gets it, whatever it is
            self.set_exception(error)

    def result(self, timeout: float | None = None) -> Any:
        if not self.done():
            self._scheduler.wait(self)
        return super().result(timeout)


@contextmanager
def virtual(scheduler: Scheduler, random: Random, batch: int) -> Iterator[None]:
    """Give the ledger this clock, these dice and these tasks, and promote only so many people in a transaction."""
    with (
        mock.patch.multiple(
            "storage.dynamodb.tables", time=scheduler, _random=random, ThreadPoolExecutor=scheduler.executor
        ),
        mock.patch("storage.dynamodb.deadline.time", scheduler),
        mock.patch("storage.model.datetime", scheduler),
        mock.patch("storage.rules.BATCH", batch),
    ):
        yield
