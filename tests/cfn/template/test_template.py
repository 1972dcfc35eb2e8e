"""The template configures protection, permissions, throttling and alarms, also where emulators ignore them."""

import inspect
import json
import re
from typing import Any

import pytest

from cfn.template.build import BODY_LIMIT, build_template, release_id
from cfn.template.parameters import DEFAULTS
from handlers import continuation
from storage.schema import TABLE_VARIABLES, TABLES


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    found: dict[str, Any] = build_template("Release").to_dict()
    return found


def _of_type(template: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    return {name: found for name, found in template["Resources"].items() if found["Type"] == kind}


def _one(template: dict[str, Any], kind: str) -> dict[str, Any]:
    (found,) = _of_type(template, kind).values()
    properties: dict[str, Any] = found["Properties"]
    return properties


def test_the_template_fits_in_one_request() -> None:
    assert len(json.dumps(build_template("Release").to_dict(), separators=(",", ":"))) < BODY_LIMIT


def test_every_parameter_is_described_and_bounded(template: dict[str, Any]) -> None:
    for name, parameter in template["Parameters"].items():
        assert parameter["Description"].endswith("."), name
        bounds = parameter.keys() & {"AllowedValues", "AllowedPattern", "MinValue", "MinLength"}
        assert bounds, name


def test_every_default_is_within_its_own_bounds(template: dict[str, Any]) -> None:
    for name, default in DEFAULTS.items():
        parameter = template["Parameters"][name]
        if "AllowedPattern" in parameter:
            assert re.fullmatch(parameter["AllowedPattern"], default), name
        if "AllowedValues" in parameter:
            assert default in map(str, parameter["AllowedValues"]), name
        if "MinValue" in parameter:
            assert parameter["MinValue"] <= int(default) <= parameter["MaxValue"], name


@pytest.mark.parametrize(
    ("origins", "valid"),
    [
        ("*", True),
        ("https://www.example.com", True),
        ("http://localhost:5173", True),
        ("https://www.example.com/", False),
        ("www.example.com", False),
    ],
)
def test_an_origin_has_a_scheme_and_no_path(template: dict[str, Any], origins: str, valid: bool) -> None:  # noqa: FBT001
    pattern = template["Parameters"]["CorsOrigins"]["AllowedPattern"]
    assert (re.fullmatch(pattern, origins) is not None) is valid


class TestTables:
    def test_the_tables_match_the_definitions_of_the_storage(self, template: dict[str, Any]) -> None:
        for name, definition in TABLES.items():
            properties = template["Resources"][f"{name}Table"]["Properties"]
            assert {key: properties[key] for key in definition} == definition

    def test_the_tables_are_backed_up_and_encrypted(self, template: dict[str, Any]) -> None:
        for table in _of_type(template, "AWS::DynamoDB::Table").values():
            assert table["Properties"]["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
            assert table["Properties"]["SSESpecification"] == {"SSEEnabled": True}

    @pytest.mark.parametrize(("throw_away", "policy"), [(False, "Retain"), (True, "Delete")])
    def test_only_a_throw_away_stack_deletes_its_tables(self, throw_away: bool, policy: str) -> None:  # noqa: FBT001
        tables = _of_type(build_template("Release", throw_away=throw_away).to_dict(), "AWS::DynamoDB::Table")
        assert len(tables) == len(TABLES)
        for table in tables.values():
            assert table["DeletionPolicy"] == table["UpdateReplacePolicy"] == policy
            assert table["Properties"]["DeletionProtectionEnabled"] is not throw_away

    def test_the_environment_of_the_function_has_the_names_of_the_tables(self, template: dict[str, Any]) -> None:
        variables = _one(template, "AWS::Lambda::Function")["Environment"]["Variables"]
        for name, variable in TABLE_VARIABLES.items():
            assert variables[variable] == {"Ref": f"{name}Table"}


class TestFunction:
    def test_the_function_runs_on_arm_with_snapshots_traces_and_json_logs(self, template: dict[str, Any]) -> None:
        function = _one(template, "AWS::Lambda::Function")
        assert (function["Runtime"], function["Handler"]) == ("python3.13", "handlers.aws_lambda.handler")
        assert (DEFAULTS["Architecture"], DEFAULTS["SnapStart"]) == ("arm64", "PublishedVersions")
        assert function["Architectures"] == [{"Ref": "Architecture"}]
        assert function["SnapStart"] == {"ApplyOn": {"Ref": "SnapStart"}}
        assert function["TracingConfig"] == {"Mode": "Active"}
        assert function["RecursiveLoop"] == "Allow"
        assert function["LoggingConfig"]["LogFormat"] == "JSON"
        assert function["LoggingConfig"]["LogGroup"] == {"Ref": "ServiceLog"}

    def test_the_alias_points_to_the_version_of_the_release(self, template: dict[str, Any]) -> None:
        assert list(_of_type(template, "AWS::Lambda::Version")) == ["VersionRelease"]
        alias = _one(template, "AWS::Lambda::Alias")
        assert alias["Name"] == "live"
        assert alias["FunctionVersion"] == {"Fn::GetAtt": ["VersionRelease", "Version"]}

    def test_the_gateway_times_out_after_the_function(self, template: dict[str, Any]) -> None:
        gateway = _one(template, "AWS::ApiGatewayV2::Integration")["TimeoutInMillis"] / 1000
        assert template["Parameters"]["TimeoutSeconds"]["MaxValue"] < gateway

    def test_concurrency_is_reserved_only_on_request(self, template: dict[str, Any]) -> None:
        reserved = _one(template, "AWS::Lambda::Function")["ReservedConcurrentExecutions"]
        assert reserved["Fn::If"] == ["ConcurrencyIsReserved", {"Ref": "ReservedConcurrency"}, {"Ref": "AWS::NoValue"}]


class TestRelease:
    @pytest.mark.parametrize("changed", [{"MemorySize": "1024"}, {"CodeKey": "other"}, {"StageName": "beta"}])
    def test_a_change_that_a_version_freezes_is_a_new_release(self, changed: dict[str, str]) -> None:
        assert release_id({"CodeKey": "one", **changed}) != release_id({"CodeKey": "one"})

    @pytest.mark.parametrize(
        "changed", [{"ReservedConcurrency": "5"}, {"LogRetentionDays": "7"}, {"ThrottleRate": "9"}]
    )
    def test_a_change_outside_of_the_version_is_the_same_release(self, changed: dict[str, str]) -> None:
        assert release_id({"CodeKey": "one", **changed}) == release_id({"CodeKey": "one"})

    def test_an_explicit_default_is_the_same_release(self) -> None:
        assert release_id(DEFAULTS) == release_id({})


class TestApi:
    def test_the_only_route_sends_every_request_to_the_alias(self, template: dict[str, Any]) -> None:
        assert _one(template, "AWS::ApiGatewayV2::Route")["RouteKey"] == "$default"
        integration = _one(template, "AWS::ApiGatewayV2::Integration")
        assert integration["IntegrationUri"] == {"Ref": "LiveAlias"}
        assert integration["PayloadFormatVersion"] == "2.0"

    def test_the_gateway_answers_preflights_for_the_methods_and_headers_of_the_contract(
        self, template: dict[str, Any]
    ) -> None:
        cors = _one(template, "AWS::ApiGatewayV2::Api")["CorsConfiguration"]
        assert cors["AllowOrigins"] == {"Ref": "CorsOrigins"}
        assert cors["AllowMethods"] == ["GET", "POST", "PUT", "DELETE"]
        assert cors["AllowHeaders"] == ["content-type", "if-match", "if-none-match"]
        assert cors["ExposeHeaders"] == ["etag", "location", "link", "retry-after", "x-request-id"]

    def test_the_same_parameter_restricts_the_origins_in_the_service(self, template: dict[str, Any]) -> None:
        variables = _one(template, "AWS::Lambda::Function")["Environment"]["Variables"]
        assert variables["CORS_ORIGINS"] == {"Fn::Join": [",", {"Ref": "CorsOrigins"}]}

    def test_the_stage_is_throttled_and_logs_each_request(self, template: dict[str, Any]) -> None:
        stage = _one(template, "AWS::ApiGatewayV2::Stage")
        assert stage["DefaultRouteSettings"]["ThrottlingRateLimit"] == {"Ref": "ThrottleRate"}
        assert stage["DefaultRouteSettings"]["ThrottlingBurstLimit"] == {"Ref": "ThrottleBurst"}
        logged = json.loads(stage["AccessLogSettings"]["Format"])
        assert {"requestId", "route", "status", "latency"} <= logged.keys()
        assert not {"path", "query", "userAgent"} & logged.keys(), "paths contain user ids"

    def test_only_this_api_may_invoke_the_function(self, template: dict[str, Any]) -> None:
        permission = _one(template, "AWS::Lambda::Permission")
        assert permission["Principal"] == "apigateway.amazonaws.com"
        assert permission["SourceArn"]["Fn::Sub"].endswith(":${Api}/${StageName}/$default")


class TestMonitoring:
    def test_the_retention_of_each_log_is_the_parameter(self, template: dict[str, Any]) -> None:
        groups = _of_type(template, "AWS::Logs::LogGroup")
        assert groups.keys() == {"ServiceLog", "AccessLog"}
        assert all(group["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"} for group in groups.values())

    def test_there_is_an_alarm_for_each_kind_of_failure(self, template: dict[str, Any]) -> None:
        tables = {f"{name}ThrottledAlarm" for name in TABLES}
        function = {"FunctionErrorsAlarm", "FunctionThrottlesAlarm", "UnfinishedPromotionsAlarm"}
        others = {"ServerErrorsAlarm", "SlowAnswersAlarm"}
        assert _of_type(template, "AWS::CloudWatch::Alarm").keys() == tables | function | others

    def test_the_alarm_of_promotions_counts_the_log_lines_and_the_invocations_that_were_given_up(
        self, template: dict[str, Any]
    ) -> None:
        metrics = template["Resources"]["UnfinishedPromotionsAlarm"]["Properties"]["Metrics"]
        logged, dropped = (query["MetricStat"]["Metric"] for query in metrics if not query["ReturnData"])
        assert (dropped["Namespace"], dropped["MetricName"]) == ("AWS/Lambda", "AsyncEventsDropped")
        assert dropped["Dimensions"] == [{"Name": "FunctionName", "Value": {"Ref": "Function"}}]
        properties = template["Resources"]["UnfinishedPromotionsFilter"]["Properties"]
        (counted,) = properties["MetricTransformations"]
        assert (logged["Namespace"], logged["MetricName"]) == (counted["MetricNamespace"], counted["MetricName"])
        (text,) = re.findall(r'^\{ \$\.message = "(.+)\*" \}$', properties["FilterPattern"])
        source = inspect.getsource(continuation)
        warnings = re.findall(r'logger\.warning\("(.+?)"', source)
        assert len(warnings) == source.count("logger.") == 2
        assert all(warning.startswith(text) for warning in warnings)

    def test_alarms_notify_the_topic_if_an_address_is_set(self, template: dict[str, Any]) -> None:
        action = {"Fn::If": ["AlarmsHaveAReader", {"Ref": "AlarmTopic"}, {"Ref": "AWS::NoValue"}]}
        for alarm in _of_type(template, "AWS::CloudWatch::Alarm").values():
            assert alarm["Properties"]["AlarmActions"] == alarm["Properties"]["OKActions"] == [action]
        assert template["Resources"]["AlarmTopic"]["Condition"] == "AlarmsHaveAReader"

    def test_the_alarm_covers_throttling_of_the_indexes(self, template: dict[str, Any]) -> None:
        metrics = template["Resources"]["EventsThrottledAlarm"]["Properties"]["Metrics"]
        watched = {metric["Id"] for metric in metrics if not metric["ReturnData"]}
        directions = ("Read", "Write")
        assert watched == {source + direction for source in ("table", "byDate", "byStatus") for direction in directions}

    def test_the_dashboard_has_a_widget_for_each_subject(self, template: dict[str, Any]) -> None:
        body = _one(template, "AWS::CloudWatch::Dashboard")["DashboardBody"]["Fn::Sub"]
        titles = {widget["properties"]["title"].partition(" ")[0] for widget in json.loads(body)["widgets"]}
        assert titles == {"Traffic", "Errors", "Latency", "Registrations", "Cost:"}

    def test_the_dashboard_refers_only_to_names_in_the_template(self, template: dict[str, Any]) -> None:
        body = _one(template, "AWS::CloudWatch::Dashboard")["DashboardBody"]["Fn::Sub"]
        names = {name.partition(".")[0] for name in re.findall(r"\$\{([^}]+)\}", body)}
        assert names - {"AWS::Region", "AWS::StackName"} <= template["Resources"].keys() | template["Parameters"].keys()


def test_the_outputs_are_the_api_its_documentation_the_function_and_the_log(template: dict[str, Any]) -> None:
    assert template["Outputs"].keys() - {"DomainAddress", "DomainTarget"} == {
        "ApiUrl",
        "DocsUrl",
        "FunctionName",
        "LogGroup",
    }
