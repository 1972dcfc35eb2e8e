"""The boundary with boto3: get, query, and transactions whose every step says what its failed condition means."""

import logging
import random
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar, overload

import boto3
from botocore.config import Config

from storage.dynamodb.attributes import Item, Key, Values, expression, marshal, unmarshal
from storage.dynamodb.deadline import CONNECT_SECONDS, READ_SECONDS, bind, last_call, within
from storage.dynamodb.outages import translated
from storage.dynamodb.responses import take_as_json
from storage.dynamodb.retries import RETRY_SECONDS, Backoff
from storage.dynamodb.steps import Changed, Step, cancelled, member
from storage.errors import Contention
from storage.schema import TABLE_VARIABLES, TABLES

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

logger = logging.getLogger(__name__)

First = TypeVar("First")
Second = TypeVar("Second")
Outcome = TypeVar("Outcome")

#: Given here, or botocore puts one together in every call.
USER_AGENT: Final = f"events-api Boto3/{boto3.__version__}"

#: A BatchGetItem takes so many keys.
BATCH_KEYS: Final = 100

#: As many connections as threads can use at once: a server's own, and those for calls made at the same time.
CONNECTIONS: Final = 64
SERVER_THREADS: Final = 40

#: Whoever asks for the health waits so many seconds at most, as most of those who ask give up soon themselves.
PING_SECONDS: Final = 3.0

# One snapshot of a function's memory can serve many processes at once, so the seed must not be in it.
_random = random.SystemRandom()


class Tables:
    """The three tables behind a boto3 client, which threads may share.

    Every call raises StorageUnavailable if the store does not answer, and Contention if it has no capacity.
    """

    def __init__(
        self, client: "DynamoDBClient", names: Mapping[str, str] | None = None, retry_seconds: float = RETRY_SECONDS
    ) -> None:
        """Take a client, the deployed name of each table, and the time in which an attempt may be retried."""
        self.client = client
        self.names = names or {table: table for table in TABLES}
        self._retry_seconds = retry_seconds
        self._threads = ThreadPoolExecutor(CONNECTIONS - SERVER_THREADS, thread_name_prefix="tables")

    @classmethod
    def connect(cls, environ: Mapping[str, str], **client_options: Any) -> "Tables":
        """Connect to the tables that the environment names, with boto3's own credentials, region and endpoint.

        The store need not be there yet.

        Raises:
            StorageUnavailable: The credentials are incomplete, or there is no region; no later call would do better.

        """
        config = Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            max_pool_connections=CONNECTIONS,
            parameter_validation=False,
            user_agent=USER_AGENT,
            retries={"mode": "standard", "total_max_attempts": 3},
        ).merge(client_options.pop("config", Config()))
        with translated():
            client = boto3.client("dynamodb", config=config, **client_options)
        bind(client)
        take_as_json(client)
        return cls(client, {table: environ.get(name, table) for table, name in TABLE_VARIABLES.items()})

    def create_missing(self) -> None:
        """Create the tables that do not exist yet, for a local store or a test."""
        with self._translated():
            for table, definition in TABLES.items():
                try:
                    self.client.create_table(TableName=self.names[table], **definition)
                except self.client.exceptions.ResourceInUseException:
                    logger.debug("table %s exists", table)

    def ping(self) -> None:
        """Read one key, to see that the store answers."""
        with within(PING_SECONDS), self._translated():
            self.client.get_item(TableName=self.names["Users"], Key=marshal({"userId": "."}))

    def get(self, table: str, key: Key) -> Item | None:
        """Return an item as it is now."""
        with self._translated():
            answer = self.client.get_item(TableName=self.names[table], Key=marshal(key), ConsistentRead=True)
        return unmarshal(answer["Item"]) if "Item" in answer else None

    def get_all(self, table_keys: Iterable[tuple[str, Key]]) -> dict[str, list[Item]]:
        """Return by table the items that exist as they are now, in no order, up to 100 a call."""
        found: dict[str, list[Item]] = {table: [] for table in TABLES}
        keys = list(table_keys)
        batches = [keys[start : start + BATCH_KEYS] for start in range(0, len(keys), BATCH_KEYS)]
        for part in self.each(*(partial(self._get_batch, batch) for batch in batches)):
            for table, item in part:
                found[table].append(item)
        return found

    def _get_batch(self, table_keys: Sequence[tuple[str, Key]]) -> list[tuple[str, Item]]:
        tables = {name: table for table, name in self.names.items()}
        request: dict[str, Any] = {}
        for table, key in table_keys:
            part = request.setdefault(self.names[table], {"Keys": [], "ConsistentRead": True})
            part["Keys"].append(marshal(key))
        found: list[tuple[str, Item]] = []
        backoff, pause = self._backoff(), 0.0
        while request:
            time.sleep(pause)
            with self._translated():
                answer = self.client.batch_get_item(RequestItems=request)
            for name, items in answer["Responses"].items():
                found += [(tables[name], unmarshal(item)) for item in items]
            request = answer.get("UnprocessedKeys", {})
            if request:
                pause = backoff.pause()
        return found

    def query(  # noqa: PLR0913 - they are DynamoDB's
        self,
        table: str,
        condition: str,
        values: Values,
        *,
        limit: int | None = None,
        after: Key | None = None,
        index: str | None = None,
        only: str | None = None,
        consistent: bool = True,
    ) -> list[Item]:
        """Return up to `limit` items in the order of the sort key, behind `after`.

        What is read from an index, or not strongly, may lag behind by a moment; the latter costs half the price.
        `#name` in the condition, and in the filter `only`, is an attribute and `:name` one of the values.
        """
        request: dict[str, Any] = {"TableName": self.names[table], "KeyConditionExpression": condition}
        request |= expression(f"{condition} {only or ''}", values)
        request |= {"FilterExpression": only} if only else {}
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

    def _query_pages(self, request: dict[str, Any]) -> Iterator[Any]:
        while True:
            with self._translated():
                answer = self.client.query(**request)
            yield answer
            if "LastEvaluatedKey" not in answer:
                return
            request = {**request, "ExclusiveStartKey": answer["LastEvaluatedKey"]}

    @overload
    def each(self, first: Callable[[], First], second: Callable[[], Second], /) -> tuple[First, Second]: ...

    @overload
    def each(self, *calls: Callable[[], Outcome]) -> tuple[Outcome, ...]: ...

    def each(self, *calls: Callable[[], Any]) -> tuple[Any, ...]:
        """Make independent calls concurrently and return their results in order; the first uses the caller's thread."""
        others = [self._submit(call) for call in calls[1:]]
        return (*(call() for call in calls[:1]), *(other.result() for other in others))

    def _submit(self, call: Callable[[], Outcome]) -> Future[Outcome]:
        return self._threads.submit(copy_context().run, call)

    def retry(self, attempt: Callable[[Item | None], Outcome]) -> Outcome:
        """Make an attempt with ever newer snapshots until it stands; the first gets None and assumes the common case.

        Raises:
            Contention: The time budget, or the time that the request has left, was used up.

        """
        image: Item | None = None
        backoff, pause = self._backoff(), 0.0
        while True:
            time.sleep(pause)
            try:
                return attempt(image)
            except Changed as changed:
                image = changed.image or image
                pause = backoff.pause(fresh=changed.image is not None)

    def _backoff(self) -> Backoff:
        end = min(time.monotonic() + self._retry_seconds, last_call())
        return Backoff(end, time.monotonic, _random.uniform)

    def transact(self, steps: Sequence[Step]) -> None:
        """Do all steps or none.

        Raises:
            Refusal: That of the first step whose condition failed and that has one.
            Changed: Another condition failed, or another transaction is at the same items.

        """
        members: Any = [member(step, self.names[step.table]) for step in steps]
        try:
            with self._translated():
                # botocore repeats a call with the same token after a lost reply, so that it is not done twice.
                self.client.transact_write_items(TransactItems=members, ClientRequestToken=str(uuid.uuid4()))
        except self.client.exceptions.TransactionCanceledException as error:
            meaning = cancelled(steps, error.response.get("CancellationReasons", []))
            if meaning is None:
                raise
            raise meaning from error
        except Contention as busy:
            raise Changed from busy

    def _translated(self) -> AbstractContextManager[None]:
        return translated(self.client, self.names)
