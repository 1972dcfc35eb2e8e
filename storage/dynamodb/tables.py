"""The tables behind a boto3 client: get, query, and transactions, with retries."""

import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from contextvars import ContextVar
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, TypeVar

from storage.dynamodb.attributes import Item, Key, Values, expression, marshal, unmarshal
from storage.dynamodb.connection import CONNECTIONS, SERVER_THREADS, connected_client
from storage.dynamodb.deadline import last_call, within
from storage.dynamodb.hand_over import HandOver, to_nobody
from storage.dynamodb.outages import translated
from storage.dynamodb.recent import Recent
from storage.dynamodb.retries import RETRY_SECONDS, Backoff
from storage.dynamodb.steps import Changed, Step, cancellation_cause, member, new_token
from storage.dynamodb.threads import Threads
from storage.dynamodb.transport import Transport, kept_connections
from storage.errors import Contention, DeadlineExceeded, StorageUnavailable
from storage.schema import TABLE_VARIABLES, TABLES

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Outcome = TypeVar("Outcome")

#: Maximum number of keys of a BatchGetItem.
BATCH_KEYS: Final = 100

#: Maximum number of Queries for a page of a filtered list, and the factor by which each reads more items than the last.
#: DynamoDB reads up to 1 MB per Query: with short ids, the four for a page of 50 read some 13,000 items.
PAGE_QUERIES: Final = 4
PAGE_GROWTH: Final = 8

#: Timeout of a health check; most clients of health checks give up about as soon.
PING_SECONDS: Final = 3.0

#: The backoff of the innermost `Tables.retry`, which its transactions share.
_backoff: ContextVar[Backoff | None] = ContextVar("backoff", default=None)

# A snapshot of a function's memory (SnapStart) is restored into many processes, so it must not contain a seed.
_random = random.SystemRandom()


def batches(keys: int) -> int:
    """Return the number of calls in which `Tables.get_all` reads this number of keys."""
    return -(-keys // BATCH_KEYS)


def _wait(seconds: float) -> None:
    """Wait before a retry; skip a pause of zero, for which `time.sleep` still takes some 70 µs."""
    if seconds > 0:
        time.sleep(seconds)


class Tables:
    """The three tables behind a boto3 client; threads may share it.

    Every call raises StorageUnavailable if the store does not answer, Contention if it is throttled, and
    DeadlineExceeded if the request has no time left for it.
    """

    def __init__(
        self, client: "DynamoDBClient", names: Mapping[str, str] | None = None, retry_seconds: float = RETRY_SECONDS
    ) -> None:
        """Take a client, the deployed name of each table, and the time in which an attempt may be retried."""
        self.client = client
        #: What sends the requests, or None if urllib3 does.
        self.transport: Transport | None = None
        #: Called for the owner that continues promotions.
        self.hand_over: HandOver = to_nobody
        #: The transactions for several requests that were answered: all of their items are visible.
        self.answered = Recent()
        self.names = names or {table: table for table in TABLES}
        self._translated = partial(translated, self.client, self.names)
        self._retry_seconds = retry_seconds
        self._threads = Threads(CONNECTIONS - SERVER_THREADS)
        #: Makes independent calls concurrently.
        self.each = self._threads.each

    @classmethod
    def connect(
        cls, environ: Mapping[str, str], *, retry_seconds: float = RETRY_SECONDS, **client_options: Any
    ) -> "Tables":
        """Connect to the tables named in the environment, with boto3's default credentials, region and endpoint.

        The store may still be down.

        Raises:
            StorageUnavailable: The credentials are incomplete, no region is set, or the endpoint is not a valid URL:
                no later call can succeed.

        """
        names = {table: environ.get(name, table) for table, name in TABLE_VARIABLES.items()}
        with translated():
            by_arn = any(name.startswith("arn:") for name in names.values())
            tables = cls(connected_client(as_json=not by_arn, **client_options), names, retry_seconds)
            tables.transport = kept_connections(tables.client, environ, verify=client_options.get("verify"))
            return tables

    def create_missing(self) -> None:
        """Create the tables that do not exist, in a local store or a test."""
        with self._translated():
            for table, definition in TABLES.items():
                with suppress(self.client.exceptions.ResourceInUseException):
                    self.client.create_table(TableName=self.names[table], **definition)

    def ping(self) -> None:
        """Read one key to check that the store answers."""
        try:
            with within(PING_SECONDS), self._translated():
                self.client.get_item(TableName=self.names["Users"], Key=marshal({"userId": "."}))
        except DeadlineExceeded as late:
            if late.__cause__ is None:
                raise  # No call was made.
            # Here the limit is not what a request has left, but the time in which a healthy store answers.
            raise StorageUnavailable(f"the store does not answer a health check in time: {late}") from late

    def get(self, table: str, key: Key) -> Item | None:
        """Return an item, by a consistent read."""
        with self._translated():
            answer = self.client.get_item(TableName=self.names[table], Key=marshal(key), ConsistentRead=True)
        return unmarshal(answer["Item"]) if "Item" in answer else None

    def get_all(self, table_keys: Iterable[tuple[str, Key]], *, consistent: bool = True) -> dict[str, list[Item]]:
        """Return the existing items for the keys, by table, in no order, with 100 keys per call.

        With `consistent=False`, at half the price, reads are eventually consistent.
        """
        found: dict[str, list[Item]] = {table: [] for table in TABLES}
        keys = list(table_keys)
        parts = [keys[start : start + BATCH_KEYS] for start in range(0, len(keys), BATCH_KEYS)]
        for items in self.each(*(partial(self._get_batch, part, consistent=consistent) for part in parts)):
            for table, item in items:
                found[table].append(item)
        return found

    def _get_batch(self, table_keys: Sequence[tuple[str, Key]], *, consistent: bool) -> list[tuple[str, Item]]:
        tables = {name: table for table, name in self.names.items()}
        request: dict[str, Any] = {}
        for table, key in table_keys:
            part = request.setdefault(self.names[table], {"Keys": [], "ConsistentRead": consistent})
            part["Keys"].append(marshal(key))
        found: list[tuple[str, Item]] = []
        backoff, pause = self._backoff(), 0.0
        while request:
            _wait(pause)
            with self._translated():
                answer = self.client.batch_get_item(RequestItems=request)
            for name, items in answer["Responses"].items():
                found += [(tables[name], unmarshal(item)) for item in items]
            request = answer.get("UnprocessedKeys", {})
            if request:
                pause = backoff.pause()
        return found

    def snapshot(self, table_keys: Iterable[tuple[str, Key]]) -> list[Item | None]:
        """Return up to 100 items as of one moment, None for each that does not exist.

        Raises:
            Changed: A transaction is writing to one of them.

        """
        gets = [{"Get": {"TableName": self.names[table], "Key": marshal(key)}} for table, key in table_keys]
        answer = self.call("transact_get_items", TransactItems=gets)
        return [unmarshal(found["Item"]) if found.get("Item") else None for found in answer["Responses"]]

    def query(  # noqa: PLR0913 - the parameters of DynamoDB's Query
        self,
        table: str,
        condition: str,
        values: Values,
        *,
        limit: int | None = None,
        after: Key | None = None,
        index: str | None = None,
        consistent: bool = True,
    ) -> list[Item]:
        """Return up to `limit` items in the order of the sort key, behind the key `after`.

        Reads of an index, or with `consistent=False` at half the price, are eventually consistent. In the condition,
        `#name` is an attribute and `:name` one of the values.
        """
        request: dict[str, Any] = {"TableName": self.names[table], "KeyConditionExpression": condition}
        request |= expression(condition, values)
        request |= {"IndexName": index} if index else {"ConsistentRead": consistent}
        if limit is not None:
            request["Limit"] = limit
        if after is not None:
            request["ExclusiveStartKey"] = marshal(after)
        found: list[Item] = []
        for answer in self._query_pages(request):
            found += map(unmarshal, answer["Items"])
            if limit is not None and len(found) >= limit:
                return found[:limit]
        return found

    def query_filtered(  # noqa: PLR0913 - the parameters of DynamoDB's Query
        self, table: str, condition: str, values: Values, *, only: str, limit: int, after: Key | None = None
    ) -> tuple[list[Item], Key | None]:
        """Return up to `limit` items that pass the filter `only`, and the key where reading stopped, None at the end.

        A consistent read. DynamoDB applies Limit before the filter, so each Query reads more items than the last; after
        `PAGE_QUERIES` of them the page is short, or even empty.
        """
        request: dict[str, Any] = {"TableName": self.names[table], "KeyConditionExpression": condition, "Limit": limit}
        request |= {"FilterExpression": only, "ConsistentRead": True} | expression(f"{condition} {only}", values)
        if after is not None:
            request["ExclusiveStartKey"] = marshal(after)
        found: list[Item] = []
        stopped: Key | None = None
        for answer in islice(self._query_pages(request, growth=PAGE_GROWTH), PAGE_QUERIES):
            found += map(unmarshal, answer["Items"])
            stopped = unmarshal(answer["LastEvaluatedKey"]) if "LastEvaluatedKey" in answer else None
            if len(found) >= limit:
                break
        return found[:limit], stopped

    def call(self, operation: str, **request: Any) -> Any:
        """Make any other call of the client, by the name of its method, and return DynamoDB's answer.

        Raises:
            Changed: A transaction was cancelled; with a read, because others are writing to its items.

        """
        try:
            with self._translated():
                return getattr(self.client, operation)(**request)
        except self.client.exceptions.TransactionCanceledException as error:
            raise Changed from error

    def _query_pages(self, request: dict[str, Any], growth: int = 1) -> Iterator[Any]:
        while True:
            with self._translated():
                answer = self.client.query(**request)
            yield answer
            if "LastEvaluatedKey" not in answer:
                return
            request = {**request, "ExclusiveStartKey": answer["LastEvaluatedKey"]}
            if "Limit" in request:
                request["Limit"] *= growth

    def retry(self, attempt: Callable[[Item | None], Outcome]) -> Outcome:
        """Return the result of the first attempt that raises no Changed.

        Each attempt gets the latest snapshot of the first step's item. The first gets None and assumes the common case.

        Raises:
            Contention: The time for retries, or the request's remaining time, ran out.

        """
        image: Item | None = None
        backoff, pause = self._backoff(), 0.0
        token = _backoff.set(backoff)
        try:
            while True:
                # Called for a pause of zero too: the simulation replaces it, and lets other tasks run here.
                _wait(pause)
                try:
                    return attempt(image)
                except Changed as changed:
                    image = changed.image or image
                    pause = backoff.pause(fresh=changed.image is not None)
        finally:
            _backoff.reset(token)

    def _backoff(self) -> Backoff:
        end = min(time.monotonic() + self._retry_seconds, last_call())
        return Backoff(end, time.monotonic, _random.uniform)

    def transact(self, steps: Sequence[Step], *, group: str | None = None) -> None:
        """Write all steps or none; `group` is the token of a transaction for several requests.

        If the store is busy, an attempt of botocore's whose reply was lost may still have written. Only the same steps
        with the same token, which makes them idempotent, can show it: they are sent again until the store decides.

        Raises:
            Refusal: The refusal of the first step whose condition failed and that has one. Nothing was written, unless
                it is `Unavailable`.
            Misfits: With `group`, in place of a refusal: all of them. Nothing was written.
            Changed: Another condition failed, or another transaction is at the same items. Nothing was written.
            Contention: The store stayed busy. The steps may have been written.
            StorageUnavailable: The store does not answer. The steps may have been written.

        """
        members: Any = [member(step, self.names[step.table]) for step in steps]
        token = group or new_token()
        backoff = _backoff.get() or self._backoff()
        while True:
            try:
                with self._translated():
                    self.client.transact_write_items(TransactItems=members, ClientRequestToken=token)
            except self.client.exceptions.TransactionCanceledException as error:
                reasons = error.response.get("CancellationReasons", [])
                cause = cancellation_cause(steps, reasons, grouped=group is not None)
                if cause is None:
                    raise
                raise cause from error
            except Contention:
                _wait(backoff.pause())
            else:
                if group:
                    self.answered.add(group)
                return
