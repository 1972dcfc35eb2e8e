"""A change of a stack can be watched: rows that move on a terminal, lines elsewhere."""

import io
from datetime import UTC, datetime
from typing import Any

from rich.console import Console

from cfn.stack.progress import Progress


def _event(name: str, status: str, reason: str = "") -> dict[str, Any]:
    return {
        "LogicalResourceId": name,
        "ResourceType": "AWS::DynamoDB::Table",
        "ResourceStatus": status,
        "ResourceStatusReason": reason,
        "Timestamp": datetime(2030, 1, 1, 12, 30, 5, tzinfo=UTC),
    }


def _show(console: Console) -> str:
    with Progress(console) as progress:
        progress.note(_event("EventsTable", "CREATE_IN_PROGRESS"))
        progress.note(_event("EventsTable", "CREATE_FAILED", "Limit [exceeded]\n for tables"))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_elsewhere_each_event_is_a_line_with_its_reason() -> None:
    assert _show(Console(file=io.StringIO(), width=40)).splitlines() == [
        "12:30:05  CREATE_IN_PROGRESS          EventsTable",
        "12:30:05  CREATE_FAILED               EventsTable  Limit [exceeded] for tables",
    ]


def test_on_a_terminal_each_resource_is_a_row_that_ends_as_its_last_event() -> None:
    shown = _show(Console(file=io.StringIO(), width=80, height=20, force_terminal=True, color_system=None))
    last = shown.rpartition("resource")[2]
    assert last.count("EventsTable") == 1
    assert "CREATE_FAILED" in last
    assert "CREATE_IN_PROGRESS" not in last


def test_a_small_terminal_shows_what_happened_last() -> None:
    console = Console(file=io.StringIO(), width=80, height=10, force_terminal=True, color_system=None)
    with Progress(console) as progress:
        for number in range(30):
            progress.note(_event(f"Resource{number}", "CREATE_COMPLETE"))
    assert isinstance(console.file, io.StringIO)
    last = console.file.getvalue().rpartition("resource")[2]
    assert "Resource29" in last
    assert "Resource0 " not in last
