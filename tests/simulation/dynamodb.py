"""Model of DynamoDB in memory, limited to the features that `storage` uses.

A transaction commits at one moment. Its items become visible one by one, at times slowly. Each is locked against other
transactions until it is visible, and no longer: another transaction may write some of the items, and become visible,
while readers still see the old values of the rest. Eventually consistent reads and indexes lag behind.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from storage.schema import TABLES
from tests.simulation.errors import cancelled, error
from tests.simulation.expressions import Item, UnsupportedError, conjuncts, placeholders, updated

#: The address of an item: table, partition key and sort key (empty if the table has none).
Address = tuple[str, str, str]
Change = tuple[Address, Item | None, Item | None]

#: Maximum number of recent transactions that an eventually consistent read misses.
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


@dataclass(frozen=True, slots=True)
class Demand:
    """One conjunct of a condition expression, which a mutant can ignore; `kind` is the kind of the item written.

    A ConditionCheck whose conjuncts are all ignored is left out of its transaction, and does not lock its item either.
    """

    action: str
    kind: str
    condition: str
    part: str


@dataclass
class Dynamo:
    """The store. It calls `pause` where other tasks may run, and `committed` with the changes of each transaction."""

    random: Random = field(default_factory=Random)
    pause: Callable[[], object] = lambda: None
    committed: Callable[[Sequence[Change], Any], object] = lambda _changes, _by: None
    #: Draw whether the items of a transaction become visible one by one, and whether a read lags.
    tear: Callable[[], bool] = lambda: False
    lags: Callable[[], bool] = lambda: False
    ignored: frozenset[Demand] = frozenset()
    demands: set[Demand] = field(default_factory=set)
    #: Sets of conjuncts that change the result of a step if all of them are ignored. A store that ignores only parts of
    #: these sets runs the same schedule.
    decisive: set[frozenset[Demand]] = field(default_factory=set)
    conflicts: int = 0
    moment: int = 0
    items: dict[Address, Item] = field(default_factory=dict)
    _unseen: dict[Address, Item | None] = field(default_factory=dict)
    _locks: set[Address] = field(default_factory=set)
    _seen_until: dict[int, int] = field(default_factory=dict)
    _log: deque[tuple[int, Sequence[Change]]] = field(default_factory=lambda: deque(maxlen=LAG))
    _tokens: dict[str, Any] = field(default_factory=dict)

    @property
    def settled(self) -> int:
        """Latest moment whose transactions are entirely visible."""
        return min(self._seen_until.values(), default=self.moment)

    # Reads.

    def get(self, table: str, key: Item, *, consistent: bool) -> Item | None:
        """Return an item as GetItem and BatchGetItem see it."""
        address = address_of(table, key)
        if not consistent:
            return dict(self._view(consistent=False)).get(address)
        return self._unseen[address] if address in self._unseen else self.items.get(address)

    def snapshot(self, table_keys: Sequence[tuple[str, Item]]) -> list[Item | None]:
        """Return items as TransactGetItems sees them.

        Raises:
            TransactionCanceledError: A transaction holds one of them.

        """
        addresses = [address_of(table, key) for table, key in table_keys]
        locked = self._locks.intersection(addresses)
        if locked:
            self.conflicts += 1
            raise cancelled([{"Code": "TransactionConflict" if it in locked else "None"} for it in addresses])
        return [self.items.get(address) for address in addresses]

    def range(self, request: Mapping[str, Any], *, page: int | None = None) -> dict[str, Any]:
        """Answer Query or Scan; `page` is the maximum number of items that DynamoDB evaluates per page."""
        table, index = request["TableName"], request.get("IndexName")
        _check(request, request.get("KeyConditionExpression"), request.get("FilterExpression"))
        keys = _INDEXES[table, index] if index else _KEYS[table]
        view = self._view(consistent=request.get("ConsistentRead", False))
        found = [(_order(keys, item, address), item) for address, item in view if address[0] == table]
        found = [(order, item) for order, item in found if all(key in item for key in keys)]
        if "KeyConditionExpression" in request:
            _check_partition(request, keys[0])
            found = [(order, item) for order, item in found if _passes(request, "KeyConditionExpression", item)]
        found.sort(key=lambda pair: pair[0], reverse=not request.get("ScanIndexForward", True))
        if start := request.get("ExclusiveStartKey"):
            after = _order(keys, start, address_of(table, start))
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

    def _view(self, *, consistent: bool) -> Iterable[tuple[Address, Item]]:
        view: dict[Address, Item | None] = {**self.items, **self._unseen}
        if not consistent and self.lags():
            since: dict[Address, int] = {}
            for moment, changes in reversed(self._log):
                for address, before, _after in changes:
                    if moment > since.setdefault(address, self.moment - self.random.randint(0, LAG)):
                        view[address] = before  # noqa: PERF403 - the oldest missed change wins
        return [(address, item) for address, item in view.items() if item is not None]

    # Writes.

    def has_begun(self, token: str) -> bool:
        """Return whether a transaction with this token was applied, or is being applied."""
        return token in self._tokens

    def transact(self, members: Sequence[Mapping[str, Any]], token: str, by: Any = None) -> None:
        """Apply all steps or none; a transaction whose token was applied before is not applied again.

        Raises:
            TransactionCanceledError: A condition failed or an item was locked; it has a reason for each step.

        """
        if token in self._tokens:
            if self._tokens[token] is None:
                raise error("TransactionInProgressException", "TransactWriteItems")
            if self._tokens[token] != members:
                raise error("IdempotentParameterMismatchException", "TransactWriteItems")
            return
        steps = [(action, content) for member in members for action, content in member.items()]
        addresses = [address_of(step["TableName"], step.get("Item") or step["Key"]) for _action, step in steps]
        if len(set(addresses)) < len(addresses) or not 0 < len(addresses) <= MOST_STEPS:
            raise error("ValidationException", "TransactWriteItems")
        reasons = [
            self._refusal(address, action, step) for address, (action, step) in zip(addresses, steps, strict=True)
        ]
        if any(reason["Code"] != "None" for reason in reasons):
            self.conflicts += any(reason["Code"] == "TransactionConflict" for reason in reasons)
            raise cancelled(reasons)
        self._tokens[token] = None
        torn = self.tear()
        if torn:
            # Others meet the locks before the commit, as between the two phases of a two-phase commit.
            self._locks.update(self._held(addresses, steps))
            for address, (action, step) in zip(addresses, steps, strict=True):
                self._decided_by_check(address, action, step)
            self.pause()
        self._commit(addresses, steps, by, torn=torn)
        self._tokens[token] = members

    def _commit(self, addresses: Sequence[Address], steps: Sequence[Any], by: Any, *, torn: bool) -> None:
        changes = [
            (address, self.items.get(address), self._after(address, action, step))
            for address, (action, step) in zip(addresses, steps, strict=True)
            if action != "ConditionCheck"
        ]
        self.moment += 1
        moment = self.moment
        for address, before, after in changes:
            if torn:
                self._unseen[address] = before
            if after is None:
                self.items.pop(address, None)
            else:
                self.items[address] = after
        self._log.append((moment, changes))
        if torn:
            self._seen_until[moment] = moment - 1
        self.committed(changes, by)
        if torn:
            held = self._held(addresses, steps)
            for address in self.random.sample(held, len(held)):
                self.pause()
                self._unseen.pop(address, None)
                self._locks.discard(address)
            del self._seen_until[moment]

    def _refusal(self, address: Address, action: str, step: Mapping[str, Any]) -> dict[str, Any]:
        condition = step.get("ConditionExpression")
        _check(step, condition, step.get("UpdateExpression"))
        if address in self._locks and self._held([address], [(action, step)]):
            self._decided_by_check(address, action, step)
            return {"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"}
        item = self.items.get(address)
        if condition is None or self._holds(address, action, step, item):
            return {"Code": "None"}
        reason = {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"}
        wanted = step.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
        return reason | ({"Item": item} if wanted and item is not None else {})

    def _held(self, addresses: Sequence[Address], steps: Sequence[tuple[str, Mapping[str, Any]]]) -> list[Address]:
        """Return the items that a transaction locks: all but those of ignored ConditionChecks."""
        if not self.ignored:
            return list(addresses)
        return [
            address
            for address, (action, step) in zip(addresses, steps, strict=True)
            if action != "ConditionCheck" or not self.ignored.issuperset(_demands(address, action, step))
        ]

    def _holds(self, address: Address, action: str, step: Mapping[str, Any], item: Item | None) -> bool:
        names, values = step.get("ExpressionAttributeNames", {}), step.get("ExpressionAttributeValues", {})
        demands = _demands(address, action, step)
        tests = [test for _part, test in conjuncts(step["ConditionExpression"])]
        self.demands.update(demands)
        failed = {demand for demand, test in zip(demands, tests, strict=True) if not test(item, names, values)}
        if failed:
            self.decisive.add(frozenset(failed))
        return failed <= self.ignored

    def _decided_by_check(self, address: Address, action: str, step: Mapping[str, Any]) -> None:
        """Note a ConditionCheck that takes or meets a lock: without it, others may run."""
        if action == "ConditionCheck":
            self.decisive.add(frozenset(_demands(address, action, step)))

    def _after(self, address: Address, action: str, step: Mapping[str, Any]) -> Item | None:
        if action == "Put":
            return dict(step["Item"])
        if action == "Delete":
            return None
        if action != "Update":
            raise UnsupportedError(action)
        names, values = step.get("ExpressionAttributeNames", {}), step.get("ExpressionAttributeValues", {})
        return updated(step["UpdateExpression"], self.items.get(address) or step["Key"], names, values)


def address_of(table: str, item: Item) -> Address:
    """Return the address of an item with these keys."""
    partition, *sort = _KEYS[table]
    return (table, item[partition]["S"], item[sort[0]]["S"] if sort else "")


def item_kind(address: Address) -> str:
    """Return the kind of item at an address, named by its key prefixes, such as `SEATS` or `EVENT# WAIT#`."""
    table, partition, sort = address
    if table == "Registrations":
        return f"{partition.split('#')[0]}# {sort.split('#')[0]}#"
    return sort or table


def _demands(address: Address, action: str, step: Mapping[str, Any]) -> list[Demand]:
    condition = step["ConditionExpression"]
    return [Demand(action, item_kind(address), condition, part) for part, _test in conjuncts(condition)]


def _order(keys: Sequence[str], item: Item, address: Address) -> tuple[str, ...]:
    return (
        (item[keys[0]]["S"], item[keys[1]]["S"] if len(keys) > 1 else "", *address)
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
    """Refuse missing and unused placeholders, as DynamoDB does."""
    given = {*request.get("ExpressionAttributeNames", {}), *request.get("ExpressionAttributeValues", {})}
    if given != placeholders(*texts):
        raise error("ValidationException", "expression")
