"""Simulated network: a client like boto3's, which makes three attempts at a call, each of which can meet a fault."""

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from random import Random
from types import SimpleNamespace
from typing import Any, Final

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    ReadTimeoutError,
)

from storage.items import USER_PREFIX
from tests.simulation.dynamodb import Dynamo
from tests.simulation.errors import TransactionCanceledError, cancelled, error
from tests.simulation.scheduler import Scheduler

ATTEMPTS: Final = 3
_WHERE: Final = {"endpoint_url": "http://simulated"}
_RETRIED: Final = {"InternalServerError", "ThrottlingException", "TransactionInProgressException"}


class Fault(Enum):
    """A fault of one attempt at a call."""

    CONFLICT = "another transaction holds one of the items"
    THROTTLED = "the store throttles the call"
    FAILED = "the store fails, and applies nothing"
    FAILED_AFTER = "the store applies the call, then fails"
    UNSENT = "no connection"
    RESET = "the connection is closed before the request is read"
    LOST = "the store applies the call, and the answer is lost"
    LATE = "the call times out, and is applied later"
    SLOW = "the answer is slow"
    PARTIAL = "a batch is incomplete, or a page is short"
    CRASH = "the process dies before it sends the call"
    CRASH_AFTER = "the process dies before the answer arrives"


class Crash(BaseException):
    """The process of a client died."""


#: Faults after which the outcome is unknown.
_UNKNOWN: Final = {Fault.FAILED_AFTER, Fault.LOST, Fault.LATE, Fault.CRASH_AFTER}
_NOT_DONE: Final = {Fault.THROTTLED, Fault.FAILED, Fault.UNSENT, Fault.RESET, Fault.CRASH}
_ONLY_FOR: Final = {Fault.CONFLICT: {"TransactWriteItems"}, Fault.PARTIAL: {"Query", "Scan", "BatchGetItem"}}


def _raised(fault: Fault, operation: str) -> BaseException:
    match fault:
        case Fault.THROTTLED:
            return error("ThrottlingException", operation)
        case Fault.FAILED | Fault.FAILED_AFTER:
            return error("InternalServerError", operation, 500)
        case Fault.UNSENT:
            return ConnectTimeoutError(**_WHERE)
        case Fault.RESET:
            return ConnectionClosedError(**_WHERE)
        case Fault.CRASH | Fault.CRASH_AFTER:
            return Crash()
    return ReadTimeoutError(**_WHERE)


@dataclass(frozen=True, slots=True)
class Result:
    """What the answer to a transaction, or its loss, tells about the transaction with this token.

    It is `overtaken` if it was cancelled while an earlier copy of the request is still under way. `users` are those
    whose registrations it puts or deletes.
    """

    about: Any
    users: frozenset[str]
    token: str
    known: bool
    overtaken: bool = False


def _users(members: list[Any]) -> frozenset[str]:
    """Return the users whose registrations a transaction puts or deletes."""
    written = [member.get("Put", {}).get("Item") or member.get("Delete", {}).get("Key") or {} for member in members]
    sorts = [item["sk"]["S"] for item in written if "sk" in item]
    return frozenset(sort.removeprefix(USER_PREFIX) for sort in sorts if sort.startswith(USER_PREFIX))


@dataclass
class Client:
    """Replaces boto3's client; it has only the calls that `storage` makes."""

    dynamo: Dynamo
    scheduler: Scheduler
    random: Random
    rates: Mapping[Fault, float]
    met: Counter[Fault] = field(default_factory=Counter)
    #: The probability that an attempt behind a lost reply is throttled, instead of a fault drawn at `rates`.
    busy_after_loss: float = 0.0
    latency: float = 0.0
    quiet: bool = True
    on_outcome: Callable[["Result"], object] = lambda _result: None
    note: Callable[[str], object] = lambda _text: None
    _delayed: set[str] = field(default_factory=set)
    meta: Any = field(default_factory=lambda: SimpleNamespace(endpoint_url="memory", region_name="nowhere"))
    exceptions: Any = field(
        default_factory=lambda: SimpleNamespace(TransactionCanceledException=TransactionCanceledError)
    )

    def get_item(self, **request: Any) -> dict[str, Any]:
        def read() -> dict[str, Any]:
            consistent = request.get("ConsistentRead", False)
            item = self.dynamo.get(request["TableName"], request["Key"], consistent=consistent)
            return {} if item is None else {"Item": item}

        return self._call("GetItem", lambda _fault: read())

    def query(self, **request: Any) -> dict[str, Any]:
        return self._call("Query", lambda fault: self.dynamo.range(request, page=self._page(fault)))

    def scan(self, **request: Any) -> dict[str, Any]:
        return self._call("Scan", lambda fault: self.dynamo.range(request, page=self._page(fault)))

    def _page(self, fault: Fault | None) -> int | None:
        return self.random.randint(1, 3) if fault is Fault.PARTIAL else None

    def batch_get_item(self, **request: Any) -> dict[str, Any]:
        parts = request["RequestItems"]
        keys = [(table, key) for table, part in parts.items() for key in part["Keys"]]

        def read(fault: Fault | None) -> dict[str, Any]:
            done = self.random.randrange(len(keys)) if fault is Fault.PARTIAL else len(keys)
            found: dict[str, Any] = {table: [] for table, _key in keys[:done]}
            for table, key in keys[:done]:
                if item := self.dynamo.get(table, key, consistent=parts[table].get("ConsistentRead", False)):
                    found[table].append(item)
            left: dict[str, Any] = {}
            for table, key in keys[done:]:
                left.setdefault(table, {**parts[table], "Keys": []})["Keys"].append(key)
            return {"Responses": found, "UnprocessedKeys": left}

        return self._call("BatchGetItem", read)

    def transact_write_items(self, **request: Any) -> dict[str, Any]:
        members, token, by = request["TransactItems"], request["ClientRequestToken"], self.scheduler.about

        def write(fault: Fault | None) -> dict[str, Any]:
            # DynamoDB recognises the token of an applied transaction before it looks at the items.
            if fault is Fault.CONFLICT and not self.dynamo.has_begun(token):
                raise cancelled([{"Code": "TransactionConflict"}, *[{"Code": "None"}] * (len(members) - 1)])
            self.dynamo.transact(members, token, by)
            return {}

        met: set[Fault | None] = set()
        try:
            answer = self._call("TransactWriteItems", write, met)
        except (ClientError, BotoCoreError, Crash) as failure:
            self._report(token, _users(members), met, failure)
            raise
        self._report(token, _users(members), met)
        return answer

    def transact_get_items(self, **request: Any) -> dict[str, Any]:
        gets = [member["Get"] for member in request["TransactItems"]]

        def read() -> dict[str, Any]:
            items = self.dynamo.snapshot([(get["TableName"], get["Key"]) for get in gets])
            return {"Responses": [{} if item is None else {"Item": item} for item in items]}

        return self._call("TransactGetItems", lambda _fault: read())

    def _call(
        self, operation: str, work: Callable[[Fault | None], dict[str, Any]], met: set[Fault | None] | None = None
    ) -> dict[str, Any]:
        """Make a call as botocore does: retry transient errors, with the same token; add the faults to `met`."""
        met = set() if met is None else met
        for attempt in range(ATTEMPTS):
            fault = self._draw(operation, lost=bool(met & _UNKNOWN))
            met.add(fault)
            try:
                return self._attempt(operation, work, fault)
            except (ClientError, BotoCoreError, Crash) as failure:
                code = failure.response["Error"]["Code"] if isinstance(failure, ClientError) else None
                again = isinstance(failure, BotoCoreError) or code in _RETRIED
                if not again or attempt == ATTEMPTS - 1:
                    raise
            self.scheduler.pause(self.random.uniform(0, 0.05))
        raise AssertionError

    def _attempt(
        self, operation: str, work: Callable[[Fault | None], dict[str, Any]], fault: Fault | None
    ) -> dict[str, Any]:
        self.travel()
        if fault in _NOT_DONE:
            raise _raised(fault, operation)
        if fault is Fault.LATE:
            self.scheduler.spawn(lambda: self._late(work), after=self.random.uniform(0, 2))
            raise _raised(fault, operation)
        if fault is Fault.SLOW:
            self.scheduler.pause(self.random.uniform(0, 2))
        try:
            answer = work(fault)
        except ClientError:
            if fault in _UNKNOWN:
                raise _raised(fault, operation) from None
            self.travel()
            raise
        self.travel()
        if fault in _UNKNOWN:
            raise _raised(fault, operation)
        return answer

    def _late(self, work: Callable[[Fault | None], dict[str, Any]]) -> None:
        with suppress(ClientError):
            work(None)

    def travel(self) -> None:
        """Let other tasks run while a message is under way."""
        if not self.quiet:
            self.scheduler.pause(self.random.random() * self.latency)

    def _draw(self, operation: str, *, lost: bool) -> Fault | None:
        if self.quiet:
            return None
        if lost and self.random.random() < self.busy_after_loss:
            return self._met(Fault.THROTTLED, operation)
        chance = self.random.random()
        for fault, rate in self.rates.items():
            chance -= rate
            if chance < 0:
                return self._met(fault, operation) if operation in _ONLY_FOR.get(fault, {operation}) else None
        return None

    def _met(self, fault: Fault, operation: str) -> Fault:
        self.met[fault] += 1
        self.note(f"{operation} meets {fault.name}: {fault.value}")
        return fault

    def _report(
        self, token: str, users: frozenset[str], met: set[Fault | None], failure: BaseException | None = None
    ) -> None:
        """Report the outcome of a transaction, or that it is unknown; another error leaves it as it was."""
        if Fault.LATE in met:
            self._delayed.add(token)
        refused = isinstance(failure, TransactionCanceledError)
        if failure is None or refused:
            overtaken = refused and token in self._delayed
            self.on_outcome(Result(self.scheduler.about, users, token, known=True, overtaken=overtaken))
        elif met & _UNKNOWN:
            self.on_outcome(Result(self.scheduler.about, users, token, known=False))
