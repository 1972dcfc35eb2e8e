"""Concurrent clients of one event, which record their requests and answers.

A seed decides the event and the requests of each client, but not how requests interleave. Each request goes to any of
the service's servers, as behind a load balancer. A client retries a request of unknown outcome until it is answered, as
the API allows.
"""

import itertools
import random
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from threading import Barrier
from typing import Any, Final

import httpx

from tests.apparatus.client import EVENT
from tests.apparatus.issuer import Issuer
from tests.linearizability.callers import PEOPLE, Callers
from tests.linearizability.checker import Operation
from tests.linearizability.model import Answer
from tests.linearizability.state import Call, Caller, Name, State

PATIENCE_SECONDS: Final = 120

#: Pause before a retry, which doubles up to the second of these while nobody answers: each request of unknown outcome
#: multiplies the orders that the checker has to try.
PAUSE_SECONDS: Final = 0.02
LAST_PAUSE_SECONDS: Final = 0.64

#: Relative frequencies of requests.
WEIGHTS: Final[Mapping[Name, int]] = {
    "register": 44,
    "unregister": 20,
    "update": 10,
    "get event": 12,
    "get registration": 14,
}

#: How many requests are about the person who may leave for good, and how many of these delete the person.
ABOUT_LEAVER: Final = 0.25
DELETIONS: Final = 0.25

#: Method and paths of each request; a client picks one of several equivalent paths.
REQUESTS: Final[Mapping[Name, tuple[str, Sequence[str]]]] = {
    "register": ("POST", ("/registrations", "/events/{event}/registrations")),
    "unregister": ("DELETE", ("/registrations/{user}/{event}", "/events/{event}/registrations/{user}")),
    "update": ("PUT", ("/events/{event}",)),
    "delete user": ("DELETE", ("/users/{user}",)),
    "get event": ("GET", ("/events/{event}",)),
    "get registration": ("GET", ("/events/{event}/registrations/{user}",)),
    "list registrations": ("GET", ("/events/{event}/registrations?limit=100",)),
    "list queue": ("GET", ("/events/{event}/registrations?status=waitlisted&limit=100",)),
}


class NoAnswerError(Exception):
    """A request was retried for `PATIENCE_SECONDS`, and its outcome is still unknown."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """The history of one event, from its creation to the final reads."""

    event_id: str
    initial: State
    operations: list[Operation]


class Client:
    """One client of an event, with its history in `operations`."""

    def __init__(
        self, urls: Sequence[str], event_id: str, number: int, seed: str, callers: Callers | None = None
    ) -> None:
        """Create a client of servers on one store, with its own seed; `callers` make its requests, or anybody."""
        self.operations: list[Operation] = []
        self._http = httpx.Client(timeout=PATIENCE_SECONDS)
        self._urls = urls
        self._event_id = event_id
        self._number = number
        self._dice = random.Random(seed)  # noqa: S311 - reproducible, not secret
        # Another source of chance, so that the requests about all others stay as they would be without it.
        self._leaver_dice = random.Random(f"{seed}/leaver")  # noqa: S311 - as above
        self._callers = callers or Callers()

    def run(self, steps: int, start: Barrier) -> list[Operation]:
        """Wait for all clients, make a number of requests, and return their history."""
        # All requests are chosen before the first: the number of retries must not change the later ones.
        calls = [self._with_leaver(self._with_key(self._choose(), step)) for step in range(steps)]
        start.wait()
        return self.request_all(calls)

    def request_all(self, calls: Iterable[Call]) -> list[Operation]:
        """Make requests in order, each until its outcome is known, and return their history.

        Raises:
            NoAnswerError: The outcome of one stayed unknown.

        """
        with self._http:
            for call in calls:
                self._retry(call)
        return self.operations

    def _retry(self, call: Call) -> None:
        """Retry a request until its outcome is known."""
        end, pause = time.monotonic() + PATIENCE_SECONDS, PAUSE_SECONDS
        while time.monotonic() < end:
            try:
                operation = self._request(call)
            except httpx.ConnectError:
                # The request was not sent, and is not part of the history.
                time.sleep(PAUSE_SECONDS)
                continue
            self.operations.append(operation)
            if operation.known:
                return
            time.sleep(pause)
            pause = min(LAST_PAUSE_SECONDS, 2 * pause)
        raise NoAnswerError(call)

    def _request(self, call: Call) -> Operation:
        method, paths = REQUESTS[call.name]
        server, path = self._dice.choice(self._urls), self._dice.choice(paths)
        url, body = server + path.format(event=self._event_id, user=call.user), self._body(call, path)
        headers = {
            **self._callers.headers(call.caller, call.user),
            **({"Idempotency-Key": call.key} if call.key else {}),
        }
        invoked = time.monotonic_ns()
        try:
            response = self._http.request(method, url, json=body, headers=headers)
        except httpx.ConnectError:
            raise
        except httpx.TransportError:
            return Operation(self._number, call, invoked)
        answered = time.monotonic_ns()
        answer = Answer(response.status_code, response.json() if response.content else {})
        return Operation(self._number, call, invoked, answered, answer)

    def _body(self, call: Call, path: str) -> dict[str, Any] | None:
        if call.name != "register":
            return dict(call.fields) or None
        event = {"eventId": self._event_id} if path == "/registrations" else {}
        # The token of a person may name the user in place of the body.
        unnamed = call.caller == "person" and self._dice.random() < 0.5
        return event if unnamed else {"userId": call.user, **event}

    def _with_key(self, call: Call, step: int) -> Call:
        """Give every other registration a key."""
        return replace(call, key=f"{self._number}-{step}") if call.name == "register" and step % 2 else call

    def _with_leaver(self, call: Call) -> Call:
        """Let some requests be about the person who may leave for good, and some of them delete the person."""
        if not call.user or self._leaver_dice.random() >= ABOUT_LEAVER:
            return call
        is_deletion = self._leaver_dice.random() < DELETIONS
        about = replace(call, user=self._callers.leaver)
        return replace(about, name="delete user", key=None) if is_deletion else about

    def _choose(self) -> Call:
        call = self._choose_request()
        return replace(call, caller=self._callers.choose(call, self._dice))

    def _choose_request(self) -> Call:
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


def create_people(urls: Sequence[str], issuer: Issuer | None = None) -> None:
    """Create the users that all histories share, unless they exist; with an issuer, each makes their own."""
    callers = Callers(issuer)
    for user_id in PEOPLE:
        _create_person(urls[0], callers, user_id)


def _create_person(url: str, callers: Callers, user_id: str) -> None:
    body = {"userId": user_id, "name": user_id.title()}
    _create(f"{url}/users", body, callers.headers("person", user_id))


def _create(url: str, body: Mapping[str, Any], headers: Mapping[str, str]) -> None:
    """Create a resource with an id; retry until it exists."""
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        try:
            answer = httpx.post(url, json=body, headers=headers, timeout=PATIENCE_SECONDS)
        except httpx.TransportError:
            time.sleep(PAUSE_SECONDS)
            continue
        if answer.status_code in {201, 409}:
            return
        assert answer.status_code == 503, answer.text
    raise NoAnswerError(url)


def record(urls: Sequence[str], seed: int, issuer: Issuer | None = None, *, clients: int, steps: int) -> Recorded:
    """Create an event, run concurrent clients on it, and read its final state; the service trusts `issuer`, if any.

    Raises:
        NoAnswerError: A client got no answer.

    """
    dice = random.Random(seed)  # noqa: S311 - reproducible, not secret
    initial = State(capacity=dice.randint(1, 3), has_waitlist=dice.random() < 0.9)
    name = f"{seed}-{time.time_ns()}"
    event_id = f"history-{name}"
    fields = {"eventId": event_id, "capacity": initial.capacity, "hasWaitlist": initial.has_waitlist}
    callers = Callers(issuer, leaver=f"gus-{name}")
    _create_person(urls[0], callers, callers.leaver)
    _create(f"{urls[0]}/events", EVENT | fields, callers.headers("organizer"))
    start = Barrier(clients)
    crowd = [Client(urls, event_id, number, f"{seed}/{number}", callers) for number in range(1, clients + 1)]
    with ThreadPoolExecutor(clients) as threads:
        parts = list(threads.map(lambda client: client.run(steps, start), crowd))
    parts.append(Client(urls, event_id, 0, f"{seed}/0", callers).request_all(_last(callers)))
    return Recorded(event_id, initial, list(itertools.chain(*parts)))


def _last(callers: Callers) -> list[Call]:
    """Return the final reads."""
    reader: Caller = "organizer" if callers.required else "anybody"
    reads = [Call("get event"), Call("list registrations", caller=reader), Call("list queue", caller=reader)]
    return [*reads, Call("list registrations", caller="another organizer")] if callers.required else reads
