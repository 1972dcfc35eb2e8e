"""Prints the service's log, once or continuously."""

import time
from collections.abc import Hashable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

from rich.console import Console

from cfn.errors import CommandError
from cfn.stack import lookup
from cfn.stack.aws import Aws

#: Start of the log that is shown, in seconds before now.
_PAST: Final = 3600
#: Maximum delay of a log event in milliseconds: each poll starts this much before the newest event, and skips events
#: already shown.
_LATE: Final = 30_000


def show_logs(aws: Aws, name: str, console: Console, *, follow: bool) -> None:
    """Print the last hour of the service's log; with `follow`, continue until interrupted."""
    group = lookup.outputs(lookup.get_stack(aws, name)).get("LogGroup")
    if group is None:
        raise CommandError(f"Stack {name} has no output LogGroup: was it deployed completely, and by this command?")
    logs = aws.client("logs")
    since = int((time.time() - _PAST) * 1000)
    shown: dict[Hashable, int] = {}
    while True:
        for event in _events(logs, group, since):
            if (identity := _identity(event)) not in shown:
                shown[identity] = event["timestamp"]
                _print(event, console)
        if not follow:
            return
        since = max([since, *(stamp - _LATE for stamp in shown.values())])
        shown = {identity: stamp for identity, stamp in shown.items() if stamp >= since}
        time.sleep(aws.poll_seconds)


def tail_command(aws: Aws, group: str) -> str:
    """Return the command of the AWS CLI that follows the service's log."""
    place = f"--region {aws.region}" + (f" --endpoint-url {aws.emulator_url}" if aws.emulator_url else "")
    return f"aws logs tail {group} --follow --format short {place}"


def _events(logs: Any, group: str, since: int) -> Iterator[dict[str, Any]]:
    for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group, startTime=since):
        yield from page["events"]


def _identity(event: dict[str, Any]) -> Hashable:
    # The events of ministack have no id.
    return event.get("eventId") or (event["logStreamName"], event["timestamp"], event["message"])


def _print(event: dict[str, Any], console: Console) -> None:
    when = datetime.fromtimestamp(event["timestamp"] / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    console.print(f"{when}  {event['message'].rstrip()}", soft_wrap=True, highlight=False, markup=False)
