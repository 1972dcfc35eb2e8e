"""Changes a stack through CloudFormation, and follows the change to its end."""

import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Any, Final

from rich.console import Console

from cfn.errors import CommandError
from cfn.stack.aws import Aws
from cfn.stack.progress import Progress

_STACK_TYPE: Final = "AWS::CloudFormation::Stack"
_NO_CHANGES: Final = ("didn't contain changes", "No updates are to be performed")
_SUCCESS: Final = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "DELETE_COMPLETE")
_FINAL: Final = (
    *_SUCCESS,
    "ROLLBACK_COMPLETE",
    "ROLLBACK_FAILED",
    "UPDATE_ROLLBACK_COMPLETE",
    "UPDATE_ROLLBACK_FAILED",
    "DELETE_FAILED",
)


@dataclass(frozen=True)
class Change:
    """A change of a stack; a parameter without a value keeps the current one."""

    stack: str
    template: dict[str, Any]
    parameters: Mapping[str, str | None]
    create: bool = False
    role_arn: str | None = None

    def to(self, template: dict[str, Any], parameters: Mapping[str, str | None] | None = None) -> "Change":
        """Return the change with another template and, if given, other parameters."""
        return replace(self, template=template, parameters=self.parameters if parameters is None else parameters)


def apply(aws: Aws, change: Change, console: Console) -> bool:
    """Make the change and wait for its end; return False if there was nothing to change.

    Raises:
        CommandError: CloudFormation refuses the change, or it failed: then with the first resource that failed.

    """
    change_set = create_change_set(aws, change)
    if change_set is None:
        return False
    with Progress(console) as progress:
        execute(aws, change_set, progress)
    return True


def create_change_set(aws: Aws, change: Change) -> str | None:
    """Create a change set and return its id, or None if it is empty; raise `CommandError` if it is refused."""
    change_set = aws.cloudformation.create_change_set(
        StackName=change.stack,
        ChangeSetName=f"deploy-{uuid.uuid4().hex}",
        ChangeSetType="CREATE" if change.create else "UPDATE",
        TemplateBody=json.dumps(change.template, separators=(",", ":")),
        Parameters=[_parameter(name, value) for name, value in change.parameters.items()],
        Capabilities=["CAPABILITY_IAM"],
        **({"RoleARN": change.role_arn} if change.role_arn else {}),
    )["Id"]
    while True:
        found = aws.cloudformation.describe_change_set(ChangeSetName=change_set, StackName=change.stack)
        match found["Status"]:
            case "CREATE_COMPLETE":
                return str(change_set)
            case "FAILED":
                _discard_failed(aws, change, found)
                return None
        time.sleep(aws.poll_seconds)


def _parameter(name: str, value: str | None) -> dict[str, str | bool]:
    given = {"UsePreviousValue": True} if value is None else {"ParameterValue": value}
    return {"ParameterKey": name, **given}


def execute(aws: Aws, change_set: str, progress: Progress) -> None:
    """Execute the change set and wait; if it fails, raise `CommandError` with the first resource that failed."""
    stack_id = aws.cloudformation.describe_change_set(ChangeSetName=change_set)["StackId"]
    last = newest_event_id(aws, stack_id)
    aws.cloudformation.execute_change_set(ChangeSetName=change_set)
    follow(aws, stack_id, last, progress)


def delete(aws: Aws, stack_id: str, progress: Progress) -> None:
    """Delete the stack and wait; if it fails, raise `CommandError` with the first resource that failed."""
    last = newest_event_id(aws, stack_id)
    aws.cloudformation.delete_stack(StackName=stack_id)
    follow(aws, stack_id, last, progress)


def follow(aws: Aws, stack_id: str, last: str, progress: Progress, wanted: tuple[str, ...] = _SUCCESS) -> None:
    """Show the events after the event `last` until the change has ended; raise `CommandError` unless as wanted."""
    failure = ""
    while True:
        for event in _events_after(aws, stack_id, last):
            last = event["EventId"]
            progress.add(event)
            failure = failure or _failure(event)
            # The status in DescribeStacks may lag behind the events.
            if event["PhysicalResourceId"] == stack_id and event["ResourceStatus"] in _FINAL:
                return _check_end_status(event, failure, wanted)
        time.sleep(aws.poll_seconds)


def newest_event_id(aws: Aws, stack_id: str) -> str:
    """Return the id of the newest event of the stack."""
    return str(aws.cloudformation.describe_stack_events(StackName=stack_id)["StackEvents"][0]["EventId"])


def _events_after(aws: Aws, stack_id: str, last: str) -> list[dict[str, Any]]:
    pages = aws.cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack_id)
    newest_first = (event for page in pages for event in page["StackEvents"])
    return list(takewhile(lambda event: event["EventId"] != last, newest_first))[::-1]


def _failure(event: dict[str, Any]) -> str:
    reason = " ".join(event.get("ResourceStatusReason", "").split())
    cancelled = "cancelled" in reason.lower()  # A consequence of another failure.
    if event["ResourceType"] == _STACK_TYPE or not event["ResourceStatus"].endswith("_FAILED") or cancelled:
        return ""
    return f"{event['LogicalResourceId']} ({event['ResourceType']}): {reason}"


def _check_end_status(event: dict[str, Any], failure: str, wanted: tuple[str, ...]) -> None:
    status = event["ResourceStatus"]
    if status not in wanted:
        reason = failure or " ".join(event.get("ResourceStatusReason", "").split())
        raise CommandError(f"Stack {event['StackName']} ended in {status}. First failure: {reason}")


def _discard_failed(aws: Aws, change: Change, change_set: dict[str, Any]) -> None:
    aws.cloudformation.delete_change_set(ChangeSetName=change_set["ChangeSetId"], StackName=change.stack)
    reason = change_set.get("StatusReason", "")
    if any(words in reason for words in _NO_CHANGES):
        return
    if change.create:
        # The change set has created an empty stack, which would otherwise remain.
        aws.cloudformation.delete_stack(StackName=change_set["StackId"])
    raise CommandError(f"CloudFormation rejects the change of stack {change.stack}: {reason}")
