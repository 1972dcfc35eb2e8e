"""Simulation of one schedule: a seed decides the requests, the order of all calls, and the faults."""

import contextlib
import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final, cast

from storage import audit, queue, registrations, users
from storage.dynamodb.deadline import within
from storage.dynamodb.tables import Tables
from storage.errors import Refusal, Unavailable
from tests.simulation.answers import check_answer
from tests.simulation.clients import (
    CAPACITIES,
    HOT,
    LEAVING,
    WEIGHTS,
    WRITES_ONLY,
    Call,
    Request,
    draw,
    emptying,
    execute,
    repeated,
)
from tests.simulation.dynamodb import Change, Demand, Dynamo
from tests.simulation.grouped import SIZES, Batch, Process, calls_of, grouping
from tests.simulation.network import Client, Crash, Fault, Result
from tests.simulation.scheduler import Scheduler, virtual
from tests.simulation.timeline import Commit, Timeline, ViolationError
from tests.simulation.told import Told

#: Longest time in seconds after which the next item of a transaction becomes visible.
SLOWEST: Final = 1.0


@dataclass
class Outcome:
    """The outcome of a schedule; `violation` describes the first broken promise, if any."""

    seed: int
    violation: str | None = None
    trace: list[str] = field(default_factory=list)
    figures: Counter[str] = field(default_factory=Counter)
    faults: Counter[Fault] = field(default_factory=Counter)
    demands: set[Demand] = field(default_factory=set)
    #: The `Dynamo.decisive` of the schedule.
    decisive: set[frozenset[Demand]] = field(default_factory=set)


def simulate(seed: int, *, ignored: frozenset[Demand] = frozenset(), trace: bool = False) -> Outcome:
    """Run the schedule of a seed; with `trace`, record every request, fault and transaction."""
    outcome = Outcome(seed)
    # Both are reproducible, not secret.
    rare = Random(f"rare {seed}")  # noqa: S311
    world = World(Random(seed), rare, ignored, outcome.trace if trace else None)  # noqa: S311
    try:
        with virtual(world.scheduler, world.random, world.batch), grouping(world.scheduler, world.sizes, world.recent):
            world.run()
            world.check_at_rest()
    except ViolationError as violation:
        outcome.violation = str(violation)
    except Exception as error:  # noqa: BLE001 - any error of `storage` but a refusal is a finding
        outcome.violation = f"{type(error).__name__}: {error}"
    if outcome.violation:
        world.note(outcome.violation)
    outcome.figures = world.timeline.figures + Counter(
        calls=len(world.calls), transactions=world.dynamo.moment, conflicts=world.dynamo.conflicts
    )
    outcome.faults = world.client.met
    outcome.demands, outcome.decisive = world.dynamo.demands, world.dynamo.decisive
    return outcome


class World:
    """The store, its clients and the network between them."""

    def __init__(self, random: Random, rare: Random, ignored: frozenset[Demand], trace: list[str] | None) -> None:
        """Draw the parameters: numbers of clients and events, rates of faults, latency.

        What `rare` decides leaves the other schedules as they are.
        """
        self.random, self._rare = random, rare
        #: Whether events are deleted with their registrations.
        self._emptying = rare.random() < 0.2
        self._trace = trace
        #: Whether requests of one process share transactions, and the sizes of these.
        self.grouped, self.sizes = random.random() < 0.5, random.choice(SIZES)
        self.recent = random.choice((1, 1, 8))
        #: Whether many clients crowd one event.
        self.hot = self.grouped and random.random() < 0.7
        self.timeline, self.told = Timeline(), Told()
        self.calls: list[Call] = []
        self.batch = random.choice((1, 2, 49))
        self.scheduler = Scheduler(random, stay=random.choice((0.0, 0.0, 0.5, 0.9)))
        torn, lags = random.choice((0.1, 0.5)), random.choice((0.0, 0.3))
        self._slow = random.choice((0.1, 0.3, 0.5))
        self.dynamo = Dynamo(
            random,
            pause=self._between_items,
            committed=self._committed,
            tear=lambda: not self.client.quiet and random.random() < torn,
            lags=lambda: not self.client.quiet and random.random() < lags,
            ignored=ignored,
        )
        self.client = Client(
            self.dynamo,
            self.scheduler,
            random,
            _rates(random) if not self.hot or random.random() < 0.5 else {},
            busy_after_loss=random.choice((0.0, 0.0, 0.5)),
            latency=random.choice((0.0, 0.0005, 0.01)),
            on_outcome=_note_outcome,
            note=self.note,
        )
        self.weights = random.choice(HOT if self.hot else (WEIGHTS, WRITES_ONLY, WRITES_ONLY, LEAVING))
        self.event_ids = ["e0", "e1"][: 1 if self.hot else random.choice((1, 1, 1, 2))]
        crowd = (8, 16) if self.hot else (1, 2, 2, 3) if self.weights is LEAVING else (2, 3, 4, 5, 8)
        self.user_ids = [f"u{number}" for number in range(random.choice(crowd))]
        self.versions: dict[str, list[str]] = {event_id: [] for event_id in self.event_ids}
        #: The events whose calls, or the worker for them, died: a promotion may have no owner.
        self.crashed: set[str] = set()
        self.processes: list[Process] = []
        self._numbers = itertools.count()
        #: The request that made each event, which clients repeat at any time.
        self._first: dict[str, Request] = {}

    def run(self) -> None:
        """Run all clients to their ends."""
        retry_seconds = self.random.choice((0.05, 0.5, 5))
        for _ in range(self.random.choice((1, 2, 2))):
            tables = Tables(cast("Any", self.client), retry_seconds=retry_seconds)
            tables.hand_over = self._hand_over
            self.processes.append(Process(tables, self.scheduler))
        self.tables = self.processes[0].tables
        self._begin()
        self.client.quiet = False
        for number in range(self.random.randint(*((8, 16) if self.hot else (2, 6)))):
            self.scheduler.spawn(lambda number=number: self._act(f"client {number}"))  # type: ignore[misc]
        self.scheduler.run()
        self.client.quiet = True

    def _between_items(self) -> None:
        """Let other tasks run while the store works on the items of a transaction, at times for many calls."""
        slowly = not self.client.quiet and self.random.random() < self._slow
        self.scheduler.pause(self.random.uniform(0, SLOWEST)) if slowly else self.client.travel()

    def _begin(self) -> None:
        for user_id in self.user_ids:
            if self.random.random() < (0.97 if self.hot else 0.9):
                users.create(self.tables, user_id, user_id)
        for event_id in self.event_ids:
            capacity, waitlist = self.random.choice(CAPACITIES), self.random.random() < (0.95 if self.hot else 0.85)
            given = {"capacity": capacity, "has_waitlist": waitlist}
            self._first[event_id] = Request("create event", event_id, "", given, key=f"first-{event_id}")
            execute(self.tables, self._first[event_id])
            for user_id in self.random.sample(self.user_ids, self.random.choice(self._crowds())):
                with contextlib.suppress(Refusal):
                    registrations.register(self.tables, event_id, user_id)

    def _crowds(self) -> list[int]:
        """Return the numbers of people, of which one is registered at the beginning."""
        everybody = len(self.user_ids)
        if self.hot:
            return [0, everybody // 8] if self.weights["register"] > self.weights["unregister"] else [everybody]
        return [0, everybody // 2, everybody]

    def _act(self, name: str) -> None:
        for _ in range(self.random.randint(*((1, 3) if self.hot else (3, 7)))):
            drawn = draw(self.random, self.event_ids, self.user_ids, self.versions, self.weights)
            request = (emptying(self._rare, drawn) if self._emptying else drawn).with_key(next(self._numbers))
            if request.name == "create event" and request.key and not request.generated:
                request = self._first[request.event_id]
            while repeated(self.random, request, self.perform(name, request)):
                self.scheduler.pause(self.random.random())
            self.scheduler.pause(0.0 if self.hot else self.random.choice((0.0, 0.001, 0.1)))

    def perform(self, client: str, request: Request) -> Any:
        """Execute a request, and check its answer."""
        call = Call(client, request, self.dynamo.settled)
        self.calls.append(call)
        self.scheduler.about = call
        self.note(f"{call} ?")
        try:
            with within(self.random.choice((1.35, 2.25, float("inf"), float("inf")))):
                call.outcome = self._execute(request)
        except (Refusal, Crash) as outcome:
            call.outcome = outcome
        call.until, call.over = self.dynamo.moment, True
        if isinstance(call.outcome, Crash):
            self.crashed |= {request.event_id} if request.name != "delete user" else set(self.event_ids)
        self.note(f"{call} -> {call.outcome!r}{' (it may have been applied)' if call.unknown else ''}")
        if request.name in {"create event", "get event", "update"} and call.succeeded:
            self.versions.setdefault(request.event_id, []).append(call.outcome.version)
        check_answer(call, self.timeline)
        self._check_promotion(call)
        self.scheduler.about = None
        return call.outcome

    def _execute(self, request: Request) -> Any:
        process = self.random.choice(self.processes)
        if self.grouped and not self.client.quiet and request.name in {"register", "unregister"}:
            kind: Any = request.name
            return process.change(kind, request.event_id, request.user_id, request.key)
        return execute(process.tables, request)

    def _check_promotion(self, call: Call) -> None:
        """Check that a successful write completed the promotion that it caused or found interrupted."""
        episode = self.timeline.episodes.get(call.request.event_id)
        if episode is None or not call.succeeded or not call.commits or call.handed_over:
            return
        mine = max(commit.moment for commit in call.commits)
        begun = episode.by is call
        interrupted = episode.by.over and max(episode.moment, episode.by.until) < mine
        if begun or interrupted:
            raise ViolationError(f"{call} wrote, left a person waiting beside a free seat, and told nobody")

    def _hand_over(self, event_id: str, /, *, unknown: bool = False) -> None:
        """Let the worker continue the promotion of an event, in a while; after an unknown outcome, again later."""
        call = self.scheduler.about
        call.handed_over = True
        self.note(f"{call} hands over the promotion of {event_id}")
        self.scheduler.spawn(lambda: self._work(event_id), after=self.random.choice((0.0, 0.01, 1.0)))
        if unknown:
            self.scheduler.spawn(lambda: self._work(event_id), after=queue.UNKNOWN_SECONDS)

    def _work(self, event_id: str) -> None:
        """Continue a promotion as the worker does: again after a failure, unless the worker dies."""
        self.timeline.figures["promotions handed over"] += 1
        outcome = self.perform("worker", Request("promote", event_id, "", {"batches": self.random.choice((1, None))}))
        if isinstance(outcome, Unavailable):
            self._work(event_id)

    def _committed(self, changes: Sequence[Change], by: Any) -> None:
        commits = self.timeline.record(self.dynamo.moment, changes, by)
        self.timeline.figures["notifications"] += self.told.check(changes, commits)
        for commit in commits:
            together = len({*commit.came, *commit.left})
            self.timeline.figures["shared transactions"] += together > 1
            self.timeline.figures["requests in shared transactions"] += together if together > 1 else 0
            for call in calls_of(by, {*commit.came, *commit.left}):
                call.commits.append(commit)
            self.note(f"transaction {commit.moment} for {by}: {_described(commit)}")
            if isinstance(by, Batch) and by.jumped(commit.came):
                raise ViolationError(f"transaction {commit.moment} for {by}: the order of arrival is not the queue's")

    def check_at_rest(self) -> None:
        """Complete promotions whose owner died with one more write each, then audit the tables and what was told."""
        for event_id in list(self.timeline.episodes):
            if event_id not in self.crashed:
                raise ViolationError(f"{event_id}: a person waits beside a free seat, and no call or worker died")
            self.timeline.figures["interrupted promotions"] += 1
            self._last_write(event_id)
        for violation in audit.audit(self.tables):
            raise ViolationError(str(violation))
        for user_id in list(self.timeline.users):
            if "leaving" in (self.timeline.user(user_id) or {}):
                self.timeline.figures["interrupted deletions"] += 1
                self.perform("the last one", Request("delete user", "", user_id))
        for event_id in self.timeline.states:
            if self.timeline.state(event_id).deleting:
                self.timeline.figures["interrupted deletions of events"] += 1
                self.perform("the last one", Request("empty event", event_id, ""))
        for violation in audit.audit(self.tables):
            raise ViolationError(str(violation))
        self.told.check_sum(self.dynamo.items)

    def _last_write(self, event_id: str) -> None:
        users.create(self.tables, "latecomer", "L") if "latecomer" not in self.timeline.users else None
        person = self.random.choice(list(self.timeline.state(event_id).people))
        requests = [
            Request("register", event_id, "latecomer"),
            Request("unregister", event_id, person),
            Request("update", event_id, "", {"title": "W"}),
            Request("update", event_id, "", {"title": "T"}),
        ]
        self.scheduler.spawn(lambda: self.perform("the last one", self.random.choice(requests)))
        self.scheduler.run()
        if event_id in self.timeline.episodes:
            raise ViolationError(f"{event_id}: the next write did not complete the promotion")

    def note(self, text: str) -> None:
        """Add a line to the trace, if there is one."""
        if self._trace is not None:
            self._trace.append(f"{self.scheduler.monotonic():9.4f} {self.dynamo.moment:4d}  {text}")


def _note_outcome(result: Result) -> None:
    for call in calls_of(result.about, {*result.users}):
        (call.undecided.discard if result.known else call.undecided.add)(result.token)
        call.overtaken = call.overtaken or result.overtaken


def _rates(random: Random) -> dict[Fault, float]:
    """Draw the rate of each fault: all zero in a quarter of the schedules, one kind frequent in another quarter."""
    kind = random.random()
    if kind < 0.25:
        return {}
    rates = {fault: random.choice((0.0, 0.01, 0.05)) for fault in Fault}
    if kind < 0.5:
        rates[random.choice(list(Fault))] = 0.2
    return rates


def _described(commit: Commit) -> str:
    after = commit.after
    if not after.exists:
        return "deleted"
    return (
        f"{after.value('status')} {after.confirmed}/{after.number('capacity')}"
        f" {'waitlist' if after.value('hasWaitlist') else 'no waitlist'}, queue {after.places};"
        f" came {commit.came}, left {commit.left}, promoted {commit.promoted}"
    )
