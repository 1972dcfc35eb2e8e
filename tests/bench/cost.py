"""DynamoDB calls, request units and dollars per operation, on ministack."""

from typing import Any, Final

from storage.embedded import embedded_store
from tests.bench import dataset
from tests.bench.calls import CALLS, JOIN_QUEUE, Call
from tests.bench.options import Options
from tests.bench.results import Row, Table
from tests.bench.workers import Side, environment, worker

#: Dollars per million request units of on-demand tables in us-east-1.
_READS: Final = 0.125
_WRITES: Final = 0.625
#: The peers share one repository, so one of them stands for all.
_SIDES: Final[tuple[Side, ...]] = ("ours", "bare")


def measure(options: Options) -> list[Table]:
    """Measure dollars per million requests, once for each side, on a new store of its own."""
    calls = [call for call in (*CALLS, JOIN_QUEUE) if options.wants(call.name) and not call.validated]
    costs = {side: _costs(side, calls) for side in _SIDES}
    note = (
        f"On-demand tables in us-east-1, dollars per million: write units (W) {_WRITES}, read units (R) {_READS}. "
        "The peers share their calls of DynamoDB."
    )
    rows = [_row(call, {side: costs[side][call.name] for side in _SIDES}) for call in calls]
    return [Table("DynamoDB per million requests", rows, note)]


def _costs(side: Side, calls: list[Call]) -> dict[str, Any]:
    with embedded_store() as url:
        dataset.create(url)
        with worker(side, environment(url), "metered") as started:
            return {call.name: started.do("cost", call) for call in calls}


def _row(call: Call, costs: dict[Side, Any]) -> Row:
    dollars = {side: [_READS * cost["reads"] + _WRITES * cost["writes"]] for side, cost in costs.items()}
    return Row(call.name, "$", dollars, {side: _text(cost) for side, cost in costs.items()})


def _text(cost: dict[str, Any]) -> str:
    calls = cost["calls"]
    return f"{calls} {'call' if calls == 1 else 'calls'}, {cost['reads']:g} R, {cost['writes']} W"
