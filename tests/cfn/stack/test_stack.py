"""Stacks come, change and go on an emulator, with services too small to be of any other use."""

import json
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
from cfn.stack.bucket import default_name
from cfn.stack.deploy import Wanted, deploy
from cfn.stack.destroy import destroy
from cfn.stack.logs import show_logs

Make = Callable[..., Package]
Said = Callable[[], str]


@pytest.fixture
def name(aws: Aws, console: Console) -> Iterator[str]:
    """Yield a name for a stack that is gone after the test."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    yield name
    if lookup.find(aws, name):
        destroy(aws, name, console, confirmed=True)


def _ask(url: str) -> Any:
    with urllib.request.urlopen(f"{url}/health", timeout=10) as answer:  # noqa: S310 - it is the emulator's
        return json.load(answer)


def _live_version(aws: Aws, name: str) -> dict[str, Any]:
    function = lookup.outputs(lookup.existing(aws, name))["FunctionName"]
    found: dict[str, Any] = aws.client("lambda").get_function_configuration(FunctionName=function, Qualifier="live")
    return found


def test_a_new_stack_answers_before_the_command_says_so(
    aws: Aws, name: str, service: Make, console: Console, said: Said
) -> None:
    url = deploy(aws, Wanted(name, throw_away=True), service(), console)
    assert _ask(url)["says"] == "hello"
    assert _ask(url)["stage"] == "prod"
    assert f"{url}/health says healthy." in said()
    assert "CREATE_COMPLETE             EventsTable" in said()


def test_the_package_lies_in_a_private_encrypted_bucket_under_its_hash(
    aws: Aws, name: str, service: Make, console: Console
) -> None:
    package = service()
    deploy(aws, Wanted(name, throw_away=True), package, console)
    s3, bucket = aws.client("s3"), default_name(aws)
    assert s3.head_object(Bucket=bucket, Key=package.key)["ContentLength"] == package.size
    assert all(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values())
    (rule,) = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"


def test_the_same_again_changes_nothing(aws: Aws, name: str, service: Make, console: Console, said: Said) -> None:
    deploy(aws, Wanted(name, throw_away=True), service(), console)
    before = _live_version(aws, name)["Version"]
    deploy(aws, Wanted(name, throw_away=True), service(), console)
    assert f"No changes: stack {name} is up to date." in said()
    assert _live_version(aws, name)["Version"] == before


def test_changed_code_moves_the_alias(aws: Aws, name: str, service: Make, console: Console) -> None:
    deploy(aws, Wanted(name, throw_away=True), service("hello"), console)
    before = _live_version(aws, name)["Version"]
    url = deploy(aws, Wanted(name, throw_away=True), service("goodbye"), console)
    assert _ask(url)["says"] == "goodbye"
    assert int(_live_version(aws, name)["Version"]) > int(before)


def test_changed_memory_moves_the_alias_and_is_remembered(aws: Aws, name: str, service: Make, console: Console) -> None:
    deploy(aws, Wanted(name, throw_away=True), service("hello"), console)
    deploy(aws, Wanted(name, {"MemorySize": "1024"}, throw_away=True), service("hello"), console)
    assert _live_version(aws, name)["MemorySize"] == 1024
    deploy(aws, Wanted(name, throw_away=True), service("goodbye"), console)
    assert _live_version(aws, name)["MemorySize"] == 1024


def test_a_change_beside_the_function_publishes_no_version(
    aws: Aws, name: str, service: Make, console: Console
) -> None:
    deploy(aws, Wanted(name, throw_away=True), service(), console)
    before = _live_version(aws, name)["Version"]
    deploy(
        aws, Wanted(name, {"LogRetentionDays": "7", "ReservedConcurrency": "5"}, throw_away=True), service(), console
    )
    assert _live_version(aws, name)["Version"] == before


def test_another_stage_moves_the_address(aws: Aws, name: str, service: Make, console: Console) -> None:
    url = deploy(aws, Wanted(name, {"StageName": "beta"}, throw_away=True), service(), console)
    assert url.endswith("/beta")
    assert _ask(url)["stage"] == "beta"


def test_the_logs_of_the_service_can_be_read(aws: Aws, name: str, service: Make, console: Console, said: Said) -> None:
    deploy(aws, Wanted(name, throw_away=True), service(), console)
    show_logs(aws, name, console, follow=False)
    assert said().count('{"message": "answered"') == 1


class TestFailure:
    def test_a_failed_creation_names_the_first_resource_and_is_refused_until_it_is_destroyed(
        self, aws: Aws, name: str, service: Make, console: Console
    ) -> None:
        # The emulator knows no alarms that calculate.
        broken = Wanted(name, {"Alarms": "on"}, throw_away=True)
        with pytest.raises(CommandError, match=r"ROLLBACK_COMPLETE.*EventsThrottledAlarm.*metric math"):
            deploy(aws, broken, service(), console)
        with pytest.raises(CommandError, match=rf"run `python -m cfn destroy --stack {name}`, then deploy again"):
            deploy(aws, Wanted(name, throw_away=True), service(), console)

    def test_a_failed_update_leaves_the_old_service_running(
        self, aws: Aws, name: str, service: Make, console: Console
    ) -> None:
        url = deploy(aws, Wanted(name, throw_away=True), service("hello"), console)
        with pytest.raises(CommandError, match=r"UPDATE_ROLLBACK_COMPLETE.*metric math"):
            deploy(aws, Wanted(name, {"Alarms": "on"}, throw_away=True), service("goodbye"), console)
        assert _ask(url)["says"] == "hello"

    def test_a_parameter_out_of_bounds_makes_no_stack(
        self, aws: Aws, name: str, service: Make, console: Console
    ) -> None:
        with pytest.raises((CommandError, ClientError), match="MemorySize"):
            deploy(aws, Wanted(name, {"MemorySize": "64"}), service(), console)
        assert lookup.find(aws, name) is None

    def test_an_answer_of_the_emulator_is_no_answer_of_the_service(
        self, aws: Aws, name: str, service: Make, console: Console
    ) -> None:
        mock = (
            'def handler(event, context):\n    return {"statusCode": 200, "body": "Mock response - no code deployed"}\n'
        )
        with pytest.raises(CommandError, match="by the emulator instead of the service: Mock response"):
            deploy(aws, Wanted(name, throw_away=True), service(source=mock), console)

    def test_a_missing_bucket_is_not_made_by_its_name(
        self, aws: Aws, name: str, service: Make, console: Console
    ) -> None:
        with pytest.raises(CommandError, match="There is no bucket 'no-such-bucket': create it, or leave --bucket out"):
            deploy(aws, Wanted(name, bucket="no-such-bucket"), service(), console)


class TestDestroy:
    def test_a_throw_away_stack_goes_with_its_tables(
        self, aws: Aws, name: str, service: Make, console: Console, said: Said
    ) -> None:
        table = _ask(deploy(aws, Wanted(name, throw_away=True), service(), console))["tables"]
        destroy(aws, name, console, confirmed=True)
        assert f"Stack {name} is gone." in said()
        assert table not in aws.client("dynamodb").list_tables()["TableNames"]

    def test_other_stacks_leave_their_tables_and_say_which(
        self, aws: Aws, name: str, service: Make, console: Console, said: Said
    ) -> None:
        table = _ask(deploy(aws, Wanted(name), service(), console))["tables"]
        destroy(aws, name, console, confirmed=True)
        assert f"It keeps EventsTable: {table}" in said()
        assert table in aws.client("dynamodb").list_tables()["TableNames"]

    @pytest.mark.parametrize("typed", ["", "yes"])
    def test_nothing_is_deleted_unless_the_name_is_typed(  # noqa: PLR0913 - fixtures
        self, aws: Aws, name: str, service: Make, console: Console, monkeypatch: pytest.MonkeyPatch, typed: str
    ) -> None:
        url = deploy(aws, Wanted(name, throw_away=True), service(), console)
        monkeypatch.setattr("builtins.input", lambda _prompt: typed)
        with pytest.raises(CommandError, match="Nothing was deleted"):
            destroy(aws, name, console, confirmed=False)
        assert _ask(url)["says"] == "hello"

    def test_a_stack_that_is_not_there_is_named_with_its_region(self, aws: Aws, console: Console) -> None:
        with pytest.raises(CommandError, match="There is no stack nowhere in us-east-1"):
            destroy(aws, "nowhere", console, confirmed=True)
