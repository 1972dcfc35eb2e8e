"""The dashboard: traffic, errors, latency, registrations, the store and the cost drivers."""

import json
from typing import Any, Final

from troposphere import Sub, Template
from troposphere.cloudwatch import Dashboard

from cfn.template.log_metrics import NAMESPACE, REFUSED, REGISTERED, STORE_BUSY, TOO_MANY_REQUESTS
from cfn.template.tables import table_name
from storage.schema import TABLES

_COLUMNS: Final = 24
_HEIGHT: Final = 6
_API: Final = ["ApiId", "${Api}", "Stage", "${StageName}"]
_FUNCTION: Final = ["FunctionName", "${Function}"]
#: Table -> its dimension; the variable is filled with the name of the table that the stack uses.
_TABLES: Final = {name: ["TableName", f"${{{name}}}"] for name in TABLES}
#: The tables and their indexes, which CloudWatch counts apart.
_SOURCES: Final = _TABLES | {
    f"{name} {index['IndexName']}": [*_TABLES[name], "GlobalSecondaryIndexName", index["IndexName"]]
    for name, definition in TABLES.items()
    for index in definition.get("GlobalSecondaryIndexes", ())
}


def add_dashboard(template: Template) -> None:
    """Add the dashboard."""
    tables = {name: table_name(name) for name in TABLES}
    template.add_resource(
        Dashboard(
            "Dashboard", DashboardName=Sub("${AWS::StackName}-${AWS::Region}"), DashboardBody=Sub(_body(), tables)
        )
    )


def _body() -> str:
    widgets = [_traffic(), _errors(), _latency(), _registrations(), *_store(), *_cost_drivers()]
    return json.dumps({"widgets": _layout(widgets)})


def _layout(widgets: list[dict[str, Any]], per_row: int = 2) -> list[dict[str, Any]]:
    width = _COLUMNS // per_row
    return [
        {"type": "metric", "width": width, "height": _HEIGHT, "x": at % per_row * width, "y": at // per_row * _HEIGHT}
        | {"properties": {"region": "${AWS::Region}", "period": 300, "view": "timeSeries", **widget}}
        for at, widget in enumerate(widgets)
    ]


def _widget(title: str, stat: str, metrics: list[list[Any]], unit: str) -> dict[str, Any]:
    return {"title": title, "stat": stat, "metrics": metrics, "yAxis": {"left": {"min": 0, "label": unit}}}


def _traffic() -> dict[str, Any]:
    metrics: list[list[Any]] = [
        ["AWS/ApiGateway", "Count", *_API, {"label": "requests"}],
        [
            "AWS/Lambda",
            "ConcurrentExecutions",
            *_FUNCTION,
            {"label": "concurrency", "stat": "Maximum", "yAxis": "right"},
        ],
    ]
    return _widget("Traffic", "Sum", metrics, "requests")


def _errors() -> dict[str, Any]:
    metrics: list[list[Any]] = [
        ["AWS/ApiGateway", "5xx", *_API, {"label": "5xx"}],
        ["AWS/ApiGateway", "4xx", *_API, {"label": "4xx", "yAxis": "right"}],
        [NAMESPACE, TOO_MANY_REQUESTS, {"label": "429 by the gateway", "yAxis": "right"}],
        ["AWS/Lambda", "Errors", *_FUNCTION, {"label": "function errors"}],
        ["AWS/Lambda", "Throttles", *_FUNCTION, {"label": "function throttles"}],
    ]
    return _widget("Errors (4xx on the right)", "Sum", metrics, "responses")


def _store() -> list[dict[str, Any]]:
    conflicts: list[list[Any]] = [
        *(["AWS/DynamoDB", "TransactionConflict", *table, {"label": name}] for name, table in _TABLES.items()),
        [NAMESPACE, STORE_BUSY, {"label": "requests refused as the store is busy"}],
    ]
    return [
        _widget("Store: conflicts of transactions", "Sum", conflicts, "conflicts"),
        _widget("Store: throttled calls", "Sum", _of_sources("{}ThrottleEvents"), "calls"),
    ]


def _of_sources(name: str) -> list[list[Any]]:
    """Return the metrics of writes and reads of each table and index, named by `name` with the direction in it."""
    return [
        ["AWS/DynamoDB", name.format(direction), *source, {"label": f"{label}, {direction.lower()}"}]
        for label, source in _SOURCES.items()
        for direction in ("Write", "Read")
    ]


def _latency() -> dict[str, Any]:
    metrics: list[list[Any]] = [
        ["AWS/ApiGateway", "Latency", *_API, {"label": percentile, "stat": percentile}]
        for percentile in ("p50", "p90", "p99")
    ]
    metrics.append(["AWS/Lambda", "Duration", *_FUNCTION, {"label": "function, p99", "stat": "p99"}])
    return _widget("Latency", "p50", metrics, "milliseconds")


def _registrations() -> dict[str, Any]:
    metrics: list[list[Any]] = [
        [NAMESPACE, REGISTERED, {"label": "confirmed or waitlisted"}],
        [NAMESPACE, REFUSED, {"label": "refused: full, closed or already registered"}],
    ]
    return _widget("Registrations", "Sum", metrics, "registrations")


def _cost_drivers() -> list[dict[str, Any]]:
    gigabyte_seconds = {"expression": "milliseconds / 1000 * ${MemorySize} / 1024", "label": "GB-seconds"}
    compute: list[list[Any]] = [
        ["AWS/Lambda", "Duration", *_FUNCTION, {"id": "milliseconds", "visible": False}],
        [gigabyte_seconds],
        ["AWS/Logs", "IncomingBytes", "LogGroupName", "${ServiceLog}", {"label": "log, bytes", "yAxis": "right"}],
        ["AWS/Logs", "IncomingBytes", "LogGroupName", "${AccessLog}", {"label": "access log, bytes", "yAxis": "right"}],
    ]
    return [
        _widget("Cost: compute and logs", "Sum", compute, "GB-seconds"),
        _widget("Cost: capacity units of tables and indexes", "Sum", _of_sources("Consumed{}CapacityUnits"), "units"),
    ]
