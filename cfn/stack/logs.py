"""Shows the service's log as it stands, or as it grows."""

import time
from collections.abc import Hashable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

from rich.console import Console

from cfn.errors import CommandError
from cfn.stack import lookup
from cfn.stack.aws import Aws

#: How far back the first look goes, in seconds.
_PAST: Final = 3600
#: Lines may arrive this late, in milliseconds; each look goes back so far and leaves out what it has shown.
_LATE: Final = 30_000


def show_logs(aws: Aws, name: str, console: Console, *, follow: bool) -> None:
    """Print the last hour of the service's log; with `follow`, go on until interrupted."""
    group = lookup.outputs(lookup.existing(aws, name)).get("LogGroup")
    if group is None:
        raise CommandError(f"Stack {name} has no log: was it deployed from here, and completely?")
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
        time.sleep(aws.pause)


def _events(logs: Any, group: str, since: int) -> Iterator[dict[str, Any]]:
    for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group, startTime=since):
        yield from page["events"]


def _identity(event: dict[str, Any]) -> Hashable:
    # ministack gives its events no id.
    return event.get("eventId") or (event["logStreamName"], event["timestamp"], event["message"])


def _print(event: dict[str, Any], console: Console) -> None:
    when = datetime.fromtimestamp(event["timestamp"] / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    console.print(f"{when}  {event['message'].rstrip()}", soft_wrap=True, highlight=False, markup=False)
