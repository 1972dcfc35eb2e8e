"""The load command sees what it says it sees: faults, growth, and whatever the service has lost."""

import asyncio
from pathlib import Path

import httpx
import pytest

from storage import audit
from tests.bench.load_clients import MIX, Client, Known, Sample
from tests.bench.load_findings import broken
from tests.bench.load_run import Load, disagreements, run
from tests.bench.load_server import started


def load(clients: int = 16, *samples: Sample, grows: float = 0.0) -> Load:
    """Make a load of a minute, in whose second half memory is larger by a share."""
    memory = [(float(second), 80 * (1 + grows * (second >= 30))) for second in range(60)]
    return Load(clients, 1, 60, 1, list(samples), memory)


def answered(status: int, problem: str = "") -> Sample:
    return Sample(1.0, "register", status, problem, 0.1)


def test_a_short_load_on_the_real_service_loses_nothing(tmp_path: Path) -> None:
    with started(tmp_path / "server.log") as server:
        seen = run(server, Load(clients=4, events=1, seconds=4, seed=1))
        assert server.store is not None
        assert list(audit.audit(server.store)) == []
    assert broken(seen) == []
    operations = {sample.operation for sample in seen.samples}
    assert {"register", "unregister", "get event", "list"} <= operations
    assert sum(MIX.values()) == 100


def test_contention_is_allowed_from_sixteen_clients_on() -> None:
    contention = answered(503, "Contention")
    assert broken(load(16, contention)) == []
    assert broken(load(15, contention)) == ["1 times 503 Contention with fewer than 16 clients"]


@pytest.mark.parametrize(
    "sample",
    [answered(500, "Internal Server Error"), answered(503, "Storage unavailable"), answered(0, "ReadTimeout")],
    ids=lambda sample: sample.problem,
)
def test_any_other_fault_breaks_the_promise(sample: Sample) -> None:
    assert broken(load(64, answered(201), sample)) == [f"1 times {sample.status} {sample.problem}"]


def test_memory_may_not_grow_by_more_than_three_percent() -> None:
    assert broken(load(grows=0.02)) == []
    assert broken(load(grows=0.05)) == ["memory grew by 5.0% from the second to the last quarter"]


@pytest.mark.parametrize(
    ("known", "found"),
    [
        ({"a": "confirmed", "b": "waitlisted", "c": "absent"}, []),
        ({"a": "waitlisted", "b": "unknown", "c": "unknown"}, []),  # A has been promoted since.
        ({"a": "absent", "b": "waitlisted", "c": "absent"}, ["a is confirmed, and was told absent"]),
        ({"a": "confirmed", "b": "confirmed", "c": "absent"}, ["b is waitlisted, and was told confirmed"]),
        ({"a": "confirmed", "b": "waitlisted", "c": "waitlisted"}, ["c is absent, and was told waitlisted"]),
    ],
)
def test_what_the_service_shows_is_held_against_what_it_told(known: dict[str, Known], found: list[str]) -> None:
    assert compared(known, confirmed=1, waiting=1, capacity=1) == found


def test_counts_that_are_not_those_of_the_list_and_seats_that_stay_empty_are_seen() -> None:
    known: dict[str, Known] = {"a": "confirmed", "b": "waitlisted"}
    assert compared(known, confirmed=2, waiting=0, capacity=1) == ["e lists (1, 1), and counts (2, 0)"]
    assert compared(known, confirmed=1, waiting=1, capacity=2) == ["e has 1 confirmed of 2 for 2 seats"]


def compared(known: dict[str, Known], *, confirmed: int, waiting: int, capacity: int) -> list[str]:
    """Compare with a service where `a` has a seat and `b` waits."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/events/e":
            counts = {"confirmedCount": confirmed, "waitlistCount": waiting, "capacity": capacity}
            return httpx.Response(200, json=counts)
        if "cursor" not in request.url.params:
            page = {"registrations": [{"userId": "a", "status": "confirmed"}], "nextCursor": "next"}
            return httpx.Response(200, json=page)
        return httpx.Response(200, json={"registrations": [{"userId": "b", "status": "waitlisted"}]})

    async def compare() -> list[str]:
        transport = httpx.MockTransport(answer)
        async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as http:
            client = Client(http, "client", ["e"], seed=1)
            client.known = known
            client.events = dict.fromkeys(known, "e")
            return await disagreements(http, "e", [client])

    return asyncio.run(compare())
