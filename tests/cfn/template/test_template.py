"""The template configures protection, permissions, throttling and alarms, also where emulators ignore them."""

import copy
import inspect
import json
import re
from typing import Any
from urllib.parse import urljoin

import pytest

from cfn.stack.small_template import small_template
from cfn.template.build import BODY_LIMIT, build_template, release_id
from cfn.template.parameters import DEFAULTS
from handlers import continuation
from handlers.contract import Contract
from handlers.problems import PROBLEMS
from storage.errors import Contention
from storage.queue import UNFINISHED
from storage.schema import TABLE_VARIABLES, TABLES


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    found: dict[str, Any] = build_template("Release").to_dict()
    return found


def _of_type(template: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    return {name: found for name, found in template["Resources"].items() if found["Type"] == kind}


def _used_table(name: str) -> dict[str, Any]:
    return {"Fn::If": [f"{name}TableIsNew", {"Ref": f"{name}Table"}, {"Ref": f"{name}TableName"}]}


def _one(template: dict[str, Any], kind: str) -> dict[str, Any]:
    (found,) = _of_type(template, kind).values()
    properties: dict[str, Any] = found["Properties"]
    return properties


def test_a_plan_of_a_first_deployment_fits_in_one_request(template: dict[str, Any]) -> None:
    """There is no bucket yet. Everything that can be switched on fits as well, but not much longer names."""
    everything = {
        "AlarmEmail": "me@example.com",
        "MonthlyBudget": "5",
        "Canary": "on",
        "Tracing": "Active",
        "DomainName": "api.example.com",
        "CertificateArn": "arn",
        "JwtIssuer": "https://login.example.com/",
        "Notifications": "on",
        "WebhookUrl": "https://example.com/hook",
        "JwtAudience": "one",
    }
    for chosen, room in (({}, 10_000), ({"Notifications": "on"}, 5_000), (everything, 0)):
        small = small_template(template, {**DEFAULTS, **chosen})
        assert len(json.dumps(small, separators=(",", ":"))) < BODY_LIMIT - room


def test_every_parameter_is_described_and_bounded(template: dict[str, Any]) -> None:
    for name, parameter in template["Parameters"].items():
        assert parameter["Description"].endswith("."), name
        bounds = parameter.keys() & {"AllowedValues", "AllowedPattern", "MinValue", "MinLength"}
        assert bounds, name


def test_every_default_is_within_its_own_bounds(template: dict[str, Any]) -> None:
    for name, default in DEFAULTS.items():
        parameter = template["Parameters"][name]
        if "AllowedPattern" in parameter:
            values = default.split(",") if parameter["Type"] == "CommaDelimitedList" else [default]
            assert all(re.fullmatch(parameter["AllowedPattern"], value) for value in values), name
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


def test_a_stage_has_not_the_name_of_a_path_below_it(template: dict[str, Any]) -> None:
    """A gateway may strip the stage or not, and the service strips it if it is there."""
    pattern = template["Parameters"]["StageName"]["AllowedPattern"]
    firsts = {path.split("/")[1].partition(".")[0] for path in Contract().document["paths"]} - {"", "openapi"} | {
        "docs"
    }
    assert not [name for name in firsts if re.fullmatch(pattern, name)]
    assert all(re.fullmatch(pattern, name) for name in ("prod", "e", "event", "users-2", "docs_"))


class TestTables:
    def test_the_tables_match_the_definitions_of_the_storage(self, template: dict[str, Any]) -> None:
        for name, definition in TABLES.items():
            properties = copy.deepcopy(template["Resources"][f"{name}Table"]["Properties"])
            for index in properties.get("GlobalSecondaryIndexes", ()):
                del index["OnDemandThroughput"]  # Not part of the definition.
            assert {key: properties[key] for key in definition} == definition

    def test_the_tables_are_backed_up(self, template: dict[str, Any]) -> None:
        for table in _of_type(template, "AWS::DynamoDB::Table").values():
            assert table["Properties"]["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}

    @pytest.mark.parametrize(("throw_away", "policy"), [(False, "Retain"), (True, "Delete")])
    def test_only_a_throw_away_stack_deletes_its_tables(self, throw_away: bool, policy: str) -> None:  # noqa: FBT001
        tables = _of_type(build_template("Release", throw_away=throw_away).to_dict(), "AWS::DynamoDB::Table")
        assert len(tables) == len(TABLES)
        for table in tables.values():
            assert table["DeletionPolicy"] == table["UpdateReplacePolicy"] == policy
            assert table["Properties"]["DeletionProtectionEnabled"] is not throw_away

    def test_the_environment_of_the_function_has_the_names_of_the_tables(self, template: dict[str, Any]) -> None:
        variables = template["Resources"]["Function"]["Properties"]["Environment"]["Variables"]
        for name, variable in TABLE_VARIABLES.items():
            assert variables[variable] == _used_table(name)

    def test_an_existing_table_takes_the_place_of_a_new_one_wherever_its_name_is_used(
        self, template: dict[str, Any]
    ) -> None:
        for name in TABLES:
            new = f"{name}Table"
            assert DEFAULTS[f"{name}TableName"] == ""
            assert template["Conditions"][f"{name}TableIsNew"] == {"Fn::Equals": [{"Ref": f"{name}TableName"}, ""]}
            assert template["Resources"][new]["Condition"] == f"{name}TableIsNew"
            assert template["Outputs"][new]["Value"] == _used_table(name)
            _body, names = _one(template, "AWS::CloudWatch::Dashboard")["DashboardBody"]["Fn::Sub"]
            assert names[name] == _used_table(name)
        # Nothing refers to a new table but these choices, whose condition is that it exists.
        stream = json.dumps({"Fn::GetAtt": ["RegistrationsTable", "StreamArn"]})
        text = json.dumps([template["Resources"], template["Outputs"]])
        assert text.count(stream) == text.count(f'["RegistrationsTableIsNew", {stream}, ') == 2
        text = text.replace(stream, "")
        for name in TABLES:
            assert f'"Fn::GetAtt": ["{name}Table"' not in text
            assert not re.search(rf"\$\{{{name}Table[.}}]", text)
            assert text.count(f'{{"Ref": "{name}Table"}}') == text.count(json.dumps(_used_table(name)))

    def test_another_table_is_a_new_release(self) -> None:
        assert release_id({"EventsTableName": "restored"}) != release_id({})


class TestFunction:
    def test_the_function_runs_on_arm_with_json_logs(self, template: dict[str, Any]) -> None:
        function = template["Resources"]["Function"]["Properties"]
        assert (function["Runtime"], function["Handler"]) == ("python3.13", "handlers.aws_lambda.handler")
        assert DEFAULTS["Architecture"] == "arm64"
        assert function["Architectures"] == [{"Ref": "Architecture"}]
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
        reserved = template["Resources"]["Function"]["Properties"]["ReservedConcurrentExecutions"]
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
    def test_relative_links_lead_below_the_url(self, template: dict[str, Any]) -> None:
        urls = {name: template["Outputs"][name]["Value"]["Fn::Sub"] for name in ("ApiUrl", "DocsUrl")}
        assert urls["ApiUrl"] == "${Api.ApiEndpoint}/${StageName}/"
        assert urljoin("https://host/prod/", "docs") == "https://host/prod/docs"
        assert urls["DocsUrl"] == urls["ApiUrl"] + "docs"

    def test_every_route_leads_to_the_alias_and_one_takes_every_request(self, template: dict[str, Any]) -> None:
        routes = [route["Properties"] for route in _of_type(template, "AWS::ApiGatewayV2::Route").values()]
        assert "$default" in [route["RouteKey"] for route in routes]
        assert all(route["Target"] == {"Fn::Sub": "integrations/${ApiIntegration}"} for route in routes)
        integration = _one(template, "AWS::ApiGatewayV2::Integration")
        assert integration["IntegrationUri"] == {"Ref": "LiveAlias"}
        assert integration["PayloadFormatVersion"] == "2.0"

    def test_the_gateway_answers_preflights_for_the_methods_and_headers_of_the_contract(
        self, template: dict[str, Any]
    ) -> None:
        cors = _one(template, "AWS::ApiGatewayV2::Api")["CorsConfiguration"]
        assert cors["AllowOrigins"] == {"Ref": "CorsOrigins"}
        assert cors["AllowMethods"] == ["GET", "POST", "PUT", "DELETE"]
        sent = ["authorization", "content-type", "idempotency-key", "if-match", "if-none-match"]
        assert cors["AllowHeaders"] == sent
        assert cors["ExposeHeaders"] == ["etag", "location", "link", "retry-after", "www-authenticate", "x-request-id"]

    def test_the_same_parameter_restricts_the_origins_in_the_service(self, template: dict[str, Any]) -> None:
        variables = template["Resources"]["Function"]["Properties"]["Environment"]["Variables"]
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
        assert permission["SourceArn"]["Fn::Sub"].endswith(":${Api}/${StageName}/*")


class TestMonitoring:
    def test_the_retention_of_each_log_is_the_parameter(self, template: dict[str, Any]) -> None:
        groups = _of_type(template, "AWS::Logs::LogGroup")
        assert groups.keys() == {"ServiceLog", "AccessLog", "PublisherLog", "SenderLog"}
        assert all(group["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"} for group in groups.values())

    def test_the_alarm_of_promotions_counts_the_log_lines_and_the_invocations_that_were_given_up(
        self, template: dict[str, Any]
    ) -> None:
        metrics = template["Resources"]["UnfinishedPromotionsAlarm"]["Properties"]["Metrics"]
        logged, dropped = (query["MetricStat"]["Metric"] for query in metrics if not query["ReturnData"])
        assert (dropped["Namespace"], dropped["MetricName"]) == ("AWS/Lambda", "AsyncEventsDropped")
        assert dropped["Dimensions"] == [{"Name": "FunctionName", "Value": {"Ref": "Function"}}]
        properties = template["Resources"]["PromotionsLeftUnfinishedFilter"]["Properties"]
        (counted,) = properties["MetricTransformations"]
        assert (logged["Namespace"], logged["MetricName"]) == (counted["MetricNamespace"], counted["MetricName"])
        (text,) = re.findall(r'^\{ \$\.message = "(.+)\*" \}$', properties["FilterPattern"])
        source = inspect.getsource(continuation)
        lines = re.findall(r'logger\.(?:warning|error)\("(.+?)"', source)
        assert len(lines) == source.count("logger.") == 3
        assert all(line.replace("%s", UNFINISHED, 1).startswith(text) for line in lines)

    def test_alarms_notify_the_topic_if_an_address_is_set(self, template: dict[str, Any]) -> None:
        action = {"Fn::If": ["AlarmsHaveAReader", {"Ref": "AlarmTopic"}, {"Ref": "AWS::NoValue"}]}
        for alarm in _of_type(template, "AWS::CloudWatch::Alarm").values():
            assert alarm["Properties"]["AlarmActions"] == alarm["Properties"]["OKActions"] == [action]
        assert template["Resources"]["AlarmTopic"]["Condition"] == "AlarmsHaveAReader"

    def test_only_the_alarms_of_this_account_may_write_to_the_topic_and_only_over_tls(
        self, template: dict[str, Any]
    ) -> None:
        allowed, denied = _one(template, "AWS::SNS::TopicPolicy")["PolicyDocument"]["Statement"]
        assert allowed["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
        assert allowed["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
        assert (denied["Effect"], denied["Principal"]) == ("Deny", "*")
        assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}

    def test_the_alarm_of_a_busy_store_counts_the_requests_that_were_refused_for_it(
        self, template: dict[str, Any]
    ) -> None:
        """Its metric counts the name that the log line of a request has for this refusal."""
        pattern = template["Resources"]["StoreBusyFilter"]["Properties"]["FilterPattern"]
        assert pattern == f'{{ $.error = "{PROBLEMS[Contention].name}" }}'
        alarm = template["Resources"]["StoreBusyAlarm"]["Properties"]
        (counted,) = template["Resources"]["StoreBusyFilter"]["Properties"]["MetricTransformations"]
        assert (alarm["Namespace"], alarm["MetricName"]) == (counted["MetricNamespace"], counted["MetricName"])

    def test_the_alarm_of_too_many_requests_counts_them_in_the_access_log(self, template: dict[str, Any]) -> None:
        """The service does not see them."""
        counted = template["Resources"]["TooManyRequestsFilter"]["Properties"]
        assert counted["LogGroupName"] == {"Ref": "AccessLog"}
        assert counted["FilterPattern"] == '{ $.status = "429" }'
        logged = json.loads(_one(template, "AWS::ApiGatewayV2::Stage")["AccessLogSettings"]["Format"])
        assert logged["status"] == "$context.status"

    def test_the_dashboard_has_a_widget_for_each_subject(self, template: dict[str, Any]) -> None:
        body, _names = _one(template, "AWS::CloudWatch::Dashboard")["DashboardBody"]["Fn::Sub"]
        titles = {widget["properties"]["title"].partition(" ")[0] for widget in json.loads(body)["widgets"]}
        assert titles == {"Traffic", "Errors", "Latency", "Registrations", "Store:", "Cost:"}

    def test_the_dashboard_counts_every_index_and_the_conflicts_of_every_table(self, template: dict[str, Any]) -> None:
        body, _names = _one(template, "AWS::CloudWatch::Dashboard")["DashboardBody"]["Fn::Sub"]
        metrics = [metric for widget in json.loads(body)["widgets"] for metric in widget["properties"]["metrics"]]
        indexes = ("byDate", "byStatus")
        for name in ("ConsumedReadCapacityUnits", "WriteThrottleEvents", "ReadThrottleEvents"):
            counted = {tuple(metric[2:-1]) for metric in metrics if metric[1:2] == [name]}
            tables = {("TableName", f"${{{table}}}") for table in TABLES}
            assert counted == tables | {
                ("TableName", "${Events}", "GlobalSecondaryIndexName", index) for index in indexes
            }
        conflicts = {metric[3] for metric in metrics if metric[1:2] == ["TransactionConflict"]}
        assert conflicts == {f"${{{table}}}" for table in TABLES}

    def test_the_dashboard_refers_only_to_names_in_the_template(self, template: dict[str, Any]) -> None:
        body, tables = _one(template, "AWS::CloudWatch::Dashboard")["DashboardBody"]["Fn::Sub"]
        names = set(re.findall(r"\$\{([^}]+)\}", body)) - {"AWS::Region", "AWS::StackName"}
        assert names <= template["Resources"].keys() | template["Parameters"].keys() | tables.keys()


def test_the_outputs_are_the_api_its_documentation_the_function_the_log_the_tables_a_domain_and_a_bus(
    template: dict[str, Any],
) -> None:
    tables = {f"{name}Table" for name in TABLES}
    domain = {"DomainAddress", "DomainTarget"}
    assert template["Outputs"].keys() == {"ApiUrl", "DocsUrl", "FunctionName", "LogGroup", "BusArn"} | tables | domain
