"""Following the log prints each line once, including late ones."""

import io
from collections.abc import Iterator
from typing import Any

import pytest
from rich.console import Console

from cfn.stack.logs import show_logs


class _Account:
    """An account with a stack whose log returns the next page at each request, then interrupts."""

    region = "us-east-1"
    poll_seconds = 0.0

    def __init__(self, *pages: list[tuple[int, str]]) -> None:
        self.cloudformation = self
        self._pages = list(pages)

    def describe_stacks(self, **_: str) -> dict[str, Any]:
        outputs = [{"OutputKey": "LogGroup", "OutputValue": "/aws/lambda/demo"}]
        return {"Stacks": [{"StackName": "demo", "StackStatus": "CREATE_COMPLETE", "Outputs": outputs}]}

    def client(self, _service: str) -> "_Account":
        return self

    def get_paginator(self, _name: str) -> "_Account":
        return self

    def paginate(self, **request: Any) -> Iterator[dict[str, Any]]:
        assert request["logGroupName"] == "/aws/lambda/demo"
        if not self._pages:
            raise KeyboardInterrupt
        seconds = [(at * 1000, text) for at, text in self._pages.pop(0)]
        yield {"events": [{"eventId": text, "timestamp": at, "message": f"{text}\n"} for at, text in seconds]}


def test_each_line_is_printed_once_even_if_it_is_returned_again() -> None:
    console = Console(file=io.StringIO(), width=200)
    pages = [(2_000_000_000, "first")], [(2_000_000_000, "first"), (1_999_999_990, "late"), (2_000_000_001, "last")]
    with pytest.raises(KeyboardInterrupt):
        show_logs(_Account(*pages), "demo", console, follow=True)  # type: ignore[arg-type] # it has every member that is used
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue().splitlines() == [
        "2033-05-18T03:33:20Z  first",
        "2033-05-18T03:33:10Z  late",
        "2033-05-18T03:33:21Z  last",
    ]
