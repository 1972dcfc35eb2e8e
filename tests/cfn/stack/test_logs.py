"""Following the log shows each line once, also those that arrive late."""

import io
from collections.abc import Iterator
from typing import Any

import pytest
from rich.console import Console

from cfn.stack.logs import show_logs


class _Account:
    """Has one stack whose log answers with the next of the given pages at each look, then ends the watching."""

    region = "us-east-1"
    pause = 0.0

    def __init__(self, *looks: list[tuple[int, str]]) -> None:
        self.stacks = self
        self._looks = list(looks)

    def describe_stacks(self, **_: str) -> dict[str, Any]:
        outputs = [{"OutputKey": "LogGroup", "OutputValue": "/aws/lambda/demo"}]
        return {"Stacks": [{"StackName": "demo", "StackStatus": "CREATE_COMPLETE", "Outputs": outputs}]}

    def client(self, _service: str) -> "_Account":
        return self

    def get_paginator(self, _name: str) -> "_Account":
        return self

    def paginate(self, **request: Any) -> Iterator[dict[str, Any]]:
        assert request["logGroupName"] == "/aws/lambda/demo"
        if not self._looks:
            raise KeyboardInterrupt
        seconds = [(at * 1000, text) for at, text in self._looks.pop(0)]
        yield {"events": [{"eventId": text, "timestamp": at, "message": f"{text}\n"} for at, text in seconds]}


def test_each_line_is_shown_once_however_often_it_is_found() -> None:
    console = Console(file=io.StringIO(), width=200)
    looks = [(2_000_000_000, "first")], [(2_000_000_000, "first"), (1_999_999_990, "late"), (2_000_000_001, "last")]
    with pytest.raises(KeyboardInterrupt):
        show_logs(_Account(*looks), "demo", console, follow=True)  # type: ignore[arg-type] # it has all that is called
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue().splitlines() == [
        "2033-05-18T03:33:20Z  first",
        "2033-05-18T03:33:10Z  late",
        "2033-05-18T03:33:21Z  last",
    ]
