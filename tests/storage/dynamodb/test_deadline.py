"""The deadline of a request, on a clock that only the test moves, and once on a socket."""

import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import botocore.exceptions
import pytest

from storage import events, registration_lists, registrations, users
from storage.audit import audit
from storage.dynamodb import deadline
from storage.dynamodb.deadline import CONNECT_SECONDS, MIN_READ_SECONDS, READ_SECONDS, last_call, within
from storage.dynamodb.tables import PING_SECONDS, Tables
from storage.embedded import EMULATOR_ACCESS
from storage.errors import DeadlineExceeded, StorageUnavailable
from storage.model import EventFields

#: The time that a call needs to be made at all.
ENOUGH = CONNECT_SECONDS + MIN_READ_SECONDS

Hook = Callable[..., Any]


class Clock:
    """A clock that calls and pauses move."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.pauses: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.pauses.append(seconds)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for module in ("deadline", "outages", "tables"):
        monkeypatch.setattr(f"storage.dynamodb.{module}.time", clock)
    monkeypatch.setattr("botocore.endpoint.time", clock)
    return clock


@pytest.fixture
def hook(moto_tables: Tables) -> Iterator[Callable[[str, Hook], None]]:
    """Return a function that registers a hook for an event of botocore until the test ends."""
    hooked: list[tuple[str, Hook]] = []

    def add(event: str, function: Hook) -> None:
        hooked.append((event, function))
        moto_tables.client.meta.events.register_first(event, function)

    yield add
    for event, function in hooked:
        moto_tables.client.meta.events.unregister(event, function)


def silent(clock: Clock, waited: list[float]) -> Hook:
    """Return a hook that makes the store accept each request and never answer."""

    def send(request: Any, **_event: Any) -> None:
        waited.append(request.context["read_timeout"])
        clock.now += waited[-1]
        raise botocore.exceptions.ReadTimeoutError(endpoint_url="http://nowhere")

    return send


def slow(clock: Clock, seconds: float) -> Hook:
    """Return a hook that makes every call to the store take this time."""

    def send(**_event: Any) -> None:
        clock.now += seconds

    return send


@pytest.mark.parametrize("seconds", [-1, 0, ENOUGH - 0.01])
def test_no_call_is_made_without_enough_time(
    moto_tables: Tables, clock: Clock, hook: Callable[[str, Hook], None], seconds: float
) -> None:
    sent: list[str] = []
    hook("before-send", lambda **event: sent.append(event["event_name"]))
    with within(seconds):
        for call in (
            lambda: users.get(moto_tables, "ada"),
            lambda: users.create(moto_tables, "ada", "Ada"),
            lambda: events.list_page(moto_tables, limit=1),
            lambda: registration_lists.of_user(moto_tables, "ada", limit=1),
            lambda: registrations.register(moto_tables, "conf", "ada"),
            lambda: registrations.unregister(moto_tables, "conf", "ada"),
            moto_tables.ping,
        ):
            with pytest.raises(DeadlineExceeded):
                call()
    assert sent == []
    assert clock.now < 1000 + ENOUGH, "it is refused at once, and does not wait for the deadline"


@pytest.mark.parametrize(("seconds", "longest"), [(60, READ_SECONDS), (3, 2), (ENOUGH + 0.01, MIN_READ_SECONDS + 0.01)])
def test_the_read_timeout_is_limited_by_the_remaining_time(
    moto_tables: Tables, clock: Clock, hook: Callable[[str, Hook], None], seconds: float, longest: float
) -> None:
    given: list[float] = []
    hook("before-send", lambda request, **_event: given.append(request.context["read_timeout"]))
    with within(seconds):
        moto_tables.get("Users", {"userId": "ada"})
    assert given == [pytest.approx(longest)]
    assert longest + CONNECT_SECONDS <= seconds
    assert clock.now == 1000


def test_a_call_is_made_at_the_last_moment(
    moto_tables: Tables, clock: Clock, hook: Callable[[str, Hook], None]
) -> None:
    given: list[float] = []
    hook("before-send", lambda request, **_event: given.append(request.context["read_timeout"]))
    with within(ENOUGH):
        assert last_call() == clock.now
        moto_tables.get("Users", {"userId": "ada"})
    assert given == [MIN_READ_SECONDS]


@pytest.mark.parametrize(("attempts", "pause"), [(1, 1), (2, 2), (3, 4)])
def test_a_call_is_retried_if_it_can_start_in_time_after_the_longest_pause_of_botocore(
    clock: Clock, attempts: int, pause: int
) -> None:
    with within(ENOUGH + pause):
        assert deadline._retry(attempts) is None, "botocore decides"  # noqa: SLF001 - botocore calls it
        clock.now += 0.01
        assert deadline._retry(attempts) is False  # noqa: SLF001


def test_concurrent_calls_have_the_deadline_of_their_request(
    moto_tables: Tables, clock: Clock, hook: Callable[[str, Hook], None]
) -> None:
    """All but the first are made in other threads."""
    given: list[float] = []
    hook("before-send", lambda request, **_event: given.append(request.context["read_timeout"]))
    with within(3):
        moto_tables.each(*[lambda: moto_tables.get("Users", {"userId": "ada"})] * 3)
    assert given == [pytest.approx(2)] * 3
    with within(ENOUGH - 0.01), pytest.raises(DeadlineExceeded):
        moto_tables.each(lambda: None, lambda: moto_tables.get("Users", {"userId": "ada"}))
    assert len(given) == 3
    assert clock.now == 1000


@pytest.mark.parametrize("seconds", [1.3, 2, 3, 5, 9.5, 29])
def test_a_silent_store_is_given_up_before_the_deadline(
    moto_tables: Tables, clock: Clock, hook: Callable[[str, Hook], None], seconds: float
) -> None:
    """Only a store that had its full time to answer is reported as silent; otherwise the request took too long."""
    waited: list[float] = []
    hook("before-send", silent(clock, waited))
    full = seconds >= READ_SECONDS + CONNECT_SECONDS
    message = "does not answer: ReadTimeoutError" if full else "no time was left to wait for the store at"
    with within(seconds), pytest.raises(StorageUnavailable if full else DeadlineExceeded, match=message):
        users.create(moto_tables, "ada", "Ada")
    assert 1 <= len(waited) <= 3
    assert clock.now + CONNECT_SECONDS <= 1000 + seconds


def test_without_a_deadline_botocore_decides_how_often_a_call_is_retried(
    moto_tables: Tables, clock: Clock, hook: Callable[[str, Hook], None]
) -> None:
    waited: list[float] = []
    hook("before-send", silent(clock, waited))
    with pytest.raises(StorageUnavailable):
        users.get(moto_tables, "ada")
    assert waited == [READ_SECONDS] * 3


def test_a_call_is_not_retried_if_the_pause_could_outlast_the_request(
    moto_tables: Tables, clock: Clock, hook: Callable[[str, Hook], None]
) -> None:
    """Botocore pauses up to a second before the second attempt, and up to two before the third."""
    waited: list[float] = []
    hook("before-send", silent(clock, waited))
    with within(READ_SECONDS + CONNECT_SECONDS + 1.2), pytest.raises(StorageUnavailable):
        users.get(moto_tables, "ada")
    assert len(waited) == 1
    assert clock.pauses == []


def test_a_health_check_reports_a_silent_store_soon(
    moto_tables: Tables, clock: Clock, hook: Callable[[str, Hook], None]
) -> None:
    hook("before-send", silent(clock, []))
    with pytest.raises(StorageUnavailable):
        moto_tables.ping()
    assert clock.now <= 1000 + PING_SECONDS


def test_of_nested_limits_the_shorter_applies(clock: Clock) -> None:
    with within(5):
        with within(9):
            assert last_call() == clock.now + 5 - ENOUGH
        with within(2):
            assert last_call() == clock.now + 2 - ENOUGH
        assert last_call() == clock.now + 5 - ENOUGH


def test_a_promotion_that_takes_too_long_is_continued_by_the_next_write(
    moto_tables: Tables, clock: Clock, hook: Callable[[str, Hook], None]
) -> None:
    """Of two batches, for 60 people who wait, only the first is promoted in time; the next write continues."""
    fields = EventFields(
        title="T", description="D", date="2030-01-01", location="L", capacity=1, organizer="O", has_waitlist=True
    )
    events.create(moto_tables, "conf", fields)
    for number in range(61):
        users.create(moto_tables, f"u{number}", "N")
        registrations.register(moto_tables, "conf", f"u{number}")
    hook("before-send", slow(clock, 1.0))

    # Read, update, read again, read the queue, promote 49: at 5 seconds there is time for the answer, the sixth call.
    with within(ENOUGH + 6):
        event = events.update(moto_tables, "conf", {"capacity": 100})
    assert clock.now == 1000 + 6
    assert (event.capacity, event.confirmed, event.waitlisted) == (100, 50, 11)

    users.create(moto_tables, "late", "Late")
    with within(60):
        assert registrations.register(moto_tables, "conf", "late").status == "confirmed"
    event = events.get(moto_tables, "conf")
    assert (event.confirmed, event.waitlisted) == (62, 0)
    assert list(audit(moto_tables)) == []


def test_a_socket_that_never_answers_is_given_up_before_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        silent_tables = Tables.connect({}, endpoint_url=url, **EMULATOR_ACCESS)
        start = time.monotonic()
        with within(1.5), pytest.raises(DeadlineExceeded, match=f"no time was left to wait for the store at {url}"):
            users.get(silent_tables, "ada")
        # The read timeout is half a second; the rest is for connecting, and for a busy machine.
        assert time.monotonic() - start < 1.5
