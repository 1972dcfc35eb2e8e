# ruff: noqa: RUF001 - the README multiplies with a sign of its own
"""The figures of the worst month in cfn/README.md follow from the default limits and the prices there."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from cfn.package.checkout import ROOT
from cfn.stack.concurrency import RESERVED
from cfn.template.build import build_template
from cfn.template.parameters import DEFAULTS

_README: Final = Path(ROOT, "cfn", "README.md").read_text()
#: Millions of seconds in a month of 30 days.
_SECONDS: Final = 2.592
_MEMORY_GB: Final = 0.5
#: Megabytes per second of documents, and of everything else where a page of 100 events takes 50 read units.
_DOCUMENTS: Final = 1.8


def _rows(limits: Mapping[str, str]) -> dict[str, tuple[str, float]]:
    writes, reads = _units(limits["MaxWriteUnits"]), _units(limits["MaxReadUnits"])
    rate = int(limits["ThrottleRate"]) + 2 * int(limits["RegistrationThrottleRate"]) + 3
    millions = rate * _SECONDS
    concurrency = int(limits["ReservedConcurrency"])
    megabytes = _DOCUMENTS + 0.6 * int(limits["MaxReadUnits"].split(",")[0]) / 50 + rate * 0.004
    return {
        "HTTP API": (
            f"{rate} requests / s × 2.592 M s = {millions:.0f} M × $1.00 / M, $0.90 above 300 M",
            millions if millions < 300 else 300 + 0.9 * (millions - 300),
        ),
        "Lambda, requests": (f"{millions:.0f} M × $0.20 / M", 0.2 * millions),
        "Lambda, compute": (
            f"{concurrency} at once × 0.5 GB × 2.592 M s × $0.0000133334 / GB-s",
            concurrency * _MEMORY_GB * _SECONDS * 13.3334,
        ),
        "DynamoDB writes": (
            f"{writes:,} WRU / s, indexes included, × 2.592 M s × $0.625 / M",
            writes * 0.625 * _SECONDS,
        ),
        "DynamoDB reads": (f"{reads:,} RRU / s, indexes included, × 2.592 M s × $0.125 / M", reads * 0.125 * _SECONDS),
        "DynamoDB, storage": (
            f"{writes / 2000:g} MB / s × 2.592 M s / 2, as it grows, × $0.45 / GB",
            writes / 2000 * _SECONDS * 1000 / 2 * 0.45,
        ),
        "Data sent": (
            f"{megabytes:.1f} MB / s × 2.592 M s × $0.09 / GB, $0.085 above 10,240 GB",
            _sent(megabytes * _SECONDS * 1000),
        ),
        "Logs": (f"0.6 KB × {millions:.0f} M × $0.50 / GB", 0.6 * millions * 0.5),
    }


def _units(caps: str) -> int:
    """Return the sum over the three tables and the two indexes of Events."""
    events, users, registrations = map(int, caps.split(","))
    return 3 * events + users + registrations


def _sent(gigabytes: float) -> float:
    return 0.09 * min(gigabytes, 10_240) + 0.085 * max(gigabytes - 10_240, 0)


def test_the_rows_and_the_sum_of_the_worst_month_are_in_the_readme() -> None:
    rows = _rows({**DEFAULTS, "ReservedConcurrency": str(RESERVED)})
    for name, (arithmetic, dollars) in rows.items():
        assert f"| {name} | {arithmetic} | {dollars:,.0f} |" in _README
    total = sum(dollars for _arithmetic, dollars in rows.values())
    assert f"| **sum** | | **{total:,.0f}** |" in _README
    assert f"This is ${total / 30:,.0f} a day" in _README


def test_the_limits_for_a_small_service_cost_what_the_readme_says() -> None:
    (text,) = re.findall(r"For a small service, `([^`]+)` makes it", _README)
    chosen = dict(setting.split("=") for setting in text.split())
    total = sum(dollars for _arithmetic, dollars in _rows({**DEFAULTS, **chosen}).values())
    assert f"makes it ${total / 30:,.0f} a day" in " ".join(_README.split())


def test_the_sum_of_a_quiet_month_counts_the_metrics_of_the_alarms() -> None:
    alarms = [
        found["Properties"]
        for found in build_template("Release").to_dict()["Resources"].values()
        if found["Type"] == "AWS::CloudWatch::Alarm" and found["Condition"] == "AlarmsAreOn"
    ]
    metrics = sum(sum("MetricStat" in query for query in alarm.get("Metrics", ())) or 1 for alarm in alarms)
    assert f"| Alarms | {metrics} metrics × $0.10 | {metrics / 10:.2f} |" in _README


def test_what_notifications_add_to_the_worst_month_follows_from_the_cap_of_the_table() -> None:
    units = int(DEFAULTS["MaxWriteUnits"].split(",")[2])
    millions = units / 4 * _SECONDS  # A change is two items, each in a transaction, which doubles its units.
    told, sent = (_sum(f"a million {what}") * millions for what in ("notifications", "webhooks"))
    assert f"at most ${told:.0f} more in that month, and ${sent:.0f} more than that with webhooks." in _words(_README)


def test_notifications_pay_for_the_alarms_that_are_not_free() -> None:
    resources = build_template("Release").to_dict()["Resources"].values()
    alarms = [found["Condition"] for found in resources if found["Type"] == "AWS::CloudWatch::Alarm"]
    assert f"two alarms cost ${alarms.count('NotificationsAreWatched') / 10:.2f} a month" in _words(_README)
    assert f"a third costs ${alarms.count('WebhooksAreWatched') / 10:.2f}" in _words(_README)


def _sum(heading: str) -> float:
    table = _README.partition(f"| {heading}")[2].partition("\n\n")[0]
    return float(re.findall(r"\*\*sum\*\* \| \| \*\*([0-9.]+)\*\*", table)[0])


def _words(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize(
    "heading",
    [
        "a month without traffic",
        "a million registrations (free seat), without free tier",
        "a million notifications (`Notifications=on`), without free tier",
        "a million webhooks (`WebhookUrl`), beside their notifications",
    ],
)
def test_each_sum_is_that_of_its_rows(heading: str) -> None:
    table = _README.partition(f"| {heading} |")[2].partition("\n\n")[0]
    rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in table.splitlines()[2:]]
    *parts, (_name, _empty, total, *_more) = rows
    assert f"{sum(float(row[2]) for row in parts):.2f}" == total.strip("*")
