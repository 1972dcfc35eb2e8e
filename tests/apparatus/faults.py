"""Faults between `storage` and the store, injected at botocore's hook before each attempt at a call.

The store must be reached over HTTP: moto answers at the same hook, and would apply a call that is to fail.
"""

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import Enum
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any
from unittest import mock

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ConnectionClosedError, ConnectTimeoutError, ReadTimeoutError

from storage.dynamodb.tables import Tables

SLOW_SECONDS = 0.05


class Fault(Enum):
    """A fault of one attempt at a call."""

    CONFLICT = "another transaction holds one of the items"
    IN_PROGRESS = "the store is still working on a request with the same token"
    THROTTLED = "the store throttles the call"
    FAILED = "the store fails, and applies nothing"
    UNSENT = "connecting times out: the request is not sent"
    RESET = "the connection is closed before the store reads the request"
    LOST = "the store applies the call, and the answer is lost"
    SLOW = "the answer is slow"
    PARTIAL = "a BatchGetItem returns only a part of its keys"


#: Returns the fault of an attempt, given the operation and the number of earlier attempts at it.
Plan = Callable[[str, int], Fault | None]

_ONLY_FOR = {
    Fault.CONFLICT: "TransactWriteItems",
    Fault.IN_PROGRESS: "TransactWriteItems",
    Fault.PARTIAL: "BatchGetItem",
}


def fits(fault: Fault, operation: str) -> bool:
    """Return whether an operation can meet a fault."""
    return _ONLY_FOR.get(fault, operation) == operation


def at_rates(seed: int, rates: Mapping[Fault, float]) -> Plan:
    """Return a plan that draws faults at these rates; the same seed gives the same faults.

    The draw depends only on the number of the attempt, so that the order of concurrent calls does not change it.
    """

    def plan(operation: str, number: int) -> Fault | None:
        chance = random.Random(f"{seed} {operation} {number}").random()  # noqa: S311 - reproducible, not secret
        for fault, rate in rates.items():
            chance -= rate
            if chance < 0:
                return fault if fits(fault, operation) else None
        return None

    return plan


def at_attempts(fault: Fault, operation: str, first: int, times: int = 1) -> Plan:
    """Return a plan in which `times` attempts at an operation, from `first`, meet a fault."""
    return lambda name, number: fault if name == operation and first <= number < first + times else None


def in_sequence(operation: str, first: int, sequence: Sequence[Fault]) -> Plan:
    """Return a plan in which the attempts at an operation, from `first`, meet these faults in order."""
    planned = dict(enumerate(sequence, first))
    return lambda name, number: planned.get(number) if name == operation else None


class Faults:
    """The injected faults: `attempts` counts calls by operation, `met` lists faults in order."""

    def __init__(self, tables: Tables, plan: Plan) -> None:
        self.attempts: Counter[str] = Counter()
        self.met: list[tuple[str, int, Fault]] = []
        session = tables.client._endpoint.http_session  # type: ignore[attr-defined] # noqa: SLF001 - it sends requests
        self._send: Any = tables.transport.send if tables.transport else session.send
        self._plan = plan
        self._lock = threading.Lock()
        self._applied: set[str] = set()

    def before_send(self, request: AWSPreparedRequest, event_name: str, **_context: Any) -> Any:
        """Answer or fail instead of the store, or send the request."""
        operation = event_name.rsplit(".", 1)[1]
        with self._lock:
            number = self.attempts[operation]
            self.attempts[operation] += 1
            fault = self._plan(operation, number)
            # DynamoDB recognises the token of an applied transaction before it looks at the items.
            known = fault is Fault.CONFLICT and _token(request) in self._applied
            if fault is not None and (known or not fits(fault, operation)):
                fault = None
            if fault is not None:
                self.met.append((operation, number, fault))
        return self._send(request) if fault is None else self._meet(fault, request)

    def _meet(self, fault: Fault, request: AWSPreparedRequest) -> Any:
        match fault:
            case Fault.CONFLICT:
                others = len(json.loads(_read(request))["TransactItems"]) - 1
                reasons = [{"Code": "TransactionConflict"}, *[{"Code": "None"}] * others]
                return _error(request, "TransactionCanceledException", CancellationReasons=reasons)
            case Fault.IN_PROGRESS:
                return _error(request, "TransactionInProgressException")
            case Fault.THROTTLED:
                return _error(request, "ThrottlingException")
            case Fault.FAILED:
                return _error(request, "InternalServerError", 500)
            case Fault.UNSENT:
                raise ConnectTimeoutError(endpoint_url=request.url)
            case Fault.RESET:
                raise ConnectionClosedError(endpoint_url=request.url)
            case Fault.LOST:
                answer = self._send(request)
                assert answer.content is not None, "the store has applied the call once its answer is read"
                if answer.status_code == HTTPStatus.OK:
                    self._applied.add(_token(request))
                raise ReadTimeoutError(endpoint_url=request.url)
            case Fault.SLOW:
                time.sleep(SLOW_SECONDS)
                return self._send(request)
        return _partial(request, self._send(request))


class _Body:
    """The body of a response, in the form that botocore reads."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self) -> Iterator[bytes]:
        yield self._content


def _read(request: AWSPreparedRequest) -> bytes | str:
    assert isinstance(request.body, bytes | str), "a request to DynamoDB is a JSON text"
    return request.body


def _token(request: AWSPreparedRequest) -> str:
    """Return the token of a transaction; other calls have none, and share the empty one."""
    return str(json.loads(_read(request)).get("ClientRequestToken", ""))


def _answer(request: AWSPreparedRequest, status: int, body: Mapping[str, Any]) -> AWSResponse:
    raw: Any = _Body(json.dumps(body).encode())
    headers: Any = {"content-type": "application/x-amz-json-1.0"}
    return AWSResponse(request.url, status, headers, raw)


def _error(request: AWSPreparedRequest, code: str, status: int = 400, **more: Any) -> AWSResponse:
    return _answer(request, status, {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": code, **more})


def _partial(request: AWSPreparedRequest, response: AWSResponse) -> AWSResponse:
    """Leave all keys of a batch but the first of each table unprocessed."""
    body, requested = json.loads(response.content), json.loads(_read(request))["RequestItems"]
    left = {name: part | {"Keys": part["Keys"][1:]} for name, part in requested.items() if part["Keys"][1:]}
    for name, part in left.items():
        found = body["Responses"].get(name, [])
        body["Responses"][name] = [
            item for item in found if not any(key.items() <= item.items() for key in part["Keys"])
        ]
    return _answer(request, response.status_code, body | {"UnprocessedKeys": left})


@contextmanager
def faults(tables: Tables, plan: Plan) -> Iterator[Faults]:
    """Inject faults into calls for the duration of the context; botocore retries without backoff."""
    assert "//127.0.0.1:" in tables.client.meta.endpoint_url, "faults are for a store of the test's own"
    events: Any = tables.client.meta.events
    layer = Faults(tables, plan)
    # botocore calls all hooks, also those behind one that has answered: the layer takes the place of the transport.
    replaced = [tables.transport.send] if tables.transport else []
    for hook in replaced:
        events.unregister("before-send.dynamodb", hook)
    events.register_last("before-send.dynamodb", layer.before_send)
    try:
        with mock.patch("botocore.endpoint.time", SimpleNamespace(sleep=lambda _seconds: None)):
            yield layer
    finally:
        events.unregister("before-send.dynamodb", layer.before_send)
        for hook in replaced:
            events.register_last("before-send.dynamodb", hook)
