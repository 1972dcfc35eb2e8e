"""Follows a change of a stack to its end, by the events that CloudFormation records."""

import time
from itertools import takewhile
from typing import Any, Final

from cfn.errors import CommandError, if_interrupted
from cfn.stack.aws import Aws
from cfn.stack.progress import Progress

_STACK_TYPE: Final = "AWS::CloudFormation::Stack"
_SUCCESS: Final = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "DELETE_COMPLETE")
_FINAL: Final = (
    *_SUCCESS,
    "ROLLBACK_COMPLETE",
    "ROLLBACK_FAILED",
    "UPDATE_ROLLBACK_COMPLETE",
    "UPDATE_ROLLBACK_FAILED",
    "DELETE_FAILED",
)


def follow(aws: Aws, stack_id: str, last: str, progress: Progress, wanted: tuple[str, ...] = _SUCCESS) -> None:
    """Show the events after the event `last` until the change has ended.

    Raises:
        CommandError: It did not end as wanted; the message has the first resource that failed.

    """
    name = stack_id.rpartition("stack/")[2].partition("/")[0]
    status = f"`aws cloudformation describe-stacks --stack-name {name}` shows its status"
    with if_interrupted(f"Interrupted: CloudFormation continues the change of stack {name}. {status}."):
        end, failure = _events_until_end(aws, stack_id, last, progress)
    if end["ResourceStatus"] not in wanted:
        reason = failure or _reason(end)
        raise CommandError(f"Stack {end['StackName']} ended in {end['ResourceStatus']}. First failure: {reason}")


def newest_event_id(aws: Aws, stack_id: str) -> str:
    """Return the id of the newest event of the stack."""
    return str(aws.cloudformation.describe_stack_events(StackName=stack_id)["StackEvents"][0]["EventId"])


def _events_until_end(aws: Aws, stack_id: str, last: str, progress: Progress) -> tuple[dict[str, Any], str]:
    """Return the last event, and the first resource that failed with the reason, if any did."""
    failure = ""
    while True:
        for event in _events_after(aws, stack_id, last):
            last = event["EventId"]
            progress.add(event)
            failure = failure or _failure(event)
            # The status in DescribeStacks may lag behind the events.
            if event["PhysicalResourceId"] == stack_id and event["ResourceStatus"] in _FINAL:
                return event, failure
        time.sleep(aws.poll_seconds)


def _events_after(aws: Aws, stack_id: str, last: str) -> list[dict[str, Any]]:
    pages = aws.cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack_id)
    newest_first = (event for page in pages for event in page["StackEvents"])
    return list(takewhile(lambda event: event["EventId"] != last, newest_first))[::-1]


def _failure(event: dict[str, Any]) -> str:
    cancelled = "cancelled" in _reason(event).lower()  # A consequence of another failure.
    if event["ResourceType"] == _STACK_TYPE or not event["ResourceStatus"].endswith("_FAILED") or cancelled:
        return ""
    return f"{event['LogicalResourceId']} ({event['ResourceType']}): {_reason(event)}"


def _reason(event: dict[str, Any]) -> str:
    return " ".join(event.get("ResourceStatusReason", "").split())
