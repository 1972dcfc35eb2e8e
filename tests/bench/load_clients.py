"""Clients that ask as fast as they are answered, and that remember what they were told."""

import random
import time
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

import httpx

#: What a client asks for, of a hundred requests. A change is a registration where there is none, and its end otherwise.
MIX: Final = {"change": 40, "get event": 35, "position": 15, "list": 10}

#: So many people register through one client, each for one event.
PEOPLE: Final = 16

ANSWER_SECONDS: Final = 30

#: What a client knows of somebody: the registration's status, that there is none, or nothing since a lost answer.
Known = Literal["confirmed", "waitlisted", "absent", "unknown"]


class Sample(NamedTuple):
    """One request and its answer; `status` is 0 and `problem` says why if there was none, the seconds are its time."""

    start: float
    operation: str
    status: int
    problem: str
    seconds: float

    @property
    def contention(self) -> bool:
        """Whether it was the one refusal that a busy event may give."""
        return (self.status, self.problem) == (503, "Contention")

    @property
    def fault(self) -> bool:
        """Whether it was no answer at all, or the fault of the service."""
        return not self.contention and (self.status == 0 or self.status >= 500)


class Client:
    """One client, with people of its own, so that nobody else changes what it knows of them."""

    def __init__(self, http: httpx.AsyncClient, name: str, events: Sequence[str], seed: int) -> None:
        """Take a connection, a name, the events to choose from, and the seed of all choices."""
        self._http = http
        self._dice = random.Random(seed)  # noqa: S311 - it has to be repeatable, not secret
        self.events = {f"{name}-{number:02d}": self._dice.choice(events) for number in range(PEOPLE)}
        self.known: dict[str, Known] = dict.fromkeys(self.events, "absent")
        self.samples: list[Sample] = []
        self.surprises: list[str] = []

    async def join(self) -> None:
        """Create the people."""
        for person in self.events:
            answer = await self._http.post("/users", json={"userId": person, "name": "Somebody"})
            answer.raise_for_status()

    async def run(self, until: float) -> None:
        """Ask for one thing after the other until this moment on `time.monotonic()`'s clock."""
        while time.monotonic() < until:
            (wish,) = self._dice.choices(list(MIX), list(MIX.values()))
            person = self._dice.choice(list(self.events))
            waiting = [other for other, known in self.known.items() if known == "waitlisted"]
            if wish == "change":
                await self._change(person)
            elif wish == "position" and waiting:
                await self._look(self._dice.choice(waiting))
            elif wish == "list":
                await self._ask("list", "GET", f"/events/{self.events[person]}/registrations", {200})
            else:
                await self._ask("get event", "GET", f"/events/{self.events[person]}", {200})

    async def _change(self, person: str) -> None:
        known, path = self.known[person], f"/events/{self.events[person]}/registrations"
        if known == "unknown":
            await self._look(person)
        elif known == "absent":
            answer = await self._ask("register", "POST", path, {201}, person)
            if answer is not None and answer.status_code == 201:
                self.known[person] = answer.json()["status"]
        else:
            answer = await self._ask("unregister", "DELETE", f"{path}/{person}", {204}, person)
            if answer is not None and answer.status_code == 204:
                self.known[person] = "absent"

    async def _look(self, person: str) -> None:
        """Ask what became of somebody; the answer must fit what is known, but those who waited may have a seat now."""
        before = self.known[person]
        path = f"/events/{self.events[person]}/registrations/{person}"
        expected = {200, 404} if before == "unknown" else {200}
        answer = await self._ask("position", "GET", path, expected)
        if answer is None or answer.status_code not in expected:
            return
        self.known[person] = answer.json()["status"] if answer.status_code == 200 else "absent"
        if (before, self.known[person]) == ("confirmed", "waitlisted"):
            self.surprises.append(f"{person} had a seat, and waits now")

    async def _ask(
        self, operation: str, method: str, path: str, expected: set[int], changes: str | None = None
    ) -> httpx.Response | None:
        """Make a request and note it; whom it `changes` is unknown after a lost answer, and as before on contention."""
        body = {"userId": changes} if method == "POST" else None
        answer, status, problem = None, 0, ""
        start = time.monotonic()
        try:
            answer = await self._http.request(method, path, json=body)
        except httpx.TransportError as error:
            problem = type(error).__name__
        if answer is not None:
            status = answer.status_code
            problem = answer.json()["title"] if status >= 400 else ""
        sample = Sample(start, operation, status, problem, time.monotonic() - start)
        self.samples.append(sample)
        if sample.fault and changes:
            self.known[changes] = "unknown"
        elif status not in expected and not sample.contention and not sample.fault:
            self.surprises.append(f"{method} {path}: {status} {problem}")
        return answer
