"""A new version gets no request before it is healthy, and there is a way back to the version before."""

import json
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from rich.console import Console

from cfn.errors import CommandError
from cfn.package.build import Package
from cfn.stack import changes, health, lookup
from cfn.stack.aws import Aws
from cfn.stack.deploy import deploy
from cfn.stack.health import reachable_url
from cfn.stack.rollback import roll_back
from cfn.stack.settings import StackSettings

Make = Callable[..., Package]
Printed = Callable[[], str]

#: A service that starts and answers, but is not healthy.
ILL = """
import json
def handler(event, context):
    print(json.dumps({"message": "answered", "source": event["headers"].get("host")}))
    return {"statusCode": 503, "headers": {"content-type": "application/json"}, "body": '{"status": "ill"}'}
"""


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait for services that stay ill."""
    monkeypatch.setattr(health, "PATIENCE", 0)


def _word(aws: Aws, stack: StackSettings) -> str:
    url = reachable_url(aws, lookup.outputs(lookup.get_stack(aws, stack.name))["ApiUrl"]).rstrip("/")
    with urllib.request.urlopen(f"{url}/health", timeout=10) as answer:  # noqa: S310 - it is the emulator's
        return str(json.load(answer)["word"])


def _live(aws: Aws, stack: StackSettings) -> int:
    function = lookup.physical_id(aws, stack.name, "Function")
    return int(aws.client("lambda").get_alias(FunctionName=function, Name="live")["FunctionVersion"])


def _published(aws: Aws, stack: StackSettings) -> list[int]:
    function = lookup.physical_id(aws, stack.name, "Function")
    found = aws.client("lambda").list_versions_by_function(FunctionName=function)["Versions"]
    return [int(version["Version"]) for version in found if version["Version"] != "$LATEST"]


class TestUnhealthyVersion:
    def test_it_gets_no_request_and_the_stack_is_as_before(
        self, aws: Aws, stack: StackSettings, service: Make, console: Console
    ) -> None:
        deploy(aws, stack, service("good"), console)
        before = aws.cloudformation.get_template(StackName=stack.name)["TemplateBody"]
        broken = replace(stack, parameters={"LogRetentionDays": "7"})
        with pytest.raises(CommandError, match=r"version 2 is not healthy.*The stack is as before"):
            deploy(aws, broken, service("ill", ILL), console)
        assert (_live(aws, stack), _word(aws, stack)) == (1, "good")
        assert aws.cloudformation.get_template(StackName=stack.name)["TemplateBody"] == before
        assert lookup.deployed_parameters(lookup.get_stack(aws, stack.name))["LogRetentionDays"] == "30"
        assert _published(aws, stack) == [1]

    def test_another_attempt_fails_as_well(
        self, aws: Aws, stack: StackSettings, service: Make, console: Console
    ) -> None:
        deploy(aws, stack, service("good"), console)
        for _ in range(2):
            with pytest.raises(CommandError, match="is not healthy"):
                deploy(aws, stack, service("ill", ILL), console)
        assert _word(aws, stack) == "good"

    def test_a_version_that_crashes_is_reported_with_its_error(
        self, aws: Aws, stack: StackSettings, service: Make, console: Console
    ) -> None:
        deploy(aws, stack, service("good"), console)
        with pytest.raises(CommandError, match=r"version 2 is not healthy, and gets no requests: .*no module for this"):
            deploy(aws, stack, service("crash", 'raise ImportError("no module for this")'), console)
        assert _word(aws, stack) == "good"

    def test_a_new_stack_that_is_not_healthy_stays_so_without_changes(
        self, aws: Aws, stack: StackSettings, service: Make, console: Console, printed: Printed
    ) -> None:
        for _ in range(2):
            with pytest.raises(CommandError, match="/health answers 503"):
                deploy(aws, stack, service("ill", ILL), console)
        assert "No changes" in printed()


def test_a_version_that_can_not_be_invoked_does_not_serve(
    aws: Aws, stack: StackSettings, service: Make, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deny(*_: object) -> None:
        response: Any = {"Error": {"Code": "AccessDeniedException", "Message": "no"}}
        raise ClientError(response, "Invoke")

    deploy(aws, stack, service("one"), console)
    monkeypatch.setattr("cfn.stack.release.check_version", deny)
    with pytest.raises(CommandError, match=r"can't be checked: These credentials do not allow Invoke.*is as before"):
        deploy(aws, stack, service("two"), console)
    assert (_published(aws, stack), _live(aws, stack)) == ([1], 1)


def test_a_service_that_is_turned_off_is_not_asked_for_its_health(
    aws: Aws, stack: StackSettings, service: Make, console: Console, printed: Printed
) -> None:
    deploy(aws, stack, service("one"), console)
    deploy(aws, replace(stack, parameters={"ReservedConcurrency": "0"}), service("ill", ILL), console)
    assert "The service is off, as ReservedConcurrency is 0." in printed()
    with pytest.raises(CommandError, match="/health answers 503"):
        deploy(aws, replace(stack, parameters={"ReservedConcurrency": "-1"}), service("ill", ILL), console)


def test_an_alarm_while_the_traffic_moves_restores_the_stack(
    aws: Aws, stack: StackSettings, service: Make, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CloudFormation fails the update of the alias, as it does when CodeDeploy has gone back."""
    deploy(aws, stack, service("one"), console)
    before = aws.cloudformation.get_template(StackName=stack.name)["TemplateBody"]
    apply, applied = changes.apply, []

    def apply_but_the_second(account: Aws, change: changes.Change, shown: Console) -> bool:
        applied.append(change)
        if len(applied) == 2:
            raise CommandError("Stack ended in UPDATE_ROLLBACK_COMPLETE. First failure: LiveAlias: alarms went off")
        return apply(account, change, shown)

    monkeypatch.setattr(changes, "apply", apply_but_the_second)
    with pytest.raises(CommandError, match=r"alarms went off\. The stack is as before, and the old version serves\."):
        deploy(aws, stack, service("two"), console)
    assert (_published(aws, stack), _live(aws, stack), _word(aws, stack)) == ([1], 1, "one")
    assert aws.cloudformation.get_template(StackName=stack.name)["TemplateBody"] == before


class TestWayBack:
    def test_only_the_version_that_served_before_is_kept(
        self, aws: Aws, stack: StackSettings, service: Make, console: Console
    ) -> None:
        for word in ("one", "two", "three"):
            deploy(aws, stack, service(word), console)
        assert (_published(aws, stack), _live(aws, stack)) == ([2, 3], 3)

    def test_a_rollback_leads_to_the_version_before_and_not_beyond(
        self, aws: Aws, stack: StackSettings, service: Make, console: Console, printed: Printed
    ) -> None:
        for word in ("one", "two"):
            deploy(aws, stack, service(word), console)
        roll_back(aws, stack.name, console)
        assert (_live(aws, stack), _word(aws, stack)) == (1, "one")
        assert "From version 2 to version 1." in printed()
        with pytest.raises(CommandError, match="has no version before 1, which serves: check out the code"):
            roll_back(aws, stack.name, console)

    def test_after_a_rollback_other_code_is_deployed_as_usual(
        self, aws: Aws, stack: StackSettings, service: Make, console: Console
    ) -> None:
        for word in ("one", "two"):
            deploy(aws, stack, service(word), console)
        roll_back(aws, stack.name, console)
        deploy(aws, stack, service("three"), console)
        assert (_published(aws, stack), _live(aws, stack), _word(aws, stack)) == ([1, 3], 3, "three")
        roll_back(aws, stack.name, console)
        assert _word(aws, stack) == "one"

    def test_after_a_rollback_the_same_code_is_checked_and_deployed_again(
        self, aws: Aws, stack: StackSettings, service: Make, console: Console, printed: Printed
    ) -> None:
        for word in ("one", "two"):
            deploy(aws, stack, service(word), console)
        roll_back(aws, stack.name, console)
        deploy(aws, stack, service("two"), console)
        assert printed().count("Version 2 is healthy.") == 2
        assert (_published(aws, stack), _live(aws, stack), _word(aws, stack)) == ([1, 2], 2, "two")

    def test_an_earlier_release_that_is_kept_is_not_published_again(
        self, aws: Aws, stack: StackSettings, service: Make, console: Console
    ) -> None:
        for word in ("one", "two", "one"):
            deploy(aws, stack, service(word), console)
        assert (_published(aws, stack), _live(aws, stack), _word(aws, stack)) == ([1, 2], 1, "one")

    def test_a_change_outside_the_function_keeps_the_way_back(
        self, aws: Aws, stack: StackSettings, service: Make, console: Console
    ) -> None:
        for word in ("one", "two"):
            deploy(aws, stack, service(word), console)
        deploy(aws, replace(stack, parameters={"LogRetentionDays": "7"}), service("two"), console)
        roll_back(aws, stack.name, console)
        assert _word(aws, stack) == "one"
        assert lookup.deployed_parameters(lookup.get_stack(aws, stack.name))["LogRetentionDays"] == "7"

    def test_a_new_stack_has_no_way_back(self, aws: Aws, stack: StackSettings, service: Make, console: Console) -> None:
        deploy(aws, stack, service("one"), console)
        with pytest.raises(CommandError, match="has no version before 1"):
            roll_back(aws, stack.name, console)

    def test_a_stack_of_something_else_is_refused(self, aws: Aws, console: Console) -> None:
        template = '{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}'
        aws.cloudformation.create_stack(StackName="other", TemplateBody=template)
        with pytest.raises(CommandError, match="Stack other was not deployed by this command"):
            roll_back(aws, "other", console)


def test_versions_with_different_environments_do_not_serve_side_by_side(
    aws: Aws, stack: StackSettings, service: Make, console: Console, printed: Printed
) -> None:
    deploy(aws, stack, service("one"), console)
    assert _policy(aws, stack) is not None
    deploy(aws, replace(stack, parameters={"CorsOrigins": "https://example.com"}), service("one"), console)
    assert "All traffic moves to it at once, as its environment differs." in printed()
    assert _policy(aws, stack) is None


def test_an_alias_that_was_moved_by_hand_is_moved_only_all_at_once(
    aws: Aws, stack: StackSettings, service: Make, console: Console
) -> None:
    """CodeDeploy compares the version that serves with the one that CloudFormation believes to serve."""
    for word in ("one", "two"):
        deploy(aws, stack, service(word), console)
    function = lookup.physical_id(aws, stack.name, "Function")
    aws.client("lambda").update_alias(FunctionName=function, Name="live", FunctionVersion="1")
    gradually = replace(stack, parameters={"TrafficShift": "Linear10PercentEvery1Minute"})
    with pytest.raises(CommandError, match="leads to version 1, and the stack to 2: it was moved by hand"):
        deploy(aws, gradually, service("three"), console)
    deploy(aws, stack, service("three"), console)
    assert (_live(aws, stack), _word(aws, stack)) == (3, "three")


def _policy(aws: Aws, stack: StackSettings) -> Any:
    template = aws.cloudformation.get_template(StackName=stack.name)["TemplateBody"]
    return template["Resources"]["LiveAlias"].get("UpdatePolicy")
