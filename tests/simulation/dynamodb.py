"""A model of DynamoDB in memory, as far as the ledger uses it: what is decided, what is seen of it, and when.

A transaction is decided in one moment. Until its items are seen, one by one, they are locked against other
transactions, and readers may still find them as they were. Reads that are not strong, and indexes, lag behind.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from botocore.exceptions import ClientError

from storage.schema import TABLES
from tests.simulation.expressions import Item, UnsupportedError, conjuncts, placeholders, updated

#: A place in a table: its name, the partition key and the sort key (empty where there is none).
Place = tuple[str, str, str]
Change = tuple[Place, Item | None, Item | None]

#: Reads that are not strong miss at most so many of the last transactions.
LAG: Final = 4
MOST_STEPS: Final = 100

_KEYS: Final = {
    table: tuple(part["AttributeName"] for part in definition["KeySchema"]) for table, definition in TABLES.items()
}
_INDEXES: Final = {
    (table, index["IndexName"]): tuple(part["AttributeName"] for part in index["KeySchema"])
    for table, definition in TABLES.items()
    for index in definition.get("GlobalSecondaryIndexes", [])
}


class TransactionCanceledError(ClientError):
    """What boto3 raises for a transaction that was refused."""


def error(code: str, operation: str, status: int = 400) -> ClientError:
    """Return DynamoDB's refusal of a call."""
    metadata: Any = {"HTTPStatusCode": status}
    return ClientError({"Error": {"Code": code, "Message": code}, "ResponseMetadata": metadata}, operation)


def cancelled(reasons: Sequence[Mapping[str, Any]]) -> TransactionCanceledError:
    """Return the refusal of a transaction, with a reason for each step."""
    answer: Any = {"Error": {"Code": "TransactionCanceledException", "Message": "cancelled"}}
    return TransactionCanceledError(answer | {"CancellationReasons": list(reasons)}, "TransactWriteItems")


@dataclass(frozen=True, slots=True)
class Demand:
    """One thing that a condition demands, for a mutant to ignore: what is written, under what, and which part."""

    action: str
    kind: str
    condition: str
    part: str


@dataclass
class Dynamo:
    """The store. `pause` is called where something else may happen in between; `decided` hears of what was changed."""

    random: Random = field(default_factory=Random)
    pause: Callable[[], object] = lambda: None
    decided: Callable[[Sequence[Change], Any], object] = lambda _changes, _by: None
    #: Whether a transaction is seen item by item; the chance that a read which may lag does so.
    tear: Callable[[], bool] = lambda: False
    lags: Callable[[], bool] = lambda: False
    ignored: frozenset[Demand] = frozenset()
    demands: set[Demand] = field(default_factory=set)
    conflicts: int = 0
    moment: int = 0
    items: dict[Place, Item] = field(default_factory=dict)
    _unseen: dict[Place, Item | None] = field(default_factory=dict)
    _locks: dict[Place, int] = field(default_factory=dict)
    _seen_until: dict[int, int] = field(default_factory=dict)
    _log: deque[tuple[int, Sequence[Change]]] = field(default_factory=lambda: deque(maxlen=LAG))
    _tokens: dict[str, Any] = field(default_factory=dict)

    @property
    def settled(self) -> int:
        """The last moment of which everybody sees everything."""
        return min(self._seen_until.values(), default=self.moment)

    # Reads.

    def get(self, table: str, key: Item) -> Item | None:
        """Return an item as a strong read sees it."""
        place = place_of(table, key)
        return self._unseen[place] if place in self._unseen else self.items.get(place)

    def range(self, request: Mapping[str, Any], *, page: int | None = None) -> dict[str, Any]:
        """Answer Query or Scan; `page` is how many items DynamoDB looks at before it ends a page."""
        table, index = request["TableName"], request.get("IndexName")
        _check(request, request.get("KeyConditionExpression"), request.get("FilterExpression"))
        keys = _INDEXES[table, index] if index else _KEYS[table]
        found = [(_order(keys, item, place), item) for place, item in self._view(request) if place[0] == table]
        found = [(order, item) for order, item in found if all(key in item for key in keys)]
        if "KeyConditionExpression" in request:
            _check_partition(request, keys[0])
            found = [(order, item) for order, item in found if _passes(request, "KeyConditionExpression", item)]
        found.sort(key=lambda pair: pair[0], reverse=not request.get("ScanIndexForward", True))
        if start := request.get("ExclusiveStartKey"):
            after = _order(keys, start, place_of(table, start))
            forward = request.get("ScanIndexForward", True)
            found = [(order, item) for order, item in found if (order > after if forward else order < after)]
        most = min(request.get("Limit", len(found)), len(found) if page is None else page)
        looked_at = [item for _order, item in found[:most]]
        passed = [item for item in looked_at if _passes(request, "FilterExpression", item)]
        answer: dict[str, Any] = {"Count": len(passed), "ScannedCount": len(looked_at)}
        if request.get("Select") != "COUNT":
            answer["Items"] = passed
        if looked_at and (most < len(found) or most == request.get("Limit")):
            wanted = {*keys, *_KEYS[table]}
            answer["LastEvaluatedKey"] = {name: value for name, value in looked_at[-1].items() if name in wanted}
        return answer

    def _view(self, request: Mapping[str, Any]) -> Iterable[tuple[Place, Item]]:
        view: dict[Place, Item | None] = {**self.items, **self._unseen}
        if not request.get("ConsistentRead") and self.lags():
            since: dict[Place, int] = {}
            for moment, changes in reversed(self._log):
                for place, before, _after in changes:
                    if moment > since.setdefault(place, self.moment - self.random.randint(0, LAG)):
                        view[place] = before  # noqa: PERF403 - the oldest that is missed comes last
        return [(place, item) for place, item in view.items() if item is not None]

    # Writes.

    def transact(self, members: Sequence[Mapping[str, Any]], token: str, by: Any = None) -> None:
        """Do all steps or none; a token that was done is not done again.

        Raises:
            TransactionCanceledError: With a reason for each step.

        """
        if token in self._tokens:
            if self._tokens[token] is None:
                raise error("TransactionInProgressException", "TransactWriteItems")
            if self._tokens[token] != members:
                raise error("IdempotentParameterMismatchException", "TransactWriteItems")
            return
        steps = [(action, content) for member in members for action, content in member.items()]
        places = [place_of(step["TableName"], step.get("Item") or step["Key"]) for _action, step in steps]
        if len(set(places)) < len(places) or not 0 < len(places) <= MOST_STEPS:
            raise error("ValidationException", "TransactWriteItems")
        reasons = [self._refusal(place, action, step) for place, (action, step) in zip(places, steps, strict=True)]
        if any(reason["Code"] != "None" for reason in reasons):
            self.conflicts += any(reason["Code"] == "TransactionConflict" for reason in reasons)
            raise cancelled(reasons)
        self._tokens[token] = None
        torn = self.tear()
        try:
            if torn:
                # Others meet the locks before anything is decided, as between the two phases of a commit.
                self._locks |= dict.fromkeys(places, self.moment)
                self.pause()
            self._decide(places, steps, by, torn=torn)
        finally:
            for place in places:
                self._locks.pop(place, None)
        self._tokens[token] = members

    def _decide(self, places: Sequence[Place], steps: Sequence[Any], by: Any, *, torn: bool) -> None:
        changes = [
            (place, self.items.get(place), self._after(place, action, step))
            for place, (action, step) in zip(places, steps, strict=True)
            if action != "ConditionCheck"
        ]
        self.moment += 1
        moment = self.moment
        for place, before, after in changes:
            if torn:
                self._unseen[place] = before
            if after is None:
                self.items.pop(place, None)
            else:
                self.items[place] = after
        self._log.append((moment, changes))
        if torn:
            self._seen_until[moment] = moment - 1
        self.decided(changes, by)
        if torn:
            for place in self.random.sample(places, len(places)):
                self.pause()
                self._unseen.pop(place, None)
            del self._seen_until[moment]

    def _refusal(self, place: Place, action: str, step: Mapping[str, Any]) -> dict[str, Any]:
        condition = step.get("ConditionExpression")
        _check(step, condition, step.get("UpdateExpression"))
        if place in self._locks:
            return {"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"}
        item = self.items.get(place)
        if condition is None or self._holds(place, action, step, item):
            return {"Code": "None"}
        reason = {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"}
        wanted = step.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
        return reason | ({"Item": item} if wanted and item is not None else {})

    def _holds(self, place: Place, action: str, step: Mapping[str, Any], item: Item | None) -> bool:
        names, values = step.get("ExpressionAttributeNames", {}), step.get("ExpressionAttributeValues", {})
        holds = True
        for part, test in conjuncts(step["ConditionExpression"]):
            demand = Demand(action, kind_of(place), step["ConditionExpression"], part)
            self.demands.add(demand)
            if demand not in self.ignored:
                holds = holds and test(item, names, values)
        return holds

    def _after(self, place: Place, action: str, step: Mapping[str, Any]) -> Item | None:
        if action == "Put":
            return dict(step["Item"])
        if action == "Delete":
            return None
        if action != "Update":
            raise UnsupportedError(action)
        names, values = step.get("ExpressionAttributeNames", {}), step.get("ExpressionAttributeValues", {})
        return updated(step["UpdateExpression"], self.items.get(place) or step["Key"], names, values)


def place_of(table: str, item: Item) -> Place:
    """Return where an item with these keys is."""
    partition, *sort = _KEYS[table]
    return (table, item[partition]["S"], item[sort[0]]["S"] if sort else "")


def kind_of(place: Place) -> str:
    """Return what is kept at a place, as the key layout of `storage` draws it, such as `SEATS` or `EVENT# WAIT#`."""
    table, partition, sort = place
    if table == "Registrations":
        return f"{partition.split('#')[0]}# {sort.split('#')[0]}#"
    return sort or table


def _order(keys: Sequence[str], item: Item, place: Place) -> tuple[str, ...]:
    return (
        (item[keys[0]]["S"], item[keys[1]]["S"] if len(keys) > 1 else "", *place)
        if keys[0] in item and (len(keys) == 1 or keys[1] in item)
        else ("",)
    )


def _passes(request: Mapping[str, Any], expression: str, item: Item) -> bool:
    if expression not in request:
        return True
    names, values = request.get("ExpressionAttributeNames", {}), request.get("ExpressionAttributeValues", {})
    return all(test(item, names, values) for _part, test in conjuncts(request[expression]))


def _check_partition(request: Mapping[str, Any], partition: str) -> None:
    names = request.get("ExpressionAttributeNames", {})
    parts = [part.split() for part, _test in conjuncts(request["KeyConditionExpression"])]
    if not any(len(part) == 3 and names.get(part[0]) == partition and part[1] == "=" for part in parts):
        raise error("ValidationException", "Query")


def _check(request: Mapping[str, Any], *texts: str | None) -> None:
    """Refuse names and values that are missing or not needed, as DynamoDB does."""
    given = {*request.get("ExpressionAttributeNames", {}), *request.get("ExpressionAttributeValues", {})}
    if given != placeholders(*texts):
        raise error("ValidationException", "expression")
