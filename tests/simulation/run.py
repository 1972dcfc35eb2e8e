"""One schedule: a seed decides who does what, who is next at every call, and what goes wrong."""

import contextlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, cast

from storage import audit, events, registrations, users
from storage.dynamodb.deadline import within
from storage.dynamodb.tables import Tables
from storage.errors import Refusal
from tests.simulation.clients import CAPACITIES, NARROW, WEIGHTS, Call, Request, ask, draw, fields, repeated
from tests.simulation.dynamodb import Change, Demand, Dynamo
from tests.simulation.ledger import Commit, Ledger, ViolationError
from tests.simulation.network import Client, Crash, Fault
from tests.simulation.scheduler import Scheduler, virtual
from tests.simulation.truth import judge


@dataclass
class Outcome:
    """What came of a schedule; `violation` says what was broken, if anything was."""

    seed: int
    violation: str | None = None
    history: list[str] = field(default_factory=list)
    figures: Counter[str] = field(default_factory=Counter)
    faults: Counter[Fault] = field(default_factory=Counter)
    demands: set[Demand] = field(default_factory=set)


def simulate(seed: int, *, ignored: frozenset[Demand] = frozenset(), told: bool = False) -> Outcome:
    """Run the schedule of a seed; its history is written down if it is to be told."""
    outcome = Outcome(seed)
    world = World(Random(seed), ignored, outcome.history if told else None)  # noqa: S311 - dice, no secret
    try:
        with virtual(world.scheduler, world.random, world.batch):
            world.live()
            world.rest()
    except ViolationError as violation:
        outcome.violation = str(violation)
    except Exception as error:  # noqa: BLE001 - whatever the ledger raises that is no refusal is a finding
        outcome.violation = f"{type(error).__name__}: {error}"
    if outcome.violation:
        world.note(outcome.violation)
    outcome.figures = world.ledger.figures + Counter(
        calls=len(world.calls), transactions=world.dynamo.moment, conflicts=world.dynamo.conflicts
    )
    outcome.faults, outcome.demands = world.client.met, world.dynamo.demands
    return outcome


class World:
    """The ledger, its clients and what lies between them."""

    def __init__(self, random: Random, ignored: frozenset[Demand], history: list[str] | None) -> None:
        """Draw how this world is: how many there are, how often what goes wrong, how time passes."""
        self.random = random
        self._history = history
        self.ledger = Ledger()
        self.calls: list[Call] = []
        self.batch = random.choice((1, 2, 49))
        self.scheduler = Scheduler(random, stay=random.choice((0.0, 0.0, 0.5, 0.9)))
        torn, lags = random.choice((0.0, 0.2)), random.choice((0.0, 0.3))
        self.dynamo = Dynamo(
            random,
            pause=lambda: self.client.travel(),  # noqa: PLW0108 - the client is made after it
            decided=self._decided,
            tear=lambda: not self.client.quiet and random.random() < torn,
            lags=lambda: not self.client.quiet and random.random() < lags,
            ignored=ignored,
        )
        self.client = Client(
            self.dynamo,
            self.scheduler,
            random,
            _rates(random),
            latency=random.choice((0.0, 0.0005, 0.01)),
            unknown=_unknown,
            note=self.note,
        )
        self.weights = random.choice((WEIGHTS, NARROW, NARROW))
        self.event_ids = ["e0", "e1"][: random.choice((1, 1, 1, 2))]
        self.user_ids = [f"u{number}" for number in range(random.choice((2, 3, 4, 5, 8)))]
        self.versions: dict[str, list[str]] = {event_id: [] for event_id in self.event_ids}

    def live(self) -> None:
        """Let everything happen, until nobody wants anything any more."""
        self.tables = Tables(cast("Any", self.client), retry_seconds=self.random.choice((0.05, 0.5, 5)))
        self._begin()
        self.client.quiet = False
        for number in range(self.random.randint(2, 6)):
            self.scheduler.spawn(lambda number=number: self._be_client(f"client {number}"))  # type: ignore[misc]
        self.scheduler.run()
        self.client.quiet = True

    def _begin(self) -> None:
        for user_id in self.user_ids:
            if self.random.random() < 0.9:
                users.create(self.tables, user_id, user_id)
        for event_id in self.event_ids:
            capacity, waitlist = self.random.choice(CAPACITIES), self.random.random() < 0.85
            events.create(self.tables, event_id, fields({"capacity": capacity, "has_waitlist": waitlist}))
            for user_id in self.random.sample(
                self.user_ids, self.random.choice((0, len(self.user_ids) // 2, len(self.user_ids)))
            ):
                with contextlib.suppress(Refusal):
                    registrations.register(self.tables, event_id, user_id)

    def _be_client(self, name: str) -> None:
        for _ in range(self.random.randint(3, 7)):
            request = draw(self.random, self.event_ids, self.user_ids, self.versions, self.weights)
            while repeated(self.random, self.perform(name, request)):
                self.scheduler.pause(self.random.random())
            self.scheduler.pause(self.random.choice((0.0, 0.001, 0.1)))

    def perform(self, client: str, request: Request) -> Any:
        """Make a request, write down when it began and ended, and judge the answer."""
        call = Call(client, request, self.dynamo.settled)
        self.calls.append(call)
        self.scheduler.about = call
        self.note(f"{call} ?")
        try:
            with within(self.random.choice((1.35, 2.25, float("inf"), float("inf")))):
                call.outcome = ask(self.tables, request)
        except (Refusal, Crash) as outcome:
            call.outcome = outcome
        call.until, call.over = self.dynamo.moment, True
        self.note(f"{call} -> {call.outcome!r}{' (it may have been done)' if call.unknown else ''}")
        if request.name in {"create event", "get event", "update"} and call.succeeded:
            self.versions[request.event_id].append(call.outcome.version)
        judge(call, self.ledger)
        self._judge_duty(call)
        self.scheduler.about = None
        return call.outcome

    def _judge_duty(self, call: Call) -> None:
        """Look that whoever wrote went on with a promotion that was interrupted before, or that the call began."""
        episode = self.ledger.episodes.get(call.request.event_id)
        if episode is None or not call.succeeded or not call.commits:
            return
        mine = max(commit.moment for commit in call.commits)
        begun = episode.by is call
        interrupted = episode.by.over and max(episode.moment, episode.by.until) < mine
        if begun or interrupted:
            raise ViolationError(f"{call} wrote, and left somebody waiting beside a free seat")

    def _decided(self, changes: Sequence[Change], by: Any) -> None:
        for commit in self.ledger.decided(self.dynamo.moment, changes, by):
            if by is not None:
                by.commits.append(commit)
            self.note(f"transaction {commit.moment} for {by}: {_told(commit)}")

    def rest(self) -> None:
        """Judge what is left when nobody wants anything; an interrupted promotion is for the next write to finish."""
        for event_id, episode in list(self.ledger.episodes.items()):
            if episode.by is None or episode.by.succeeded:
                raise ViolationError(f"{event_id}: somebody waits beside a free seat, and nobody was interrupted")
            self.ledger.figures["interrupted promotions"] += 1
            self._last_write(event_id)
        for violation in audit.audit(self.tables):
            raise ViolationError(str(violation))

    def _last_write(self, event_id: str) -> None:
        users.create(self.tables, "latecomer", "L") if "latecomer" not in self.ledger.users else None
        person = self.random.choice(list(self.ledger.state(event_id).people))
        requests = [
            Request("register", event_id, "latecomer"),
            Request("unregister", event_id, person),
            Request("update", event_id, "", {"title": "W"}),
            Request("update", event_id, "", {"title": "T"}),
        ]
        self.perform("the last one", self.random.choice(requests))
        if event_id in self.ledger.episodes:
            raise ViolationError(f"{event_id}: the next write did not go on with the promotion")

    def note(self, text: str) -> None:
        """Write down what happens, if somebody wants to know."""
        if self._history is not None:
            self._history.append(f"{self.scheduler.monotonic():9.4f} {self.dynamo.moment:4d}  {text}")


def _unknown(call: Call | None) -> None:
    if call is not None:
        call.unknown = True


def _rates(random: Random) -> dict[Fault, float]:
    """Draw how often each fault is met: never in some worlds, one kind often in others."""
    kind = random.random()
    if kind < 0.25:
        return {}
    rates = {fault: random.choice((0.0, 0.01, 0.05)) for fault in Fault}
    if kind < 0.5:
        rates[random.choice(list(Fault))] = 0.2
    return rates


def _told(commit: Commit) -> str:
    after = commit.after
    if not after.exists:
        return "deleted"
    return (
        f"{after.value('status')} {after.confirmed}/{after.number('capacity')}"
        f" {'waitlist' if after.value('hasWaitlist') else 'no waitlist'}, queue {after.places};"
        f" came {commit.came}, left {commit.left}, promoted {commit.promoted}"
    )
