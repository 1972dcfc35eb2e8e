"""Progress is a live table on a terminal, and one line per event elsewhere."""

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
        progress.add(_event("EventsTable", "CREATE_IN_PROGRESS"))
        progress.add(_event("EventsTable", "CREATE_FAILED", "Limit [exceeded]\n for tables"))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_without_a_terminal_each_event_is_a_line_with_its_reason() -> None:
    assert _show(Console(file=io.StringIO(), width=40)).splitlines() == [
        "12:30:05  CREATE_IN_PROGRESS          EventsTable",
        "12:30:05  CREATE_FAILED               EventsTable  Limit [exceeded] for tables",
    ]


def test_on_a_terminal_each_resource_is_a_row_with_its_last_status() -> None:
    shown = _show(Console(file=io.StringIO(), width=80, height=20, force_terminal=True, color_system=None))
    last = shown.rpartition("resource")[2]
    assert last.count("EventsTable") == 1
    assert "CREATE_FAILED" in last
    assert "CREATE_IN_PROGRESS" not in last


def test_a_small_terminal_shows_the_latest_resources() -> None:
    console = Console(file=io.StringIO(), width=80, height=10, force_terminal=True, color_system=None)
    with Progress(console) as progress:
        for number in range(30):
            progress.add(_event(f"Resource{number}", "CREATE_COMPLETE"))
    assert isinstance(console.file, io.StringIO)
    last = console.file.getvalue().rpartition("resource")[2]
    assert "Resource29" in last
    assert "Resource0 " not in last
