"""A failed change reports its first failure, and events of earlier changes are ignored."""

import io
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.console import Console

from cfn.errors import CommandError
from cfn.stack import changes
from cfn.stack.progress import Progress

_STACK = "arn:aws:cloudformation:us-east-1:123456789012:stack/demo/1"


class _Account:
    """An account with the given stack events; each DescribeStackEvents returns one more, newest first."""

    poll_seconds = 0.0

    def __init__(self, *events: tuple[str, str, str]) -> None:
        self.cloudformation = self
        self._events = [self._event(number, *event) for number, event in enumerate(events)]
        self._shown = 0

    def _event(self, number: int, name: str, status: str, reason: str) -> dict[str, Any]:
        return {
            "EventId": str(number),
            "StackName": "demo",
            "LogicalResourceId": name,
            "PhysicalResourceId": _STACK if name == "demo" else name,
            "ResourceType": "AWS::CloudFormation::Stack" if name == "demo" else "AWS::Lambda::Function",
            "ResourceStatus": status,
            "ResourceStatusReason": reason,
            "Timestamp": datetime(2030, 1, 1, tzinfo=UTC),
        }

    def describe_stack_events(self, StackName: str) -> dict[str, Any]:  # noqa: N803 - the name that boto3 gives it
        assert StackName == _STACK
        self._shown += 1
        return {"StackEvents": self._events[: self._shown][::-1]}

    def get_paginator(self, _name: str) -> "_Account":
        return self

    def paginate(self, **names: str) -> Iterator[dict[str, Any]]:
        yield self.describe_stack_events(**names)

    def delete_stack(self, **_: str) -> None:
        pass


def _delete(*events: tuple[str, str, str]) -> str:
    console = Console(file=io.StringIO(), width=200)
    with Progress(console) as progress:
        changes.delete(_Account(("demo", "CREATE_COMPLETE", "before"), *events), _STACK, progress)  # type: ignore[arg-type] # it has every member that is used
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_events_of_an_earlier_change_are_neither_shown_nor_taken_for_the_end() -> None:
    shown = _delete(("demo", "DELETE_IN_PROGRESS", "User Initiated"), ("demo", "DELETE_COMPLETE", ""))
    assert "before" not in shown
    assert shown.count("\n") == 2


def test_the_first_failed_resource_is_named_and_cancelled_ones_are_not() -> None:
    with pytest.raises(CommandError, match=r"ended in DELETE_FAILED\. First failure: Function \(.*\): no permission"):
        _delete(
            ("Other", "DELETE_FAILED", "Resource deletion Cancelled"),
            ("Function", "DELETE_FAILED", "no\npermission"),
            ("Third", "DELETE_FAILED", "later"),
            ("demo", "DELETE_FAILED", "The following resource(s) failed to delete: [Function, Third]."),
        )


def test_a_failure_without_a_failed_resource_has_the_reason_of_the_stack() -> None:
    with pytest.raises(CommandError, match="First failure: termination protection"):
        _delete(("demo", "DELETE_FAILED", "termination protection"))
