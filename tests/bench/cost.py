"""DynamoDB calls, request units and dollars per operation, on ministack."""

from contextlib import ExitStack
from typing import Any, Final

from storage.embedded import embedded_store
from tests.bench.calls import CALLS, JOIN_QUEUE, Call
from tests.bench.options import Options
from tests.bench.results import Row, Table
from tests.bench.tables import tables_of
from tests.bench.workers import SIDES, Side, WorkerProcess, worker

#: Dollars per million request units of on-demand tables in us-east-1.
_READS: Final = 0.125
_WRITES: Final = 0.625


def measure(options: Options) -> Table:
    """Measure dollars per million requests, once for each side, on new tables of its own."""
    with embedded_store() as url:
        rows = _rows(options, url)
    note = f"On-demand tables in us-east-1, dollars per million: write units (W) {_WRITES}, read units (R) {_READS}."
    return Table("DynamoDB, dollars per million", rows, note)


def _rows(options: Options, url: str) -> list[Row]:
    with ExitStack() as stack:
        both = {side: stack.enter_context(worker(side, tables_of(side, url), "metered")) for side in SIDES}
        return [_row(call, both) for call in (*CALLS, JOIN_QUEUE) if options.wants(call.name)]


def _row(call: Call, both: dict[Side, WorkerProcess]) -> Row:
    metered = {side: worker.do("cost", call=call.name) for side, worker in both.items()}
    dollars = {side: [_READS * cost["reads"] + _WRITES * cost["writes"]] for side, cost in metered.items()}
    details = {side: _text(cost) for side, cost in metered.items()}
    return Row.of(call.name, "$", dollars, details=details)


def _text(cost: dict[str, Any]) -> str:
    calls = cost["calls"]
    return f"{calls} {'call' if calls == 1 else 'calls'}, {cost['reads']:g} R, {cost['writes']} W"
