"""Stacks are created, updated and deleted on an emulator, with the smallest service."""

import json
import re
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from rich.console import Console

from cfn.errors import CommandError
from cfn.package.build import Package
from cfn.stack import lookup
from cfn.stack.aws import Aws
from cfn.stack.bucket import object_key
from cfn.stack.default_bucket import default_name
from cfn.stack.deploy import deploy
from cfn.stack.destroy import destroy
from cfn.stack.left_tables import announce_left_tables
from cfn.stack.logs import show_logs
from cfn.stack.settings import StackSettings, parse_parameters
from storage.schema import TABLES

Make = Callable[..., Package]
Printed = Callable[[], str]


@pytest.fixture
def name(aws: Aws, console: Console) -> Iterator[str]:
    """Yield the name of a stack that is deleted after the test."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    yield name
    if lookup.find_stack(aws, name):
        destroy(aws, name, console, confirmed=True)


def _get_health(url: str) -> Any:
    with urllib.request.urlopen(f"{url}/health", timeout=10) as answer:  # noqa: S310 - it is the emulator's
        return json.load(answer)


def _live_version(aws: Aws, name: str) -> dict[str, Any]:
    function = lookup.outputs(lookup.get_stack(aws, name))["FunctionName"]
    found: dict[str, Any] = aws.client("lambda").get_function_configuration(FunctionName=function, Qualifier="live")
    return found


def test_a_new_stack_is_healthy_when_the_command_ends(
    aws: Aws, name: str, service: Make, console: Console, printed: Printed
) -> None:
    url = deploy(aws, StackSettings(name, throw_away=True), service(), console)
    assert _get_health(url)["word"] == "hello"
    assert _get_health(url)["stage"] == "prod"
    assert f"{url}/health reports healthy." in printed()
    assert re.search(rf"^ApiUrl +{url}/$", printed(), re.MULTILINE)
    tail = f"aws logs tail /aws/lambda/{name} --follow --format short --region us-east-1 --endpoint-url"
    assert re.search(rf"^Log +{tail} {aws.emulator_url}$", printed(), re.MULTILINE)
    assert "CREATE_COMPLETE             EventsTable" in printed()


def test_the_package_is_in_a_private_encrypted_bucket_under_its_hash(
    aws: Aws, name: str, service: Make, console: Console
) -> None:
    package = service()
    deploy(aws, StackSettings(name, throw_away=True), package, console)
    s3, bucket = aws.client("s3"), default_name(aws)
    assert s3.head_object(Bucket=bucket, Key=object_key(name, package))["ContentLength"] == package.size
    assert all(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values())
    (rule,) = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"


def test_a_second_deployment_changes_nothing(
    aws: Aws, name: str, service: Make, console: Console, printed: Printed
) -> None:
    deploy(aws, StackSettings(name, throw_away=True), service(), console)
    before = _live_version(aws, name)["Version"]
    deploy(aws, StackSettings(name, throw_away=True), service(), console)
    assert f"No changes: stack {name} is up to date." in printed()
    assert _live_version(aws, name)["Version"] == before


def test_changed_code_moves_the_alias(aws: Aws, name: str, service: Make, console: Console) -> None:
    deploy(aws, StackSettings(name, throw_away=True), service("hello"), console)
    before = _live_version(aws, name)["Version"]
    url = deploy(aws, StackSettings(name, throw_away=True), service("goodbye"), console)
    assert _get_health(url)["word"] == "goodbye"
    assert int(_live_version(aws, name)["Version"]) > int(before)


def test_changed_memory_moves_the_alias_and_stays_set(aws: Aws, name: str, service: Make, console: Console) -> None:
    deploy(aws, StackSettings(name, throw_away=True), service("hello"), console)
    deploy(aws, StackSettings(name, {"MemorySize": "1024"}, throw_away=True), service("hello"), console)
    assert _live_version(aws, name)["MemorySize"] == 1024
    deploy(aws, StackSettings(name, throw_away=True), service("goodbye"), console)
    assert _live_version(aws, name)["MemorySize"] == 1024


def test_a_change_outside_the_function_publishes_no_version(
    aws: Aws, name: str, service: Make, console: Console
) -> None:
    deploy(aws, StackSettings(name, throw_away=True), service(), console)
    before = _live_version(aws, name)["Version"]
    deploy(
        aws,
        StackSettings(name, {"LogRetentionDays": "7", "ReservedConcurrency": "5"}, throw_away=True),
        service(),
        console,
    )
    assert _live_version(aws, name)["Version"] == before


def test_another_stage_changes_the_url(aws: Aws, name: str, service: Make, console: Console) -> None:
    url = deploy(aws, StackSettings(name, {"StageName": "beta"}, throw_away=True), service(), console)
    assert url.endswith("/beta")
    assert _get_health(url)["stage"] == "beta"


def test_a_canary_invokes_the_version_that_is_live(aws: Aws, name: str, service: Make, console: Console) -> None:
    deploy(aws, StackSettings(name, {"Canary": "on"}, throw_away=True), service(), console)
    physical = aws.cloudformation.describe_stack_resource(StackName=name, LogicalResourceId="CanarySchedule")
    schedule = aws.client("scheduler").get_schedule(Name=physical["StackResourceDetail"]["PhysicalResourceId"])
    assert schedule["Target"]["Arn"].endswith(":live")
    payload = aws.client("lambda").invoke(FunctionName=schedule["Target"]["Arn"], Payload=schedule["Target"]["Input"])
    assert json.load(payload["Payload"])["statusCode"] == 200


def test_the_logs_of_the_service_can_be_read(
    aws: Aws, name: str, service: Make, console: Console, printed: Printed
) -> None:
    deploy(aws, StackSettings(name, throw_away=True), service(), console)
    show_logs(aws, name, console, follow=False)
    assert printed().count('{"message": "answered"') == 1


class TestFailure:
    @pytest.fixture(autouse=True)
    def _without_queries(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Leave out the saved queries, whose type makes ministack refuse the whole template."""
        monkeypatch.setattr("cfn.template.build.add_queries", lambda _template: None)

    def test_a_failed_creation_names_the_first_failed_resource_and_must_be_destroyed(
        self, aws: Aws, name: str, service: Make, console: Console
    ) -> None:
        # The emulator does not support alarms on metric math.
        broken = StackSettings(name, {"Alarms": "on"}, throw_away=True)
        with pytest.raises(CommandError, match=r"ROLLBACK_COMPLETE.*Alarm.*metric math"):
            deploy(aws, broken, service(), console)
        with pytest.raises(CommandError, match=rf"run `python -m cfn destroy --stack {name}`, then deploy again"):
            deploy(aws, StackSettings(name, throw_away=True), service(), console)

    def test_a_failed_update_leaves_the_old_service_running(
        self, aws: Aws, name: str, service: Make, console: Console
    ) -> None:
        url = deploy(aws, StackSettings(name, throw_away=True), service("hello"), console)
        with pytest.raises(CommandError, match=r"UPDATE_ROLLBACK_COMPLETE.*metric math"):
            deploy(aws, StackSettings(name, {"Alarms": "on"}, throw_away=True), service("goodbye"), console)
        assert _get_health(url)["word"] == "hello"

    def test_a_parameter_out_of_bounds_creates_no_stack(
        self, aws: Aws, name: str, service: Make, console: Console
    ) -> None:
        with pytest.raises((CommandError, ClientError), match="MemorySize"):
            deploy(aws, StackSettings(name, {"MemorySize": "64"}), service(), console)
        assert lookup.find_stack(aws, name) is None

    def test_a_mock_response_of_the_emulator_fails_the_health_check(
        self, aws: Aws, name: str, service: Make, console: Console
    ) -> None:
        mock = (
            'def handler(event, context):\n    return {"statusCode": 200, "body": "Mock response - no code deployed"}\n'
        )
        with pytest.raises(CommandError, match="by the emulator instead of the service: Mock response"):
            deploy(aws, StackSettings(name, throw_away=True), service(source=mock), console)

    def test_a_missing_bucket_is_not_created(self, aws: Aws, name: str, service: Make, console: Console) -> None:
        with pytest.raises(CommandError, match="There is no bucket 'no-such-bucket': create it, or choose another"):
            deploy(aws, StackSettings(name, bucket="no-such-bucket"), service(), console)


class TestDestroy:
    def test_a_throw_away_stack_is_deleted_with_its_tables(
        self, aws: Aws, name: str, service: Make, console: Console, printed: Printed
    ) -> None:
        table = _get_health(deploy(aws, StackSettings(name, throw_away=True), service(), console))["tables"]
        destroy(aws, name, console, confirmed=True)
        assert f"Stack {name} is deleted." in printed()
        assert table not in aws.client("dynamodb").list_tables()["TableNames"]

    def test_other_stacks_keep_their_tables_and_list_them(
        self, aws: Aws, name: str, service: Make, console: Console, printed: Printed
    ) -> None:
        table = _get_health(deploy(aws, StackSettings(name), service(), console))["tables"]
        destroy(aws, name, console, confirmed=True)
        assert f"Not deleted: EventsTable ({table})" in printed()
        assert table in aws.client("dynamodb").list_tables()["TableNames"]

    @pytest.mark.parametrize("typed", ["", "yes"])
    def test_nothing_is_deleted_unless_the_name_is_typed(  # noqa: PLR0913 - fixtures
        self, aws: Aws, name: str, service: Make, console: Console, monkeypatch: pytest.MonkeyPatch, typed: str
    ) -> None:
        url = deploy(aws, StackSettings(name, throw_away=True), service(), console)
        monkeypatch.setattr("builtins.input", lambda _prompt: typed)
        with pytest.raises(CommandError, match="Nothing was deleted"):
            destroy(aws, name, console, confirmed=False)
        assert _get_health(url)["word"] == "hello"

    def test_an_unknown_stack_is_reported_with_its_region(self, aws: Aws, console: Console) -> None:
        with pytest.raises(CommandError, match="There is no stack nowhere in us-east-1"):
            destroy(aws, "nowhere", console, confirmed=True)


class TestLeftTables:
    def test_a_new_stack_of_the_same_name_says_how_to_use_the_tables_that_were_left(
        self, aws: Aws, name: str, service: Make, console: Console, printed: Printed
    ) -> None:
        left = _get_health(deploy(aws, StackSettings(name), service(), console))["tables"]
        assert "left tables" not in printed()
        destroy(aws, name, console, confirmed=True)
        # Not by a deployment: ministack gives its new tables the names of those that were left, and empties them.
        announce_left_tables(aws, name, {}, console)
        assert f"An earlier stack {name} left tables." in printed()
        (option,) = re.findall(r"To use them, deploy with (.*)", printed())

        given = parse_parameters(option.removeprefix("--parameter ").split(" --parameter "))
        url = deploy(aws, StackSettings(name, given, throw_away=True), service(), console)
        assert printed().count("left tables") == 1
        assert _get_health(url)["tables"] == left
        destroy(aws, name, console, confirmed=True)
        assert left in aws.client("dynamodb").list_tables()["TableNames"]

    def test_a_table_that_is_brought_belongs_to_no_stack(
        self, aws: Aws, name: str, service: Make, console: Console
    ) -> None:
        """An update leaves its own table beside it, and the end of the stack leaves both."""
        own = _get_health(deploy(aws, StackSettings(name), service(), console))["tables"]
        brought = f"{name}-brought"
        events = {**TABLES["Events"], "TableName": brought}
        aws.client("dynamodb").create_table(**events)
        url = deploy(aws, StackSettings(name, {"EventsTableName": brought}), service(), console)
        assert _get_health(url)["tables"] == brought
        destroy(aws, name, console, confirmed=True)
        assert {own, brought} <= set(aws.client("dynamodb").list_tables()["TableNames"])
