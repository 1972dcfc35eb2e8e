"""The clients of a load: each registers and unregisters people of its own, and checks every answer."""

import random
from collections.abc import Sequence
from typing import Final, Literal

from tests.bench.load.connection import Response
from tests.bench.load.generator import Request, Sample

#: Share of each kind of request, in percent. A change registers a person, or unregisters one who is registered.
MIX: Final = {"change": 40, "get event": 35, "position": 15, "list": 10}

#: People per client, each for one event.
PEOPLE: Final = 16

#: The last known state of a person: a registration's status, not registered, or unknown after a lost answer.
Known = Literal["confirmed", "waitlisted", "absent", "unknown"]

_SUCCESS: Final = {"register": 201, "unregister": 204, "list": 200, "get event": 200, "position": 200}


class Client:
    """The script of one client; nobody else changes the registrations of its people."""

    def __init__(self, name: str, events: Sequence[str], seed: int) -> None:
        """Take the name, the events to choose from, and the seed of all choices."""
        self._dice = random.Random(seed)  # noqa: S311 - it has to be repeatable, not secret
        self.events = {f"{name}-{number:02d}": self._dice.choice(events) for number in range(PEOPLE)}
        self.known: dict[str, Known] = dict.fromkeys(self.events, "absent")
        self.unexpected: list[str] = []

    def next_request(self) -> Request:
        """Choose a request at random."""
        (kind,) = self._dice.choices(list(MIX), list(MIX.values()))
        person = self._dice.choice(list(self.events))
        waiting = [other for other, known in self.known.items() if known == "waitlisted"]
        if kind == "change":
            return self._change(person)
        if kind == "position" and waiting:
            return self._position(self._dice.choice(waiting))
        if kind == "list":
            return Request("list", "GET", self._registrations(person))
        return Request("get event", "GET", f"/events/{self.events[person]}")

    def receive(self, request: Request, sample: Sample, response: Response | None) -> None:
        """Update the known state of the person, and record an unexpected answer."""
        person, known = request.person, self.known.get(request.person)
        if sample.status == _SUCCESS[request.operation]:
            if response and request.operation in {"register", "position"}:
                self.known[person] = response.json()["status"]
            elif request.operation == "unregister":
                self.known[person] = "absent"
            if request.operation == "position" and (known, self.known[person]) == ("confirmed", "waitlisted"):
                self.unexpected.append(f"{person} was confirmed, and is waitlisted now")
        elif sample.fault:
            if request.operation in {"register", "unregister"}:
                self.known[person] = "unknown"
        elif request.operation == "position" and (known, sample.status) == ("unknown", 404):
            self.known[person] = "absent"
        elif not sample.contention:
            self.unexpected.append(f"{request.method} {request.path}: {sample.status} {sample.problem}")

    def _change(self, person: str) -> Request:
        known, path = self.known[person], self._registrations(person)
        if known == "unknown":
            return self._position(person)
        if known == "absent":
            return Request("register", "POST", path, {"userId": person}, person)
        return Request("unregister", "DELETE", f"{path}/{person}", None, person)

    def _position(self, person: str) -> Request:
        return Request("position", "GET", f"{self._registrations(person)}/{person}", None, person)

    def _registrations(self, person: str) -> str:
        return f"/events/{self.events[person]}/registrations"
