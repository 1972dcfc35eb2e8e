"""Sends again what failed: webhooks that were not delivered, and changes that the bus was not told."""

import json
from collections.abc import Iterator
from typing import Any, Final

from rich.console import Console

from cfn.errors import CommandError
from cfn.stack import lookup
from cfn.stack.aws import Aws
from cfn.stack.untold import read_changes

#: Seconds that a call waits for messages: without waiting, it asks only some of the servers that may have one.
_WAIT_SECONDS: Final = 2


def redrive(aws: Aws, name: str, console: Console) -> None:
    """Send again what waits in the queues of failures of a stack, once.

    Raises:
        CommandError: The stack has no notifications, or they still can't be told; what was not sent stays where it is.

    """
    found = lookup.get_stack(aws, name)
    untold, publisher, dead, webhooks = (
        lookup.find_physical_id(aws, found["StackName"], logical_id)
        for logical_id in ("UntoldQueue", "Publisher", "WebhookDeadLetters", "WebhookQueue")
    )
    if untold is None or publisher is None:
        raise CommandError(f"Stack {name} has no notifications: there is nothing to send again.")
    told = _tell_again(aws, untold, publisher)
    console.print(f"{told} changes of registrations are told again.", highlight=False)
    if dead is not None and webhooks is not None:
        sent = _move(aws, dead, webhooks)
        console.print(f"{sent} webhooks are sent again.", highlight=False)


def _tell_again(aws: Aws, untold: str, publisher: str) -> int:
    told = 0
    for message in _messages(aws, untold):
        records = read_changes(aws, json.loads(message["Body"])["DDBStreamBatchInfo"])
        answer = aws.client("lambda").invoke(FunctionName=publisher, Payload=json.dumps({"Records": records}))
        if "FunctionError" in answer:
            reason = json.load(answer["Payload"]).get("errorMessage")
            raise CommandError(f"The publisher still fails: {reason}")
        _delete(aws, untold, message)
        told += len(records)
    return told


def _move(aws: Aws, source: str, target: str) -> int:
    moved = 0
    for message in _messages(aws, source):
        aws.client("sqs").send_message(QueueUrl=target, MessageBody=message["Body"])
        _delete(aws, source, message)
        moved += 1
    return moved


def _messages(aws: Aws, queue: str) -> Iterator[dict[str, Any]]:
    """Yield messages until there are none; those that are not deleted appear again later."""
    sqs = aws.client("sqs")
    while True:
        found = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=_WAIT_SECONDS)
        if not found.get("Messages"):
            return
        yield from found["Messages"]


def _delete(aws: Aws, queue: str, message: dict[str, Any]) -> None:
    aws.client("sqs").delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
