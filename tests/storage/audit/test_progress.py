"""The progress of an audit: a line that is rewritten on a terminal, a new line every ten seconds elsewhere."""

import io
from collections.abc import Callable

import pytest

from storage import status_line
from storage.audit import progress
from storage.audit.progress import Progress
from storage.dynamodb.consumption import Read
from storage.dynamodb.tables import Tables

SIZES = {"Events": 100, "Users": 7_777, "Registrations": 1_000}

ERASED = "\r\x1b[K"


class Clock:
    """A clock that a test sets."""

    now = 1_000.0

    def monotonic(self) -> float:
        return self.now


class Terminal(io.StringIO):
    """A terminal, which shows what was flushed."""

    shown = ""

    def isatty(self) -> bool:
        return True

    def flush(self) -> None:
        self.shown = self.getvalue()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(status_line, "time", clock)
    return clock


@pytest.fixture
def notify(moto_tables: Tables, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Make Progress take its reads from the test, and return the function that reports one."""
    watched: dict[Tables, Callable[[Read], None]] = {}
    monkeypatch.setattr(progress, "on_read", watched.__setitem__)
    return lambda items, units, table: watched[moto_tables](Read(items, units, table))


def test_the_expected_reads_are_those_of_events_and_registrations(moto_tables: Tables) -> None:
    stream = io.StringIO()
    Progress(moto_tables, SIZES, stream)
    assert stream.getvalue() == "About 1,100 items to read, for about 1,650 read units.\n"


def test_a_log_gets_a_line_every_ten_seconds(moto_tables: Tables, clock: Clock, notify: Callable[..., None]) -> None:
    stream = io.StringIO()
    shown = Progress(moto_tables, SIZES, stream)
    stream.truncate(stream.seek(0))
    clock.now += 9.9
    notify(399, 300.0, "Registrations")
    assert stream.getvalue() == ""
    clock.now += 0.1
    notify(5, 2.5, "Events")
    notify(1_000, 2_000.0, None)
    assert stream.getvalue() == "19 %, 404 items read for 302 read units in 10 s\n"
    clock.now += 10
    notify(1_000, 700.0, "Registrations")
    assert stream.getvalue().splitlines()[1:] == ["69 %, 2,404 items read for 3,002 read units in 20 s"]
    assert (shown.items, shown.units) == (2_404, 3_002.5)
    assert str(shown) == "2,404 items read for 3,002 read units in 20 s"


def test_a_terminal_gets_one_line_that_is_rewritten_and_erased_before_others(
    moto_tables: Tables, clock: Clock, notify: Callable[..., None]
) -> None:
    stream = Terminal()
    shown = Progress(moto_tables, SIZES, stream)
    expected = ERASED + "About 1,100 items to read, for about 1,650 read units.\n"
    assert stream.shown == expected
    clock.now += 0.1
    notify(1, 1.0, None)
    assert stream.shown == expected
    clock.now += 0.1
    notify(2, 1.0, None)
    notify(2, 1.0, None)
    expected += ERASED + "0 %, 3 items read for 2 read units in 0 s"
    assert stream.shown == expected
    shown.print("a finding", stream.write)
    assert stream.getvalue() == expected + ERASED + "a finding"


def test_more_items_than_expected_are_never_shown_as_all(
    moto_tables: Tables, clock: Clock, notify: Callable[..., None]
) -> None:
    """Sizes are up to six hours old, and those of new tables are 0."""
    stream = io.StringIO()
    Progress(moto_tables, dict.fromkeys(SIZES, 0), stream)
    for items in (1, 1):
        clock.now += 10
        notify(items, 1.0, "Registrations")
    assert [line.partition(",")[0] for line in stream.getvalue().splitlines()[1:]] == ["99 %", "99 %"]
