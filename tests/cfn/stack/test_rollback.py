"""While CodeDeploy shifts traffic, a rollback stops it: traffic and stack are as before."""

import io
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.console import Console

from cfn.errors import CommandError
from cfn.stack import rollback
from cfn.stack.rollback import roll_back

_STACK = "arn:aws:cloudformation:us-east-1:123456789012:stack/demo/1"
_GROUP = {"applicationName": "application", "deploymentGroupName": "group"}


class _Account:
    """An account whose stack is being updated, with the given deployments of CodeDeploy in progress."""

    region = "us-east-1"
    emulator_url = None
    poll_seconds = 0.0

    def __init__(self, *deployments: str, end: str = "UPDATE_ROLLBACK_COMPLETE", gradual: bool = True) -> None:
        self.cloudformation = self
        self.stopped: list[str] = []
        self._deployments, self._end, self._gradual = list(deployments), end, gradual

    def client(self, name: str) -> "_Account":
        assert name == "codedeploy"
        return self

    def describe_stacks(self, **_: str) -> dict[str, Any]:
        outputs = [{"OutputKey": "ApiUrl", "OutputValue": "https://api.example/prod"}]
        status = self._end if self.stopped else "UPDATE_IN_PROGRESS"
        return {"Stacks": [{"StackName": "demo", "StackId": _STACK, "StackStatus": status, "Outputs": outputs}]}

    def describe_stack_resources(self, **_: str) -> dict[str, Any]:
        names = {"ReleaseApplication": "application", "ReleaseGroup": "group"} if self._gradual else {}
        return {
            "StackResources": [
                {"LogicalResourceId": name, "PhysicalResourceId": physical} for name, physical in names.items()
            ]
        }

    def list_deployments(self, **request: Any) -> dict[str, Any]:
        assert "InProgress" in request.pop("includeOnlyStatuses")
        assert request == _GROUP
        return {"deployments": self._deployments}

    def stop_deployment(self, **request: Any) -> None:
        assert request["autoRollbackEnabled"] is True
        self.stopped.append(request["deploymentId"])

    def describe_stack_events(self, **_: str) -> dict[str, Any]:
        event = {
            "EventId": str(len(self.stopped)),
            "StackName": "demo",
            "LogicalResourceId": "demo",
            "PhysicalResourceId": _STACK,
            "ResourceType": "AWS::CloudFormation::Stack",
            "ResourceStatus": self._end if self.stopped else "UPDATE_IN_PROGRESS",
            "Timestamp": datetime(2030, 1, 1, tzinfo=UTC),
        }
        return {"StackEvents": [event]}

    def get_paginator(self, _name: str) -> "_Account":
        return self

    def paginate(self, **names: str) -> Iterator[dict[str, Any]]:
        yield self.describe_stack_events(**names)


@pytest.fixture(autouse=True)
def checked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the URLs whose health is checked; they are all healthy."""
    urls: list[str] = []
    monkeypatch.setattr(rollback, "check_health", lambda url, _stack: urls.append(url))
    return urls


def _roll_back(account: _Account) -> str:
    console = Console(file=io.StringIO(), width=200)
    roll_back(account, "demo", console)  # type: ignore[arg-type] # it has every member that is used
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_shift_in_progress_is_stopped_and_followed_to_the_end_of_the_rollback(checked: list[str]) -> None:
    account = _Account("d-1")
    printed = _roll_back(account)
    assert account.stopped == ["d-1"]
    assert "Stopping d-1: all traffic goes back to the version before." in printed
    assert "UPDATE_ROLLBACK_COMPLETE" in printed
    assert checked == ["https://api.example/prod"]


@pytest.mark.parametrize("account", [_Account(), _Account(gradual=False)], ids=["before a shift", "all at once"])
def test_an_update_that_shifts_nothing_is_waited_for(account: _Account) -> None:
    with pytest.raises(CommandError, match="no traffic is moving yet, or it has moved: wait until the update has end"):
        _roll_back(account)


def test_a_shift_that_ended_meanwhile_is_not_reported_as_a_rollback(checked: list[str]) -> None:
    with pytest.raises(CommandError, match="Stack demo ended in UPDATE_COMPLETE"):
        _roll_back(_Account("d-1", end="UPDATE_COMPLETE"))
    assert checked == []
