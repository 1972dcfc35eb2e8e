"""The process of a durable store: ministack, which loads a log at its start and appends every write to it.

ministack, whose version is pinned, handles a request of DynamoDB without a break, and changes items by two functions
only, `_set_item` and `_remove_item`. So the lines of the log are in the order of the writes, and each has all changes
of its request.
"""

import asyncio
import json
import os
import sys
import time
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.services import dynamodb

from storage.durable.folder import Scope, State, load
from storage.durable.log import Document, Log, LogError

#: The calls that change tables and are kept as they are. Backups, exports and streams are not kept.
_CALLS: Final = frozenset(
    {"CreateTable", "DeleteTable", "UpdateTable", "UpdateTimeToLive", "TagResource", "UntagResource"}
)


def run(folder: Path, status: int) -> None:
    """Serve the tables of a folder until SIGTERM; write progress and failures to the file descriptor `status`."""

    def report(text: str) -> None:
        os.write(status, f"{text}\n".encode())

    def fail(reason: str) -> None:
        """End at once: what can't be kept must not be answered."""
        report(f"failed: {reason}")
        os._exit(1)

    try:
        path, state = load(folder, report)
        asyncio.run(_fill(state))
        log = Log(path, fail, report)
    except LogError as error:
        report(f"failed: {error}")
        sys.exit(1)
    _keep(log)
    from ministack.app import main  # noqa: PLC0415 - it reads the environment, and starts threads

    sys.argv = ["ministack"]
    try:
        main()
    finally:
        log.close()


async def _fill(state: State) -> None:
    """Make the tables of a state by calls of DynamoDB's API, and set their items."""
    for scope, operation, request in state.calls:
        await _call(scope, operation, request)
    for (scope, name), items in state.items.items():
        table = dynamodb._tables.get_scoped(*scope, name)  # noqa: SLF001 - see above
        for item in items.values():
            partition, sort = (
                dynamodb._extract_key_val(item[key]) if key else "__no_sort__"  # noqa: SLF001 - as above
                for key in (table["pk_name"], table["sk_name"])
            )
            dynamodb._set_item(table, partition, sort, item)  # noqa: SLF001 - as above


async def _call(scope: Scope, operation: str, request: dict[str, Any]) -> None:
    with request_scope(*scope):
        headers = {"x-amz-target": f"DynamoDB_20120810.{operation}"}
        status, _headers, body = await dynamodb.handle_request("POST", "/", headers, json.dumps(request).encode(), {})
    if status != HTTPStatus.OK:
        raise LogError(f"the store can't load its log: {operation} is answered {body.decode()}")


def _keep(log: Log) -> None:
    """Let ministack append its writes to the log before they are answered."""
    handle, put, remove = dynamodb.handle_request, dynamodb._set_item, dynamodb._remove_item  # noqa: SLF001 - see above
    changes: Document = {}

    def put_and_note(table: Any, partition: Any, sort: Any, item: Any) -> Any:
        changes.setdefault("put", []).append([table["TableName"], item])
        return put(table, partition, sort, item)

    def remove_and_note(table: Any, partition: Any, sort: Any) -> Any:
        removed = remove(table, partition, sort)
        if removed is not None:
            key = {name: removed[name] for name in (table["pk_name"], table["sk_name"]) if name}
            changes.setdefault("delete", []).append([table["TableName"], key])
        return removed

    async def handle_and_append(method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
        answer = await handle(method, path, headers, body, query)
        operation = headers.get("x-amz-target", "").rpartition(".")[2]
        if operation in _CALLS and answer[0] == HTTPStatus.OK:
            changes["call"] = [operation, json.loads(body)]
        if changes:
            log.append({"scope": [get_account_id(), get_region()], **changes, "at": round(time.time(), 3)})
            changes.clear()
        return answer

    dynamodb._set_item, dynamodb._remove_item = put_and_note, remove_and_note  # noqa: SLF001 - see above
    dynamodb.handle_request = handle_and_append
