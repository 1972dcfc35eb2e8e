"""Ctrl-C says what has begun on AWS and what has not."""

import uuid
from collections.abc import Callable
from typing import Any, NoReturn

import pytest
from rich.console import Console

from cfn import __main__ as command
from cfn.errors import Interrupted
from cfn.package.build import Package
from cfn.stack import lookup
from cfn.stack.aws import Aws
from cfn.stack.deploy import deploy
from cfn.stack.settings import StackSettings

Make = Callable[..., Package]


def _interrupt(*_: object, **__: object) -> NoReturn:
    raise KeyboardInterrupt


def _exists(aws: Aws, stack: StackSettings) -> bool:
    found = aws.cloudformation.list_stacks()["StackSummaries"]
    return any(each["StackName"] == stack.name and each["StackStatus"] != "DELETE_COMPLETE" for each in found)


@pytest.mark.parametrize("place", ["bucket.upload", "build_template"])
def test_before_a_change_nothing_has_begun(  # noqa: PLR0913 - fixtures
    aws: Aws, stack: StackSettings, service: Make, console: Console, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.setattr(f"cfn.stack.deploy.{place}", _interrupt)
    with pytest.raises(Interrupted, match=f"^Interrupted: nothing has begun on stack {stack.name}.$"):
        deploy(aws, stack, service(uuid.uuid4().hex), console)
    assert not _exists(aws, stack)


@pytest.mark.parametrize("place", ["planned_changes", "_wait"])
def test_a_change_set_that_is_not_executed_leaves_nothing_behind(  # noqa: PLR0913 - fixtures
    aws: Aws, stack: StackSettings, service: Make, console: Console, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.setattr(f"cfn.stack.changes.{place}", _interrupt)
    with pytest.raises(Interrupted, match=f"^Interrupted: this change of stack {stack.name} has not begun.$"):
        deploy(aws, stack, service(), console)
    assert not _exists(aws, stack)


def test_a_change_that_runs_continues_and_the_next_step_is_named(
    aws: Aws, stack: StackSettings, service: Make, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("cfn.stack.following._events_until_end", _interrupt)
        with pytest.raises(Interrupted, match=rf"CloudFormation continues the change of stack {stack.name}\. `aws clo"):
            deploy(aws, stack, service(), console)
    assert _exists(aws, stack)


def test_a_version_that_is_not_checked_yet_serves_nobody(
    aws: Aws, stack: StackSettings, service: Make, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    deploy(aws, stack, service("one"), console)
    with monkeypatch.context() as patched:
        patched.setattr("cfn.stack.release.check_version", _interrupt)
        with pytest.raises(Interrupted, match="the old version serves"):
            deploy(aws, stack, service("two"), console)
    function = lookup.physical_id(aws, stack.name, "Function")
    live: dict[str, Any] = aws.client("lambda").get_alias(FunctionName=function, Name="live")
    assert live["FunctionVersion"] == "1"
    deploy(aws, stack, service("two"), console)
    assert aws.client("lambda").get_alias(FunctionName=function, Name="live")["FunctionVersion"] == "2"


def test_after_a_change_only_the_check_is_missing(
    aws: Aws, stack: StackSettings, service: Make, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cfn.stack.deploy.check_health", _interrupt)
    with pytest.raises(Interrupted, match="is deployed, and its health was not checked to the end"):
        deploy(aws, stack, service(), console)


@pytest.mark.parametrize(
    ("interruption", "line"),
    [(KeyboardInterrupt(), "error: Interrupted: nothing has begun on AWS.\n"), (Interrupted("Why."), "error: Why.\n")],
)
def test_the_command_prints_it_and_fails(
    interruption: KeyboardInterrupt,
    line: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def interrupt(*_: object, **__: object) -> NoReturn:
        raise interruption

    monkeypatch.setattr(command, "show_logs", interrupt)
    monkeypatch.setattr(command, "Aws", lambda: None)
    assert command.main(["logs", "--stack", "demo"]) == 1
    assert capsys.readouterr().err == line
