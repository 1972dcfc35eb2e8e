"""Clients that act at the same time on one event, under a seed, and write down what they asked and were answered.

A seed decides the event and what each client asks, but not how their requests fall between each other. A client repeats
a request whose outcome it does not know until it is answered, as the API says that it may.
"""

import itertools
import random
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Barrier
from typing import Any, Final

import httpx

from tests.apparatus.client import EVENT
from tests.linearizability.checker import Operation
from tests.linearizability.model import Answer, Call, Name, State

PEOPLE: Final = ("ann", "bob", "cat", "dan", "eve", "fay")
PATIENCE_SECONDS: Final = 120
PAUSE_SECONDS: Final = 0.02

#: How often something is asked.
WEIGHTS: Final[Mapping[Name, int]] = {
    "register": 44,
    "unregister": 20,
    "update": 10,
    "get event": 12,
    "get registration": 14,
}

#: How it is asked; of several paths to the same operation, either will do.
REQUESTS: Final[Mapping[Name, tuple[str, Sequence[str]]]] = {
    "register": ("POST", ("/registrations", "/events/{event}/registrations")),
    "unregister": ("DELETE", ("/registrations/{user}/{event}", "/events/{event}/registrations/{user}")),
    "update": ("PUT", ("/events/{event}",)),
    "get event": ("GET", ("/events/{event}",)),
    "get registration": ("GET", ("/events/{event}/registrations/{user}",)),
    "list registrations": ("GET", ("/events/{event}/registrations?limit=100",)),
    "list queue": ("GET", ("/events/{event}/registrations?status=waitlisted&limit=100",)),
}


class NoAnswerError(Exception):
    """A request was repeated for two minutes, and its outcome is still not known."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What happened to one event, from its creation to the rest at the end."""

    event_id: str
    initial: State
    operations: list[Operation]


class Client:
    """One client of an event; it keeps what it asked in `operations`."""

    def __init__(self, url: str, event_id: str, number: int, seed: str) -> None:
        """Make a client with dice of its own."""
        self.operations: list[Operation] = []
        self._http = httpx.Client(base_url=url, timeout=PATIENCE_SECONDS)
        self._event_id = event_id
        self._number = number
        self._dice = random.Random(seed)  # noqa: S311 - what is asked must repeat under its seed

    def run(self, steps: int, start: Barrier) -> list[Operation]:
        """Ask so many things, from the moment on at which all clients are ready, and return what came of them."""
        # All is chosen before anything happens: how often something is repeated must not change what is asked next.
        calls = [self._choose() for _ in range(steps)]
        start.wait()
        return self.ask_all(calls)

    def ask_all(self, calls: Iterable[Call]) -> list[Operation]:
        """Ask one thing after the other, each until its outcome is known, and return what came of them.

        Raises:
            NoAnswerError: One never was.

        """
        with self._http:
            for call in calls:
                self._insist(call)
        return self.operations

    def _insist(self, call: Call) -> None:
        """Ask until the outcome is known."""
        end = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < end:
            try:
                operation = self._ask(call)
            except httpx.ConnectError:
                # Nothing was sent: there was no operation.
                time.sleep(PAUSE_SECONDS)
                continue
            self.operations.append(operation)
            if operation.known:
                return
            time.sleep(PAUSE_SECONDS)
        raise NoAnswerError(call)

    def _ask(self, call: Call) -> Operation:
        method, paths = REQUESTS[call.name]
        path = self._dice.choice(paths)
        body = dict(call.fields)
        if call.name == "register":
            body = {"userId": call.user} | ({"eventId": self._event_id} if path == "/registrations" else {})
        invoked = time.monotonic_ns()
        try:
            response = self._http.request(method, path.format(event=self._event_id, user=call.user), json=body or None)
        except httpx.ConnectError:
            raise
        except httpx.TransportError:
            return Operation(self._number, call, invoked)
        answered = time.monotonic_ns()
        answer = Answer(response.status_code, response.json() if response.content else {})
        return Operation(self._number, call, invoked, answered, answer)

    def _choose(self) -> Call:
        (name,) = self._dice.choices(list(WEIGHTS), list(WEIGHTS.values()))
        if name == "update":
            return Call(name, fields=self._changes())
        return Call(name, "" if name == "get event" else self._dice.choice(PEOPLE))

    def _changes(self) -> dict[str, Any]:
        changes = {
            "capacity": self._dice.randint(1, 4),
            "status": self._dice.choice(("active", "active", "ongoing", "scheduled", "cancelled", "completed")),
            "hasWaitlist": self._dice.random() < 0.8,
        }
        chosen = self._dice.sample(sorted(changes), self._dice.choice((1, 1, 2)))
        return {name: changes[name] for name in chosen}


def create_people(url: str) -> None:
    """Create the users that all histories share, if they are not there yet."""
    for user_id in PEOPLE:
        _create(f"{url}/users", {"userId": user_id, "name": user_id.title()})


def _create(url: str, body: Mapping[str, Any]) -> None:
    """Create something that has an id, however many requests it takes."""
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        try:
            answer = httpx.post(url, json=body, timeout=PATIENCE_SECONDS)
        except httpx.TransportError:
            time.sleep(PAUSE_SECONDS)
            continue
        if answer.status_code in {201, 409}:
            return
        assert answer.status_code == 503, answer.text
    raise NoAnswerError(url)


def record(url: str, seed: int, *, clients: int, steps: int) -> Recorded:
    """Create an event, let clients act on it at the same time, and look at it when all have their answers.

    Raises:
        NoAnswerError: A client did not get one.

    """
    dice = random.Random(seed)  # noqa: S311 - it must repeat under its seed
    initial = State(capacity=dice.randint(1, 3), has_waitlist=dice.random() < 0.9)
    event_id = f"history-{seed}-{time.time_ns()}"
    fields = {"eventId": event_id, "capacity": initial.capacity, "hasWaitlist": initial.has_waitlist}
    _create(f"{url}/events", EVENT | fields)
    start = Barrier(clients)
    crowd = [Client(url, event_id, number, f"{seed}/{number}") for number in range(1, clients + 1)]
    with ThreadPoolExecutor(clients) as threads:
        parts = list(threads.map(lambda client: client.run(steps, start), crowd))
    last: tuple[Name, ...] = ("get event", "list registrations", "list queue")
    parts.append(Client(url, event_id, 0, f"{seed}/0").ask_all(map(Call, last)))
    return Recorded(event_id, initial, list(itertools.chain(*parts)))
