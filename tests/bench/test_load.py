"""The load command reports faults, memory growth, and registrations that the service has lost."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from storage import audit
from tests.bench.load.clients import MIX, Client, Known
from tests.bench.load.findings import failures
from tests.bench.load.generator import Sample
from tests.bench.load.run import Load, disagreements, run
from tests.bench.load.server import started


def load(clients: int = 16, *samples: Sample, grows: float = 0.0) -> Load:
    """Return a load of a minute; in its second half memory is larger by the share `grows`."""
    memory = [(float(second), 80 * (1 + grows * (second >= 30))) for second in range(60)]
    return Load(clients, 1, 60, 1, list(samples), memory)


def answered(status: int, problem: str = "") -> Sample:
    return Sample(1.0, "register", status, problem, 0.1)


def test_a_short_load_on_the_real_service_loses_nothing(tmp_path: Path) -> None:
    with started(tmp_path / "server.log") as server:
        seen = run(server, Load(clients=4, events=1, seconds=4, seed=1))
        assert server.tables is not None
        assert list(audit.audit(server.tables)) == []
    assert failures(seen) == []
    operations = {sample.operation for sample in seen.samples}
    assert {"register", "unregister", "get event", "list"} <= operations
    assert sum(MIX.values()) == 100


def test_contention_is_allowed_with_sixteen_clients_or_more() -> None:
    contention = answered(503, "Contention")
    assert failures(load(16, contention)) == []
    assert failures(load(15, contention)) == ["1 times 503 Contention with fewer than 16 clients"]


@pytest.mark.parametrize(
    "sample",
    [answered(500, "Internal Server Error"), answered(503, "Storage unavailable"), answered(0, "TimeoutError")],
    ids=lambda sample: sample.problem,
)
def test_any_other_fault_is_reported(sample: Sample) -> None:
    assert failures(load(64, answered(201), sample)) == [f"1 times {sample.status} {sample.problem}"]


def test_memory_growth_above_three_percent_is_reported() -> None:
    assert failures(load(grows=0.02)) == []
    assert failures(load(grows=0.05)) == ["memory grew by 5.0% from the second to the last quarter"]


@pytest.mark.parametrize(
    ("known", "found"),
    [
        ({"a": "confirmed", "b": "waitlisted", "c": "absent"}, []),
        ({"a": "waitlisted", "b": "unknown", "c": "unknown"}, []),  # `a` has been promoted since.
        ({"a": "absent", "b": "waitlisted", "c": "absent"}, ["a is confirmed, and the client last saw absent"]),
        ({"a": "confirmed", "b": "confirmed", "c": "absent"}, ["b is waitlisted, and the client last saw confirmed"]),
        ({"a": "confirmed", "b": "waitlisted", "c": "waitlisted"}, ["c is absent, and the client last saw waitlisted"]),
    ],
)
def test_final_registrations_are_compared_with_the_last_answers(known: dict[str, Known], found: list[str]) -> None:
    assert compared(known, confirmed=1, waiting=1, capacity=1) == found


def test_wrong_counts_and_empty_seats_beside_a_waitlist_are_reported() -> None:
    known: dict[str, Known] = {"a": "confirmed", "b": "waitlisted"}
    assert compared(known, confirmed=2, waiting=0, capacity=1) == ["e lists (1, 1), and counts (2, 0)"]
    assert compared(known, confirmed=1, waiting=1, capacity=2) == ["e has 1 confirmed of 2 for 2 seats"]


def compared(known: dict[str, Known], *, confirmed: int, waiting: int, capacity: int) -> list[str]:
    """Compare with a service where `a` is confirmed and `b` waits, each on a page of its own."""
    responses: dict[str, Any] = {
        "/events/e": {"confirmedCount": confirmed, "waitlistCount": waiting, "capacity": capacity},
        "/events/e/registrations?limit=100": {
            "registrations": [{"userId": "a", "status": "confirmed"}],
            "nextCursor": "next",
        },
        "/events/e/registrations?limit=100&cursor=next": {"registrations": [{"userId": "b", "status": "waitlisted"}]},
    }

    async def get(path: str) -> Any:
        return responses[path]

    client = Client("client", ["e"], seed=1)
    client.known = known
    client.events = dict.fromkeys(known, "e")
    return asyncio.run(disagreements(get, "e", [client]))
