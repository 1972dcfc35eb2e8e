"""A seeded simulation of registrations that meet at one event: DynamoDB's conflicts, and the service's own pauses.

A transaction is accepted or refused when it arrives, never queued. Accepted, it holds its SEATS item for the commit
window, and whoever comes meanwhile is refused. A partition has 1,000 write units a second. Two assumptions are ours,
and cautious: a refused transaction uses up its units all the same, and its answer takes half the window, for the first
of the two phases of a commit. Nothing else takes time: no network, no Lambda.
"""

import heapq
import random
from collections.abc import Generator, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from storage.dynamodb.retries import RETRY_SECONDS, Backoff
from storage.errors import Contention

PARTITION_UNITS: Final = 1_000

Process = Generator[float, None, None]


@dataclass(frozen=True, slots=True)
class Price:
    """The write units of a transaction, and those of the partition where most of them fall."""

    units: int
    partition_units: int


#: SEATS takes 2 units on its partition, and the registration 2 on its own. A place in the queue lies beside the
#: registration, with 2 more. The user and the pointer lie elsewhere for everybody.
SEAT: Final = Price(8, 2)
QUEUE: Final = Price(10, 4)


@dataclass(frozen=True, kw_only=True, slots=True)
class Design:
    """How an event is laid out: SEATS in shards, and these and the registrations on partitions.

    If it is full all queue: at exactly the number that was seen to be the next, or at any that is not below it.
    """

    name: str
    shards: int = 1
    partitions: int = 1
    full: bool = False
    exact: bool = True


@dataclass(slots=True)
class Person:
    """Somebody who registers: came, and was answered, in seconds since the start."""

    came: float
    answered: float = 0.0
    admitted: bool = False
    attempts: int = 0
    throttled: int = 0
    units: int = 0

    @property
    def latency(self) -> float:
        """Return the seconds until the answer."""
        return self.answered - self.came


@dataclass(slots=True)
class _Shard:
    held_until: float = 0.0
    next_number: int = 0


@dataclass(slots=True)
class _Partition:
    """A bucket of write units, which holds what a second brings."""

    units: float = PARTITION_UNITS
    filled: float = 0.0

    def take(self, now: float, units: int) -> bool:
        self.units = min(PARTITION_UNITS, self.units + (now - self.filled) * PARTITION_UNITS)
        self.filled = now
        enough = self.units >= units
        self.units -= units * enough
        return enough


class Simulation:
    """One event that people register for; it can be run once."""

    def __init__(self, design: Design, window: float, seed: int) -> None:
        """Take the seconds that an accepted transaction holds its items, and the seed that repeats the run."""
        self._design = design
        self._window = window
        self._dice = random.Random(seed)  # noqa: S311 - it has to be repeatable, not secret
        self._shards = [_Shard() for _ in range(design.shards)]
        self._partitions = [_Partition() for _ in range(design.partitions)]
        self._now = 0.0

    def offer(self, rate: float, seconds: float) -> list[Person]:
        """Let people come at random, so many a second, and return all of them when all are answered."""
        moments = [0.0]
        while moments[-1] < seconds:
            moments.append(moments[-1] + self._dice.expovariate(rate))
        return self.run(moments)

    def run(self, moments: Iterable[float]) -> list[Person]:
        """Let people come at these moments, and return all of them when all are answered."""
        people = [Person(moment) for moment in moments]
        # What is to happen: when, whose turn it is if several things happen at once, and what.
        agenda = [(person.came, number, self._register(person)) for number, person in enumerate(people)]
        heapq.heapify(agenda)
        while agenda:
            self._now, number, process = heapq.heappop(agenda)
            pause = next(process, None)
            if pause is not None:
                heapq.heappush(agenda, (self._now + pause, number, process))
        return people

    def _register(self, person: Person) -> Process:
        """Do what `Tables.retry` does with the attempts of `registrations.register`."""
        seen: int | None = None
        backoff, pause = Backoff(self._now + RETRY_SECONDS, lambda: self._now, self._dice.uniform), 0.0
        with suppress(Contention):
            while True:
                yield pause
                image = yield from self._attempt(person, seen)
                if person.admitted:
                    break
                seen = seen if image is None else image
                pause = backoff.pause(fresh=image is not None)
        person.answered = self._now

    def _attempt(self, person: Person, seen: int | None) -> Generator[float, None, int | None]:
        """Send one transaction, for a seat or for the number in the queue that was seen; return the number now."""
        person.attempts += 1
        number = self._dice.randrange(len(self._shards))
        shard, partition = self._shards[number], self._partitions[number % len(self._partitions)]
        price = SEAT if seen is None else QUEUE
        if not partition.take(self._now, price.partition_units):
            person.throttled += 1
            yield self._window / 2
            return None
        person.units += price.units
        if shard.held_until > self._now:
            yield self._window / 2
            return None
        stale = seen is None or (self._design.exact and seen != shard.next_number)
        if self._design.full and stale:
            image = shard.next_number
            yield self._window / 2
            return image
        shard.held_until = self._now + self._window
        shard.next_number += 1
        yield self._window
        person.admitted = True
        return None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of those who came, and of those who were answered, in the time that counts."""

    accepted_rate: float
    given_up: float
    median: float
    slow: float
    units: float

    @classmethod
    def of(cls, people: Sequence[Person], start: float, end: float) -> "Outcome":
        """Count from one moment to another; `slow` is the 99th percentile of those who were admitted."""
        came = [person for person in people if start <= person.came < end]
        admitted = [person for person in people if person.admitted and start <= person.answered < end]
        latencies = sorted(person.latency for person in admitted) or [float("nan")]
        return cls(
            accepted_rate=len(admitted) / (end - start),
            given_up=sum(not person.admitted for person in came) / len(came),
            median=latencies[len(latencies) // 2],
            slow=latencies[len(latencies) * 99 // 100],
            units=sum(person.units for person in came) / max(1, sum(person.admitted for person in came)),
        )


def left_over(capacity: int, shards: int, seed: int) -> int:
    """Return how many seats are free elsewhere when the first shard is empty, if people choose shards at random."""
    dice = random.Random(seed)  # noqa: S311 - it has to be repeatable, not secret
    left = [capacity // shards] * shards
    while min(left):
        left[dice.randrange(shards)] -= 1
    return sum(left)
