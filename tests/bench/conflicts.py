"""A seeded simulation of concurrent registrations for one event: DynamoDB's conflicts, and the service's backoff.

A transaction is accepted or refused when it arrives, never queued. An accepted transaction holds its SEATS item for the
commit window, and others that arrive meanwhile are refused. As items are released one by one, a new place in the queue
is held for half a window to one and a half, and a person who joins right behind it is refused until then. A partition
has 1,000 write units and 3,000 read units per second. Two assumptions are ours, and conservative: a refused transaction
consumes its units all the same, and its answer takes half the window, the first of the two phases of a commit. A read
of SEATS takes a quarter of the window. Nothing else takes time: no network, no Lambda.
"""

import heapq
import random
from collections.abc import Generator, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from storage.dynamodb.retries import LAST_CEILING, RETRY_SECONDS, Backoff
from storage.errors import Contention

PARTITION_UNITS: Final = 1_000
PARTITION_READS: Final = 3_000

#: Shortest and longest time for which a transaction holds its items other than SEATS, in commit windows.
PLACE_WINDOWS: Final = (0.5, 1.5)

Process = Generator[float, None, None]


@dataclass(frozen=True, slots=True)
class Price:
    """The write units of a transaction, in total and on the partition of its shard."""

    units: int
    partition_units: int


#: SEATS takes 2 units on its partition, and the registration 2 on its own. A place in the queue takes 2 more on the
#: registration's partition, and so does the check of the place ahead, which each person but the first makes. The user
#: and the pointer are on partitions of their own for each person.
SEAT: Final = Price(8, 2)
QUEUE: Final = Price(12, 6)

#: The part of one person in a group, whose change of SEATS and check of the place ahead, 2 units each, are one for all.
#: A transaction has at most 100 items.
SEAT_IN_GROUP: Final = Price(6, 2)
PLACE_IN_GROUP: Final = Price(8, 4)
SEATS_IN_GROUP: Final = 33
PLACES_IN_GROUP: Final = 24


@dataclass(frozen=True, kw_only=True, slots=True)
class Design:
    """The layout of an event: the number of shards of SEATS, and of partitions for shards and registrations.

    On a `full` event every registration joins the queue: at exactly the next number that it read, or, unless `exact`,
    at any number not below the next. If `grouped`, people only wait, and one consumer of a stream registers as many
    of them as fit into one transaction, in the order of arrival; it has no rivals.
    """

    name: str
    shards: int = 1
    partitions: int = 1
    full: bool = False
    exact: bool = True
    grouped: bool = False


@dataclass(slots=True)
class Person:
    """A person who registers; times are seconds since the start."""

    arrived: float
    answered: float = 0.0
    admitted: bool = False
    attempts: int = 0
    throttled: int = 0
    units: float = 0
    reads: int = 0

    @property
    def latency(self) -> float:
        """Return the seconds from arrival to answer."""
        return self.answered - self.arrived


@dataclass(slots=True)
class _Shard:
    """A counter, held until a time, and the time until which the last place in the queue is held."""

    held_until: float = 0.0
    next_number: int = 0
    place_until: float = 0.0


@dataclass(slots=True)
class Partition:
    """A token bucket of write units, or of read units, with the capacity of one second."""

    capacity: int = PARTITION_UNITS
    units: float = PARTITION_UNITS
    filled: float = 0.0

    def take(self, now: float, units: int) -> bool:
        """Consume these units, or nothing and return False if fewer are left."""
        self.units = min(self.capacity, self.units + (now - self.filled) * self.capacity)
        self.filled = now
        enough = self.units >= units
        self.units -= units * enough
        return enough


class Simulation:
    """One event that people register for; it can run once."""

    def __init__(self, design: Design, window: float, seed: int, last_ceiling: float = LAST_CEILING) -> None:
        """Take the commit window and the backoff's last ceiling in seconds, and the seed of all random choices."""
        self._design = design
        self._window = window
        self._last_ceiling = last_ceiling
        self._dice = random.Random(seed)  # noqa: S311 - it has to be repeatable, not secret
        self._shards = [_Shard() for _ in range(design.shards)]
        self._partitions = [Partition() for _ in range(design.partitions)]
        self._reads = Partition(PARTITION_READS, PARTITION_READS)
        self._now = 0.0

    def offer(self, rate: float, seconds: float) -> list[Person]:
        """Simulate random arrivals at `rate` per second, and return the people when all are answered."""
        moments = [0.0]
        while moments[-1] < seconds:
            moments.append(moments[-1] + self._dice.expovariate(rate))
        return self.run(moments)

    def run(self, moments: Iterable[float]) -> list[Person]:
        """Simulate arrivals at these times, and return the people when all are answered."""
        people = [Person(moment) for moment in moments]
        if self._design.grouped:
            self._resume([(0.0, self._consume(people))])
        else:
            self._resume([(person.arrived, self._register(person)) for person in people])
        return people

    def crowd(self, clients: int, gap: float, seconds: float) -> list[Person]:
        """Simulate clients that register one person after the other, and return the people.

        `gap` is the mean time between an answer and the client's next request.
        """
        people: list[Person] = []
        self._resume([(0.0, self._client(people, gap, seconds)) for _ in range(clients)])
        return people

    def _client(self, people: list[Person], gap: float, seconds: float) -> Process:
        while self._now < seconds:
            yield self._dice.expovariate(1 / gap)
            person = Person(self._now)
            people.append(person)
            yield from self._register(person)

    def _resume(self, processes: Iterable[tuple[float, Process]]) -> None:
        """Resume each process at its time, and then after each pause that it yields, until all have ended."""
        # Pending steps: their time, the number of the process as tie-breaker, and the process.
        pending = [(moment, number, process) for number, (moment, process) in enumerate(processes)]
        heapq.heapify(pending)
        while pending:
            self._now, number, process = heapq.heappop(pending)
            pause = next(process, None)
            if pause is not None:
                heapq.heappush(pending, (self._now + pause, number, process))

    def _register(self, person: Person) -> Process:
        """Simulate `Tables.retry` with the attempts of `registrations.register`."""
        seen: int | None = None
        image: int | None = None
        end, pause = self._now + RETRY_SECONDS, 0.0
        backoff = Backoff(end, lambda: self._now, self._dice.uniform, self._last_ceiling)
        with suppress(Contention):
            while True:
                yield pause
                if seen is not None and image is None:
                    seen = yield from self._read(person)
                image = yield from self._attempt(person, seen)
                if person.admitted:
                    break
                seen = seen if image is None else image
                pause = backoff.pause(fresh=image is not None)
        person.answered = self._now

    def _consume(self, people: Sequence[Person]) -> Process:
        """Simulate the consumer of a stream: it registers everybody who has arrived, in groups, one after the other."""
        price, most = (PLACE_IN_GROUP, PLACES_IN_GROUP) if self._design.full else (SEAT_IN_GROUP, SEATS_IN_GROUP)
        shared = QUEUE.units - PLACE_IN_GROUP.units if self._design.full else SEAT.units - SEAT_IN_GROUP.units
        shared_on_partition = QUEUE.partition_units - PLACE_IN_GROUP.partition_units if self._design.full else 0
        (partition,) = self._partitions
        first = 0
        while first < len(people):
            yield max(0.0, people[first].arrived - self._now)
            group = [person for person in people[first : first + most] if person.arrived <= self._now]
            while not partition.take(self._now, len(group) * price.partition_units + shared_on_partition):
                yield self._window / 2
            yield self._window * (self._dice.uniform(1, PLACE_WINDOWS[1]) if self._design.full else 1)
            for person in group:
                person.admitted, person.answered, person.attempts = True, self._now, 1
                person.units += price.units + shared / len(group)
            first += len(group)

    def _read(self, person: Person) -> Generator[float, None, int]:
        """Read the next number, as it was before a transaction that holds it; a throttled read ends the retries."""
        if not self._reads.take(self._now, 1):
            raise Contention
        person.reads += 1
        yield self._window / 8
        (shard,) = self._shards
        number = shard.next_number - (shard.held_until > self._now)
        yield self._window / 8
        return number

    def _attempt(self, person: Person, seen: int | None) -> Generator[float, None, int | None]:
        """Send one transaction, for a seat or for queue number `seen`; return the next number if a condition failed."""
        person.attempts += 1
        number = self._dice.randrange(len(self._shards))
        shard, partition = self._shards[number], self._partitions[number % len(self._partitions)]
        price = SEAT if seen is None else QUEUE
        if not partition.take(self._now, price.partition_units):
            person.throttled += 1
            yield self._window / 2
            return None
        person.units += price.units
        behind_last = self._design.exact and seen == shard.next_number
        if shard.held_until > self._now or (behind_last and shard.place_until > self._now):
            yield self._window / 2
            return None
        if self._design.full and (seen is None or (self._design.exact and not behind_last)):
            image = shard.next_number
            yield self._window / 2
            return image
        shard.held_until = self._now + self._window
        shard.next_number += 1
        if self._design.full:
            shard.place_until = self._now + self._window * self._dice.uniform(*PLACE_WINDOWS)
        yield max(shard.held_until, shard.place_until) - self._now
        person.admitted = True
        return None


@dataclass(frozen=True, slots=True)
class Outcome:
    """Rates, latencies, write units and reads of the people who arrived or were answered in the counted time."""

    accepted_rate: float
    given_up: float
    median: float
    slow: float
    units: float
    reads: float

    @classmethod
    def of(cls, people: Sequence[Person], start: float, end: float) -> "Outcome":
        """Count from `start` to `end`; `slow` is the 99th percentile of the latency of admitted people."""
        arrived = [person for person in people if start <= person.arrived < end]
        admitted = [person for person in people if person.admitted and start <= person.answered < end]
        latencies = sorted(person.latency for person in admitted) or [float("nan")]
        return cls(
            accepted_rate=len(admitted) / (end - start),
            given_up=sum(not person.admitted for person in arrived) / len(arrived),
            median=latencies[len(latencies) // 2],
            slow=latencies[len(latencies) * 99 // 100],
            units=sum(person.units for person in arrived) / max(1, sum(person.admitted for person in arrived)),
            reads=sum(person.reads for person in arrived) / max(1, sum(person.admitted for person in arrived)),
        )


def stranded_seats(capacity: int, shards: int, seed: int) -> int:
    """Return the number of seats left when the first shard is sold out, if people choose shards at random."""
    dice = random.Random(seed)  # noqa: S311 - it has to be repeatable, not secret
    left = [capacity // shards] * shards
    while min(left):
        left[dice.randrange(shards)] -= 1
    return sum(left)
