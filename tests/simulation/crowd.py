"""A crowd on one event, with the real `storage` code on a virtual clock: the latency and the outcome of each change.

The store commits as `tests.bench.conflicts` models it: a transaction holds SEATS for a commit window, and its other
items for half a window to one and a half. Others that use these items meanwhile are refused, after half a window. A
partition has 1,000 write units per second. Nothing depends on the machine's speed.
`python -m tests.simulation.crowd --clients 15,16` compares ceilings of the backoff.
"""

import argparse
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from random import Random
from typing import Any, Final, cast
from unittest import mock

from storage import audit, events, registrations
from storage.dynamodb.attributes import marshal
from storage.dynamodb.retries import LAST_CEILING, Backoff
from storage.dynamodb.tables import Tables
from storage.errors import Contention
from storage.items import user_item
from storage.model import User, now
from tests.bench.conflicts import PLACE_WINDOWS, Partition
from tests.simulation.clients import fields
from tests.simulation.dynamodb import Address, Dynamo, address_of
from tests.simulation.errors import TransactionCanceledError, cancelled
from tests.simulation.network import Client
from tests.simulation.scheduler import Scheduler, virtual

EVENT: Final = "e"

#: Last ceilings of the backoff that the command compares, in seconds.
CEILINGS: Final = (0.5, 0.3, 0.15, 0.08)

#: People per client; half are registered at any time: half of these are confirmed, and half wait.
PEOPLE: Final = 4

#: Mean time between an answer and the client's next request, and the longest time of a message between service and
#: store, in seconds.
GAP: Final = 0.01
LATENCY: Final = 0.002


@dataclass
class Contended(Dynamo):
    """A store with a commit window, in seconds; `units` counts the write units of all attempts but throttled ones."""

    scheduler: Any = None
    window: float = 0.0
    units: int = 0
    _partitions: dict[tuple[str, str], Partition] = field(default_factory=lambda: defaultdict(Partition))

    def transact(self, members: Sequence[Mapping[str, Any]], token: str, by: Any = None) -> None:
        """Apply all steps or none, and release their items one after the other."""
        if not self.window:
            super().transact(members, token, by)
            return
        steps = [step for member in members for step in member.values()]
        addresses = [address_of(step["TableName"], step.get("Item") or step["Key"]) for step in steps]
        try:
            self._take_units(addresses)
            super().transact(members, token, by)
        except TransactionCanceledError:
            self.scheduler.pause(self.window / 2)
            raise
        others = self.window * self.random.uniform(*PLACE_WINDOWS)
        for address in addresses:
            self._locks.add(address)
            held = self.window if address[2] == "SEATS" else others
            self.scheduler.spawn(partial(self._locks.discard, address), after=held)
        self.scheduler.pause(max(self.window, others))

    def _take_units(self, addresses: Sequence[Address]) -> None:
        """Consume 2 units per item, or raise the error of a throttled transaction."""
        units = Counter[tuple[str, str]]()
        for table, key, _sort in addresses:
            units[table, key] += 2
        now = self.scheduler.monotonic()
        throttled = {key for key, needed in units.items() if not self._partitions[key].take(now, needed)}
        if throttled:
            raise cancelled([{"Code": "ThrottlingError" if part[:2] in throttled else "None"} for part in addresses])
        self.units += units.total()


@dataclass
class Crowd:
    """The results: the latency of each change in seconds, and the number of those refused as contention."""

    seconds: float
    latencies: list[float] = field(default_factory=list)
    refused: int = 0
    units: int = 0

    def percentile(self, share: float) -> float:
        """Return a percentile of the latency of all changes, given as a share."""
        return sorted(self.latencies)[int(share * len(self.latencies))]

    def __str__(self) -> str:
        changes = len(self.latencies)
        return (
            f"{(changes - self.refused) / self.seconds:.0f}/s, 503 {self.refused / changes:.2%},"
            f" p50 {self.percentile(0.5) * 1000:.0f} ms, p99 {self.percentile(0.99) * 1000:.0f} ms,"
            f" {self.units / max(1, changes - self.refused):.1f} WRU each"
        )


def gather(  # noqa: PLR0913 - the parameters of an experiment
    clients: int,
    seconds: float,
    *,
    window: float,
    seed: int,
    last_ceiling: float = LAST_CEILING,
    joining: bool = False,
) -> Crowd:
    """Let clients make one change after the other, and audit the tables at the end.

    Each client registers and unregisters people of its own, of whom half are registered and a quarter wait. With
    `joining`, clients only register newcomers, for an event that is full. Any refusal but `Contention` is raised, and
    so is a violation of the invariant.
    """
    random = Random(seed)  # noqa: S311 - reproducible, not secret
    scheduler, crowd = Scheduler(random), Crowd(seconds)
    dynamo = Contended(random, scheduler=scheduler)
    client = Client(dynamo, scheduler, random, {}, latency=LATENCY)
    backoff = partial(Backoff, last_ceiling=last_ceiling)
    with virtual(scheduler, random, 49), mock.patch("storage.dynamodb.tables.Backoff", backoff):
        tables = Tables(cast("Any", client))
        capacity = 1 if joining else clients * PEOPLE // 4
        events.create(tables, EVENT, fields({"capacity": capacity, "has_waitlist": True}))
        behave = _join if joining else _come_and_go
        crowds = [behave(tables, dynamo, random, f"u{number}") for number in range(clients)]
        if joining:
            # One person has the seat, another waits.
            next(crowds[0])()
            next(crowds[0])()
        dynamo.units, dynamo.window, client.quiet = 0, window, False
        for changes in crowds:
            scheduler.spawn(partial(_act, changes, scheduler, random, crowd))
        scheduler.run()
        dynamo.window, client.quiet = 0.0, True
        assert [str(violation) for violation in audit.audit(tables)] == []
    crowd.units = dynamo.units
    return crowd


#: The changes of a client, each to be called before the next is taken.
Changes = Iterator[Callable[[], object]]


def _act(changes: Changes, scheduler: Scheduler, random: Random, crowd: Crowd) -> None:
    while scheduler.monotonic() < crowd.seconds:
        scheduler.pause(random.expovariate(1 / GAP))
        change, start = next(changes), scheduler.monotonic()
        try:
            change()
        except Contention:
            crowd.refused += 1
        crowd.latencies.append(scheduler.monotonic() - start)


def _come_and_go(tables: Tables, dynamo: Dynamo, random: Random, client: str) -> Changes:
    registered: set[str] = set()
    team = [_new_user(dynamo, f"{client}-{number}") for number in range(PEOPLE)]
    while True:
        yield partial(_switch, tables, random.choice(team), registered)


def _switch(tables: Tables, user_id: str, registered: set[str]) -> None:
    change = registrations.unregister if user_id in registered else registrations.register
    change(tables, EVENT, user_id)
    registered ^= {user_id}


def _join(tables: Tables, dynamo: Dynamo, _random: Random, client: str) -> Changes:
    for number in count():
        yield partial(registrations.register, tables, EVENT, _new_user(dynamo, f"{client}-{number}"))


def _new_user(dynamo: Dynamo, user_id: str) -> str:
    """Create a user without a transaction, which would take time and units."""
    dynamo.items["Users", user_id, ""] = marshal(user_item(User(user_id=user_id, name=user_id, created_at=now())))
    return user_id


def main() -> None:
    """Print a line for each crowd, number of clients and ceiling."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.crowd", description="Simulate a crowd.")
    parser.add_argument("--clients", default="16", help="numbers of clients, such as 8,15,16 (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=60, help="simulated duration (default: %(default)s)")
    parser.add_argument("--window", type=float, default=8, help="commit window in ms (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the simulation (default: %(default)s)")
    parser.add_argument("--joining", action="store_true", help="register newcomers only, for an event that is full")
    options = parser.parse_args()
    run = partial(
        gather, seconds=options.seconds, window=options.window / 1000, seed=options.seed, joining=options.joining
    )
    for clients in map(int, options.clients.split(",")):
        for ceiling in CEILINGS:
            crowd = run(clients, last_ceiling=ceiling)
            print(f"{clients} clients, pauses up to {ceiling} s: {crowd}", flush=True)  # noqa: T201 - a command's output


if __name__ == "__main__":
    main()
