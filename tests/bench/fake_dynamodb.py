"""A DynamoDB with fixed responses, in a process of its own, so that its CPU is not measured.

It answers reads from the items of `tests.bench.dataset`, stores nothing, accepts every transaction except those on the
full event, and caches the bytes of each response.
"""

import asyncio
import json
import re
import subprocess
import sys
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, Final

from storage.dynamodb.attributes import Item, marshal
from storage.items import DETAILS, seats_key
from storage.schema import BY_DATE, TABLES
from tests.bench import dataset
from tests.bench.calls import FULL
from tests.bench.workers import ROOT

_HEAD_END: Final = b"\r\n\r\n"
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_TARGET: Final = re.compile(rb"\r\nx-amz-target: *DynamoDB_20120810\.(\w+)", re.IGNORECASE)
_REFUSED: Final = json.dumps({"S": FULL}).encode()


class Answers:
    """DynamoDB's responses on fixed items."""

    def __init__(self, tables: Mapping[str, list[Item]]) -> None:
        """Take the items by table."""
        self._tables = {
            name: {self._key(name, item): marshal(item) for item in items} for name, items in tables.items()
        }
        self._lists: dict[tuple[str, str | None, str], list[Item]] = {}
        for name, items in tables.items():
            for item in items:
                self._enlist(name, item)
        self._known: dict[tuple[bytes, bytes], bytes] = {}

    def answer(self, target: bytes, body: bytes) -> bytes:
        """Return the bytes of a response; the time and the token in a transaction do not change it."""
        kind = (target, body)
        if target == b"TransactWriteItems":
            kind = (target, _REFUSED if _REFUSED in body else b"")
        if kind not in self._known:
            status, content = getattr(self, f"_{target.decode()}")(json.loads(body))
            self._known[kind] = _response(status, json.dumps(content, ensure_ascii=False).encode())
        return self._known[kind]

    @staticmethod
    def _key(table: str, item: Mapping[str, Any]) -> tuple[str, ...]:
        return tuple(item[key["AttributeName"]] for key in TABLES[table]["KeySchema"])

    def _enlist(self, table: str, item: Item) -> None:
        partition = item[TABLES[table]["KeySchema"][0]["AttributeName"]]
        self._lists.setdefault((table, None, partition), []).append(marshal(item))
        if item.get("part") == DETAILS:
            self._lists.setdefault((table, BY_DATE, item["listing"]), []).append(marshal(item))

    def _found(self, table: str, key: Mapping[str, Mapping[str, str]]) -> Item | None:
        return self._tables[table].get(self._key(table, {name: value["S"] for name, value in key.items()}))

    def _GetItem(self, request: Any) -> tuple[int, Any]:  # noqa: N802 - DynamoDB's name
        item = self._found(request["TableName"], request["Key"])
        return HTTPStatus.OK, {"Item": item} if item else {}

    def _BatchGetItem(self, request: Any) -> tuple[int, Any]:  # noqa: N802 - DynamoDB's name
        responses = {
            table: [item for key in part["Keys"] if (item := self._found(table, key))]
            for table, part in request["RequestItems"].items()
        }
        return HTTPStatus.OK, {"Responses": responses, "UnprocessedKeys": {}}

    def _Query(self, request: Any) -> tuple[int, Any]:  # noqa: N802 - DynamoDB's name
        values = [value["S"] for value in request["ExpressionAttributeValues"].values() if "S" in value]
        lists = (self._lists.get((request["TableName"], request.get("IndexName"), value)) for value in values)
        items = next(filter(None, lists), [])[: request.get("Limit")]
        return HTTPStatus.OK, {"Items": items, "Count": len(items), "ScannedCount": len(items)}

    def _CreateTable(self, _request: Any) -> tuple[int, Any]:  # noqa: N802 - DynamoDB's name
        kind = "com.amazonaws.dynamodb.v20120810#ResourceInUseException"
        return HTTPStatus.BAD_REQUEST, {"__type": kind, "message": "The table exists"}

    def _Scan(self, _request: Any) -> tuple[int, Any]:  # noqa: N802 - DynamoDB's name
        return HTTPStatus.OK, {"Items": [], "Count": 0, "ScannedCount": 0}

    def _TransactWriteItems(self, request: Any) -> tuple[int, Any]:  # noqa: N802 - DynamoDB's name
        members = [next(iter(member.values())) for member in request["TransactItems"]]
        seats = marshal(seats_key(FULL))
        if not any(member.get("Key") == seats for member in members):
            return HTTPStatus.OK, {}
        image = self._found("Events", seats)
        failed = {"Code": "ConditionalCheckFailed", "Item": image, "Message": "The conditional request failed"}
        reasons = [failed if member.get("Key") == seats else {"Code": "None"} for member in members]
        return HTTPStatus.BAD_REQUEST, {
            "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
            "Message": "Transaction cancelled, please refer cancellation reasons for specific reasons",
            "CancellationReasons": reasons,
        }


def _response(status: int, body: bytes) -> bytes:
    """Return the bytes of an HTTP response with DynamoDB's headers."""
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
        "Server: Server\r\n"
        "Date: Mon, 23 Nov 2026 09:00:00 GMT\r\n"
        "Content-Type: application/x-amz-json-1.0\r\n"
        f"Content-Length: {len(body)}\r\n"
        "Connection: keep-alive\r\n"
        "x-amzn-RequestId: 4KBNVRGD25RG1KEO9UT4V3FQDJVV4KQNSO5AEMVJF66Q9ASUAAJG\r\n"
        f"x-amz-crc32: {zlib.crc32(body)}\r\n"
        "\r\n"
    )
    return head.encode() + body


class _Connection(asyncio.Protocol):
    """Reads botocore's HTTP/1.1 requests, one after the other."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(_HEAD_END)
        if not end:
            return
        length, target = _LENGTH.search(head), _TARGET.search(head)
        assert length, head
        assert target, head
        if len(body) >= int(length[1]):
            self._received = b""
            self._transport.write(self._answers.answer(target[1], body))


async def _serve() -> None:
    """Serve until standard input ends."""
    loop = asyncio.get_running_loop()
    answers = Answers(dataset.items())
    server = await loop.create_server(lambda: _Connection(answers), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201 - the parent process reads it
    await loop.run_in_executor(None, sys.stdin.read)


@contextmanager
def fake_dynamodb() -> Iterator[str]:
    """Run it until the context ends, and yield its URL."""
    command = [sys.executable, "-m", "tests.bench.fake_dynamodb"]
    with subprocess.Popen(command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin
        assert child.stdout
        yield f"http://127.0.0.1:{int(child.stdout.readline())}"
        child.stdin.close()


if __name__ == "__main__":
    asyncio.run(_serve())
