"""CodeDeploy moves the alias gradually, watches the alarms, and goes back by itself; ministack has no CodeDeploy."""

from typing import Any

import pytest

from cfn.template.build import build_template
from cfn.template.parameters import DEFAULTS
from cfn.template.release import WATCHED

_GRADUALLY = "TrafficShiftsGradually"


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    found: dict[str, Any] = build_template("Release").to_dict()
    return found


def test_traffic_shifts_gradually_unless_it_is_moved_at_once_or_nothing_watches(template: dict[str, Any]) -> None:
    assert DEFAULTS["TrafficShift"] == "Canary10Percent15Minutes"
    assert "AllAtOnce" in template["Parameters"]["TrafficShift"]["AllowedValues"]
    gradually = template["Conditions"][_GRADUALLY]["Fn::And"]
    at_once = {"Fn::Equals": [{"Ref": "TrafficShift"}, "AllAtOnce"]}
    assert gradually == [{"Condition": "AlarmsAreOn"}, {"Fn::Not": [at_once]}]


def test_the_alias_is_moved_by_the_deployment_group(template: dict[str, Any]) -> None:
    policy = template["Resources"]["LiveAlias"]["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]
    names = {"ApplicationName": {"Ref": "ReleaseApplication"}, "DeploymentGroupName": {"Ref": "ReleaseGroup"}}
    assert policy == {"Fn::If": [_GRADUALLY, names, {"Ref": "AWS::NoValue"}]}
    for name in ("ReleaseApplication", "ReleaseGroup", "ReleaseRole"):
        assert template["Resources"][name]["Condition"] == _GRADUALLY
    assert template["Resources"]["ReleaseApplication"]["Properties"]["ComputePlatform"] == "Lambda"


def test_an_alarm_a_failure_or_a_stop_leads_the_traffic_back(template: dict[str, Any]) -> None:
    group = template["Resources"]["ReleaseGroup"]["Properties"]
    assert group["DeploymentConfigName"] == {"Fn::Sub": "CodeDeployDefault.Lambda${TrafficShift}"}
    assert group["DeploymentStyle"] == {"DeploymentOption": "WITH_TRAFFIC_CONTROL", "DeploymentType": "BLUE_GREEN"}
    events = ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"]
    assert group["AutoRollbackConfiguration"] == {"Enabled": True, "Events": events}
    watched = {"Alarms": [{"Name": {"Ref": name}} for name in WATCHED], "Enabled": True}
    assert group["AlarmConfiguration"] == watched
    for name in WATCHED:
        assert template["Resources"][name]["Type"] == "AWS::CloudWatch::Alarm"


def test_the_alarm_on_errors_goes_off_before_the_other_nine_tenths_of_the_traffic_move(
    template: dict[str, Any],
) -> None:
    alarm = template["Resources"]["ServerErrorsAlarm"]["Properties"]
    (period,) = {query["MetricStat"]["Period"] for query in alarm["Metrics"] if "MetricStat" in query}
    # Errors may begin just after the start of a period, and metrics arrive two minutes late.
    seconds = (alarm["DatapointsToAlarm"] * period) + 120
    assert seconds < 15 * 60
    assert "Canary10Percent15Minutes" in template["Parameters"]["TrafficShift"]["AllowedValues"]


def test_the_role_moves_the_alias_of_this_function_and_reads_alarms_and_nothing_else(template: dict[str, Any]) -> None:
    role = template["Resources"]["ReleaseRole"]["Properties"]
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "codedeploy.amazonaws.com"}
    move, watch = role["Policies"][0]["PolicyDocument"]["Statement"]
    assert move["Action"] == ["lambda:GetAlias", "lambda:GetProvisionedConcurrencyConfig", "lambda:UpdateAlias"]
    assert move["Resource"] == [{"Fn::GetAtt": ["Function", "Arn"]}, {"Fn::Sub": "${Function.Arn}:*"}]
    assert watch["Action"] == "cloudwatch:DescribeAlarms"


def test_the_alias_names_its_version_for_emulators_that_compare_only_literals(template: dict[str, Any]) -> None:
    alias = template["Resources"]["LiveAlias"]
    assert alias["Metadata"] == {"Version": alias["Properties"]["FunctionVersion"]["Fn::GetAtt"][0]}
