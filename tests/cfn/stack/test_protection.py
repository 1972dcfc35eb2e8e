"""No single flag, and no ordinary deployment, takes data away."""

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from rich.console import Console

from cfn.errors import CommandError
from cfn.package.build import Package
from cfn.stack import lookup
from cfn.stack.aws import Aws
from cfn.stack.deploy import deploy, preview
from cfn.stack.destroy import destroy
from cfn.stack.planned import require_no_tables, require_tables
from cfn.stack.settings import StackSettings
from cfn.template.build import build_template

Make = Callable[..., Package]
Printed = Callable[[], str]


@pytest.fixture
def stack(aws: Aws, console: Console) -> Iterator[StackSettings]:
    """Yield the settings of a stack that keeps its tables, and is deleted after the test."""
    settings = StackSettings(f"data-{uuid.uuid4().hex[:8]}")
    yield settings
    if lookup.find_stack(aws, settings.name):
        destroy(aws, settings.name, console, confirmed=True)


def _template(aws: Aws, stack: StackSettings) -> dict[str, Any]:
    return lookup.template(aws, lookup.get_stack(aws, stack.name))


def _open_change_sets(aws: Aws, stack: StackSettings) -> list[Any]:
    found = aws.cloudformation.list_change_sets(StackName=stack.name)["Summaries"]
    return [change_set for change_set in found if change_set["ExecutionStatus"] == "AVAILABLE"]


def _is_protected(aws: Aws, stack: StackSettings) -> bool:
    return bool(lookup.get_stack(aws, stack.name)["EnableTerminationProtection"])


class TestThrowAway:
    def test_a_stack_that_keeps_its_tables_does_not_become_one_that_throws_them_away(
        self, aws: Aws, stack: StackSettings, service: Make, console: Console
    ) -> None:
        deploy(aws, stack, service(), console)
        with pytest.raises(CommandError, match=rf"^Stack {stack.name} keeps its tables, and with --throw-away"):
            deploy(aws, replace(stack, throw_away=True), service(), console)
        assert _template(aws, stack)["Resources"]["EventsTable"]["DeletionPolicy"] == "Retain"

    def test_a_throw_away_stack_becomes_one_that_keeps_its_tables(
        self, aws: Aws, stack: StackSettings, service: Make, console: Console
    ) -> None:
        deploy(aws, replace(stack, throw_away=True), service(), console)
        assert not _is_protected(aws, stack)
        deploy(aws, stack, service(), console)
        assert _is_protected(aws, stack)


class TestDestroy:
    def test_what_goes_is_listed_with_the_number_of_items_before_the_question(
        self, aws: Aws, stack: StackSettings, service: Make, console: Console, printed: Printed
    ) -> None:
        deploy(aws, replace(stack, throw_away=True), service(), console)
        users = lookup.physical_id(aws, stack.name, "UsersTable")
        for user in ("ada", "bob"):
            aws.client("dynamodb").put_item(TableName=users, Item={"userId": {"S": user}})
        destroy(aws, stack.name, console, confirmed=True)
        assert f"Deleted with its data: UsersTable ({users}), 2 items\n" in printed()
        assert "Deleted with its data: EventsTable" in printed()
        assert "Not deleted: UsersTable" not in printed()

    def test_a_table_that_is_gone_already_does_not_stop_it(
        self, aws: Aws, stack: StackSettings, service: Make, console: Console, printed: Printed
    ) -> None:
        deploy(aws, replace(stack, throw_away=True), service(), console)
        aws.client("dynamodb").delete_table(TableName=lookup.physical_id(aws, stack.name, "UsersTable"))
        destroy(aws, stack.name, console, confirmed=True)
        assert "which does not exist any more" in printed()

    def test_a_stack_that_keeps_its_tables_is_deleted_by_this_command_alone(
        self, aws: Aws, stack: StackSettings, service: Make, console: Console, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        deploy(aws, stack, service(), console)
        with pytest.raises(ClientError, match="TerminationProtection is enabled"):
            aws.cloudformation.delete_stack(StackName=stack.name)
        monkeypatch.setattr("builtins.input", lambda _prompt: "")
        with pytest.raises(CommandError, match="Nothing was deleted"):
            destroy(aws, stack.name, console, confirmed=False)
        assert _is_protected(aws, stack)
        monkeypatch.setattr("builtins.input", lambda _prompt: stack.name)
        destroy(aws, stack.name, console, confirmed=False)
        assert lookup.find_stack(aws, stack.name) is None

    def test_a_stack_that_has_only_a_change_set_can_be_deleted(
        self, aws: Aws, stack: StackSettings, console: Console, printed: Printed
    ) -> None:
        template = '{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}'
        aws.cloudformation.create_change_set(
            StackName=stack.name, ChangeSetName="never", ChangeSetType="CREATE", TemplateBody=template
        )
        destroy(aws, stack.name, console, confirmed=True)
        assert "It has no resources, only a change set that nobody has executed." in printed()
        with pytest.raises(ClientError, match="does not exist"):
            aws.cloudformation.describe_stacks(StackName=stack.name)


def _template_with(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[..., Any]:

    class Changed:
        def __init__(self, release: str, **options: Any) -> None:
            self._template = build_template(release, **options).to_dict()

        def to_dict(self) -> dict[str, Any]:
            return change(self._template)

    return Changed


def _rename_users(template: dict[str, Any]) -> dict[str, Any]:
    renamed: dict[str, Any] = json.loads(json.dumps(template).replace("UsersTable", "PeopleTable"))
    return renamed


def _change_key(template: dict[str, Any]) -> dict[str, Any]:
    table = template["Resources"]["UsersTable"]["Properties"]
    table["KeySchema"][0]["AttributeName"] = table["AttributeDefinitions"][0]["AttributeName"] = "mail"
    return template


@pytest.mark.parametrize(
    ("changed", "reason"), [(_rename_users, "is removed"), (_change_key, "may be replaced")], ids=["rename", "key"]
)
def test_a_change_that_would_take_a_table_away_is_refused(  # noqa: PLR0913 - fixtures
    aws: Aws,
    stack: StackSettings,
    service: Make,
    console: Console,
    monkeypatch: pytest.MonkeyPatch,
    changed: Callable[[dict[str, Any]], dict[str, Any]],
    reason: str,
) -> None:
    deploy(aws, stack, service(), console)
    users = lookup.physical_id(aws, stack.name, "UsersTable")
    monkeypatch.setattr("cfn.stack.deploy.build_template", _template_with(changed))
    for command in (preview, deploy):
        with pytest.raises(CommandError, match=rf"^Refused, as the table {users} {reason} by this change"):
            command(aws, stack, service(), console)
    assert lookup.physical_id(aws, stack.name, "UsersTable") == users
    assert _open_change_sets(aws, stack) == []


_REMOVED = {"LogicalResourceId": "UsersTable", "ResourceType": "AWS::DynamoDB::Table", "Action": "Remove"}
_KEPT = {**_REMOVED, "PolicyAction": "Retain"}
_NONE: dict[str, Any] = {"Resources": {}}


class TestRefusal:
    def test_a_table_may_leave_the_stack_if_it_stays_and_another_is_named(self) -> None:
        require_tables([_KEPT], _NONE, _NONE, {"UsersTableName": "restored"})

    @pytest.mark.parametrize("parameters", [{}, {"UsersTableName": ""}, {"EventsTableName": "restored"}], ids=str)
    def test_without_another_it_may_not(self, parameters: dict[str, str | None]) -> None:
        with pytest.raises(CommandError, match="UsersTable is removed"):
            require_tables([_KEPT], _NONE, _NONE, parameters)

    def test_a_table_may_not_be_deleted_although_another_is_named(self) -> None:
        with pytest.raises(CommandError, match="UsersTable is removed"):
            require_tables([{**_REMOVED, "PolicyAction": "Delete"}], _NONE, _NONE, {"UsersTableName": "restored"})

    @pytest.mark.parametrize("action", ["Add", "Remove"])
    def test_restoring_a_stack_exchanges_no_table(self, action: str) -> None:
        with pytest.raises(CommandError, match="UsersTable is exchanged"):
            require_no_tables([{**_REMOVED, "Action": action}])

    @pytest.mark.parametrize(("kind", "refused"), [("S", False), ("N", True)])
    def test_a_table_may_get_an_index_if_no_attribute_changes(self, kind: str, refused: bool) -> None:  # noqa: FBT001
        """CloudFormation says of both that the table may be replaced."""
        change = {**_REMOVED, "Action": "Modify", "Replacement": "Conditional"}
        key, mail = ({"AttributeName": name, "AttributeType": "S"} for name in ("userId", "mail"))
        before, after = _users_table(key), _users_table({**key, "AttributeType": kind}, mail)
        with pytest.raises(CommandError, match="may be replaced") if refused else nullcontext():
            require_tables([change], before, after, {})


def _users_table(*attributes: dict[str, str]) -> dict[str, Any]:
    return {"Resources": {"UsersTable": {"Properties": {"AttributeDefinitions": list(attributes)}}}}


_OBJECTS = ("PutObject", "DeleteObject")


class TestPlan:
    def test_of_a_new_stack_it_lists_the_resources_and_leaves_nothing_behind(
        self, aws: Aws, stack: StackSettings, service: Make, console: Console, printed: Printed
    ) -> None:
        preview(aws, stack, service(), console)
        assert "Add     EventsTable                 AWS::DynamoDB::Table\n" in printed()
        with pytest.raises(ClientError, match="does not exist"):
            aws.cloudformation.describe_stacks(StackName=stack.name)

    def test_of_a_release_it_lists_what_changes_and_changes_nothing(
        self, aws: Aws, stack: StackSettings, service: Make, console: Console, printed: Printed
    ) -> None:
        deploy(aws, stack, service("one"), console)
        before = _template(aws, stack)
        preview(aws, replace(stack, parameters={"LogRetentionDays": "7"}), service("two"), console)
        (line,) = [line for line in printed().splitlines() if line.startswith("Modify  ServiceLog")]
        assert line.endswith("RetentionInDays")
        assert "Modify  LiveAlias" in printed()
        assert _template(aws, stack) == before
        assert _open_change_sets(aws, stack) == []

    def test_of_what_is_deployed_it_says_so(
        self, aws: Aws, stack: StackSettings, service: Make, console: Console, printed: Printed
    ) -> None:
        deploy(aws, stack, service(), console)
        preview(aws, stack, service(), console)
        assert printed().endswith(f"No changes: stack {stack.name} is up to date.\n")

    def test_it_uploads_no_package_and_the_template_only_for_as_long_as_it_takes(
        self, recorded: Any, stack: StackSettings, service: Make, console: Console
    ) -> None:
        preview(recorded, stack, service(uuid.uuid4().hex), console)
        keys = {name: [call["Key"] for _, found, call in recorded.calls if found == name] for name in _OBJECTS}
        assert all("/template-" in key for key in keys["PutObject"])
        assert keys["DeleteObject"] == keys["PutObject"]
