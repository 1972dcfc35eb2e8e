"""Carries out one change of a stack, and follows it to its end."""

import time
import uuid
from itertools import takewhile
from typing import Any, Final

from cfn.errors import CommandError
from cfn.stack.aws import Aws
from cfn.stack.progress import Progress

_STACK: Final = "AWS::CloudFormation::Stack"
_NOTHING_TO_DO: Final = ("didn't contain changes", "No updates are to be performed")
_SUCCESS: Final = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "DELETE_COMPLETE")
_ENDS: Final = (
    *_SUCCESS,
    "ROLLBACK_COMPLETE",
    "ROLLBACK_FAILED",
    "UPDATE_ROLLBACK_COMPLETE",
    "UPDATE_ROLLBACK_FAILED",
    "DELETE_FAILED",
)


def plan(aws: Aws, stack: str, template: str, parameters: dict[str, str], *, create: bool) -> str | None:
    """Make a change set and return its identifier, or None where nothing would change."""
    made = aws.stacks.create_change_set(
        StackName=stack,
        ChangeSetName=f"deploy-{uuid.uuid4().hex}",
        ChangeSetType="CREATE" if create else "UPDATE",
        TemplateBody=template,
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
        Capabilities=["CAPABILITY_IAM"],
    )["Id"]
    while (found := aws.stacks.describe_change_set(ChangeSetName=made, StackName=stack))["Status"] != "CREATE_COMPLETE":
        if found["Status"] == "FAILED":
            _unplanned(aws, stack, found, create=create)
            return None
        time.sleep(aws.pause)
    return str(made)


def carry_out(aws: Aws, change_set: str, progress: Progress) -> None:
    """Execute the change set and wait; raise `CommandError` with the first failure where it fails."""
    stack_id = aws.stacks.describe_change_set(ChangeSetName=change_set)["StackId"]
    last = _newest(aws, stack_id)
    aws.stacks.execute_change_set(ChangeSetName=change_set)
    _follow(aws, stack_id, last, progress)


def delete(aws: Aws, stack_id: str, progress: Progress) -> None:
    """Delete the stack and wait; raise `CommandError` with the first failure where it fails."""
    last = _newest(aws, stack_id)
    aws.stacks.delete_stack(StackName=stack_id)
    _follow(aws, stack_id, last, progress)


def _follow(aws: Aws, stack_id: str, last: str, progress: Progress) -> None:
    """Show the events that come after the last one known, until the stack rests."""
    failure = ""
    while True:
        for event in _events_after(aws, stack_id, last):
            last = event["EventId"]
            progress.note(event)
            failure = failure or _failure(event)
            # The status of the stack itself may lag behind; its last event does not.
            if event["PhysicalResourceId"] == stack_id and event["ResourceStatus"] in _ENDS:
                return _conclude(event, failure)
        time.sleep(aws.pause)


def _newest(aws: Aws, stack_id: str) -> str:
    return str(aws.stacks.describe_stack_events(StackName=stack_id)["StackEvents"][0]["EventId"])


def _events_after(aws: Aws, stack_id: str, last: str) -> list[dict[str, Any]]:
    pages = aws.stacks.get_paginator("describe_stack_events").paginate(StackName=stack_id)
    newest_first = (event for page in pages for event in page["StackEvents"])
    return list(takewhile(lambda event: event["EventId"] != last, newest_first))[::-1]


def _failure(event: dict[str, Any]) -> str:
    reason = " ".join(event.get("ResourceStatusReason", "").split())
    cancelled = "cancelled" in reason.lower()  # What was under way when another resource failed.
    if event["ResourceType"] == _STACK or not event["ResourceStatus"].endswith("_FAILED") or cancelled:
        return ""
    return f"{event['LogicalResourceId']} ({event['ResourceType']}): {reason}"


def _conclude(event: dict[str, Any], failure: str) -> None:
    status = event["ResourceStatus"]
    if status not in _SUCCESS:
        reason = failure or " ".join(event.get("ResourceStatusReason", "").split())
        raise CommandError(f"Stack {event['StackName']} ended in {status}. First failure: {reason}")


def _unplanned(aws: Aws, stack: str, change_set: dict[str, Any], *, create: bool) -> None:
    aws.stacks.delete_change_set(ChangeSetName=change_set["ChangeSetId"], StackName=stack)
    reason = change_set.get("StatusReason", "")
    if any(words in reason for words in _NOTHING_TO_DO):
        return
    if create:
        # Planning has made an empty stack of that name, which would otherwise stay.
        aws.stacks.delete_stack(StackName=change_set["StackId"])
    raise CommandError(f"CloudFormation refuses the change of stack {stack}: {reason}")
