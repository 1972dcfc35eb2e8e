"""Every alarm leads to its part of the runbook, and the runbook to queries and metrics that exist."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from cfn.package.checkout import ROOT
from cfn.template.build import build_template
from cfn.template.parameters import DEFAULTS

_README: Final = Path(ROOT, "cfn", "README.md").read_text()
_RESOURCES: Final[Mapping[str, Any]] = build_template("Release").to_dict()["Resources"]
_ALARMS: Final = {
    name.removesuffix("Alarm"): found["Properties"]
    for name, found in _RESOURCES.items()
    if found["Type"] == "AWS::CloudWatch::Alarm"
}


def _part(alarm: str) -> str:
    return _README.partition(f"\n### {alarm}\n")[2].partition("\n##")[0]


def test_there_is_an_alarm_for_each_kind_of_failure() -> None:
    function = {"FunctionErrors", "FunctionThrottles", "UnfinishedPromotions"}
    told = {"NotificationsLate", "NotificationsUntold", "WebhooksFailed"}
    service = {"ServerErrors", "SlowAnswers", "TooManyRequests", "StoreBusy", "Health"}
    assert function | service | told == _ALARMS.keys()


@pytest.mark.parametrize("alarm", _ALARMS)
def test_the_description_of_an_alarm_leads_to_its_part_of_the_runbook(alarm: str) -> None:
    description = _ALARMS[alarm]["AlarmDescription"]["Fn::Sub"]
    assert description.endswith(f" What to do: cfn/README.md#{alarm.lower()}")
    for paragraph in ("**It means**", "**Look at**", "**Do**"):
        assert paragraph in _part(alarm)


def test_the_readme_names_saved_queries_and_each_of_them() -> None:
    saved = {
        found["Properties"]["Name"]["Fn::Sub"].partition("/")[2]
        for found in _RESOURCES.values()
        if found["Type"] == "AWS::Logs::QueryDefinition"
    }
    assert set(re.findall(r"[Tt]he query \*([^*]+)\*", " ".join(_README.split()))) == saved


def test_every_parameter_that_the_readme_sets_exists() -> None:
    named = set(re.findall(r"--parameter (\w+)=", _README)) - {"NAME"}
    assert named
    assert named <= build_template("Release").to_dict()["Parameters"].keys()


def test_few_slow_requests_raise_no_alarm() -> None:
    """CloudWatch would take the slowest of a few for their 99th percentile."""
    assert _ALARMS["SlowAnswers"]["EvaluateLowSampleCountPercentile"] == "ignore"


class TestCanary:
    def test_it_is_off_by_default_and_its_alarm_with_it(self) -> None:
        conditions = build_template("Release").to_dict()["Conditions"]
        assert DEFAULTS["Canary"] == "off"
        assert {_RESOURCES[name]["Condition"] for name in ("CanarySchedule", "CanaryRole")} == {"CanaryIsOn"}
        assert _RESOURCES["HealthAlarm"]["Condition"] == "HealthIsWatched"
        assert conditions["HealthIsWatched"] == {"Fn::And": [{"Condition": "AlarmsAreOn"}, {"Condition": "CanaryIsOn"}]}

    def test_silence_raises_its_alarm(self) -> None:
        alarm = _ALARMS["Health"]
        assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("LessThanThreshold", 1)
        assert alarm["TreatMissingData"] == "breaching"

    def test_it_may_only_invoke_the_version_that_is_live(self) -> None:
        role = _RESOURCES["CanaryRole"]["Properties"]
        (policy,) = role["Policies"]
        (statement,) = policy["PolicyDocument"]["Statement"]
        assert (statement["Action"], statement["Resource"]) == ("lambda:InvokeFunction", {"Ref": "LiveAlias"})


def test_lines_of_lambda_itself_can_be_switched_on() -> None:
    logging = _RESOURCES["Function"]["Properties"]["LoggingConfig"]
    assert (logging["SystemLogLevel"], DEFAULTS["SystemLogLevel"]) == ({"Ref": "SystemLogLevel"}, "WARN")
