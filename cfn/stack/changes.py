"""Changes a stack through CloudFormation: a change set is made, examined, and executed or discarded."""

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from rich.console import Console

from cfn.errors import CommandError, if_interrupted
from cfn.stack.aws import Aws
from cfn.stack.following import follow, newest_event_id
from cfn.stack.planned import Planned, planned_changes, print_plan, require_no_tables, require_tables
from cfn.stack.progress import Progress
from cfn.stack.template_body import handed_over

_NO_CHANGES: Final = ("didn't contain changes", "No updates are to be performed")


@dataclass(frozen=True)
class Change:
    """A change of a stack; a parameter without a value, and tags that are not given, keep the current ones.

    A change that `restores` what was before a failure leaves all tables as they are. A large template gets to
    CloudFormation through the `bucket`.
    """

    stack: str
    template: dict[str, Any]
    parameters: Mapping[str, str | None]
    create: bool = False
    role_arn: str | None = None
    tags: Mapping[str, str] | None = None
    restores: bool = False
    bucket: str | None = None

    def to(self, template: dict[str, Any]) -> "Change":
        """Return the change with another template."""
        return replace(self, template=template)


def apply(aws: Aws, change: Change, console: Console) -> bool:
    """Make the change and wait for its end; return False if there was nothing to change.

    Raises:
        CommandError: CloudFormation refuses the change, it would take tables away, or it failed: then with the first
            resource that failed.

    """
    with if_interrupted(f"Interrupted: this change of stack {change.stack} has not begun."):
        change_set = _create_change_set(aws, change)
        if change_set is None:
            return False
        try:
            _require_tables(aws, change, planned_changes(aws, change_set))
        except (CommandError, KeyboardInterrupt):
            _discard(aws, change, change_set)
            raise
    with Progress(console) as progress:
        stack_id = aws.cloudformation.describe_change_set(ChangeSetName=change_set)["StackId"]
        last = newest_event_id(aws, stack_id)
        aws.cloudformation.execute_change_set(ChangeSetName=change_set)
        follow(aws, stack_id, last, progress)
    return True


def preview(aws: Aws, change: Change, console: Console) -> None:
    """Print what the change would do, and leave everything as it is; raise `CommandError` if it would be refused."""
    change_set = _create_change_set(aws, change)
    if change_set is None:
        console.print(f"No changes: stack {change.stack} is up to date.", highlight=False)
        return
    try:
        planned = planned_changes(aws, change_set)
        print_plan(planned, console)
        _require_tables(aws, change, planned)
    finally:
        _discard(aws, change, change_set)


def _require_tables(aws: Aws, change: Change, planned: list[Planned]) -> None:
    if change.restores:
        require_no_tables(planned)
    elif not change.create:
        before = aws.cloudformation.get_template(StackName=change.stack)["TemplateBody"]
        require_tables(planned, before, change.template, change.parameters)


def delete(aws: Aws, stack_id: str, progress: Progress, role_arn: str | None = None) -> None:
    """Delete the stack and wait; if it fails, raise `CommandError` with the first resource that failed."""
    last = newest_event_id(aws, stack_id)
    aws.cloudformation.delete_stack(StackName=stack_id, **_with_role(role_arn))
    follow(aws, stack_id, last, progress)


def _create_change_set(aws: Aws, change: Change) -> str | None:
    """Create a change set and return its id, or None if it is empty; raise `CommandError` if it is refused."""
    with handed_over(aws, change.stack, change.template, change.parameters, change.bucket) as template:
        change_set = str(
            aws.cloudformation.create_change_set(
                StackName=change.stack,
                ChangeSetName=f"deploy-{uuid.uuid4().hex}",
                ChangeSetType="CREATE" if change.create else "UPDATE",
                Parameters=[_parameter(name, value) for name, value in change.parameters.items()],
                Capabilities=["CAPABILITY_IAM"],
                **template,
                **_tags(change.tags),
                **_with_role(change.role_arn),
            )["Id"]
        )
        try:
            found = _wait(aws, change_set)
        except KeyboardInterrupt:
            _discard(aws, change, change_set)
            raise
    if found["Status"] == "CREATE_COMPLETE":
        return change_set
    _discard(aws, change, change_set)
    reason = found.get("StatusReason", "")
    if any(words in reason for words in _NO_CHANGES):
        return None
    raise CommandError(f"CloudFormation rejects the change of stack {change.stack}: {reason}")


def _wait(aws: Aws, change_set: str) -> dict[str, Any]:
    while True:
        found: dict[str, Any] = aws.cloudformation.describe_change_set(ChangeSetName=change_set)
        if found["Status"] in ("CREATE_COMPLETE", "FAILED"):
            return found
        time.sleep(aws.poll_seconds)


def _with_role(role_arn: str | None) -> dict[str, str]:
    # Without the argument, CloudFormation keeps the last role of the stack.
    return {"RoleARN": role_arn} if role_arn else {}


def _tags(tags: Mapping[str, str] | None) -> dict[str, list[dict[str, str]]]:
    return {} if tags is None else {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}


def _parameter(name: str, value: str | None) -> dict[str, str | bool]:
    given = {"UsePreviousValue": True} if value is None else {"ParameterValue": value}
    return {"ParameterKey": name, **given}


def _discard(aws: Aws, change: Change, change_set: str) -> None:
    """Delete a change set that is not executed and, if it was for a new stack, the empty stack that came with it."""
    stack = aws.cloudformation.describe_change_set(ChangeSetName=change_set)["StackId"]
    aws.cloudformation.delete_change_set(ChangeSetName=change_set)
    if change.create:
        aws.cloudformation.delete_stack(StackName=stack)
