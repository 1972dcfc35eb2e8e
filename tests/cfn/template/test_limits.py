"""What the stack can cost is bounded, by throttles and by caps of the tables, and a budget tells when it grows."""

import re
from typing import Any

import pytest

from cfn.template.build import build_template
from cfn.template.parameters import DEFAULTS
from storage.schema import TABLES

#: Registrations per second for one event: more collapse, and so many wait in a full one (tests/bench/hot_event.md).
_COLLAPSE, _FULL = 109, 75


@pytest.fixture(scope="module")
def resources() -> dict[str, Any]:
    found: dict[str, Any] = build_template("Release").to_dict()["Resources"]
    return found


class TestThrottles:
    def test_both_routes_that_register_together_stay_below_the_collapse_of_one_hot_event(
        self, resources: dict[str, Any]
    ) -> None:
        settings = resources["ApiStage"]["Properties"]["RouteSettings"]
        routes = ["POST /registrations", "POST /events/{eventId}/registrations"]
        for route in routes:
            assert settings[route]["ThrottlingRateLimit"] == {"Ref": "RegistrationThrottleRate"}
            assert settings[route]["ThrottlingBurstLimit"] == {"Ref": "RegistrationThrottleBurst"}
        rate = int(DEFAULTS["RegistrationThrottleRate"])
        assert rate < _FULL
        assert rate * len(routes) < _COLLAPSE

    def test_large_documents_are_sent_once_per_second(self, resources: dict[str, Any]) -> None:
        settings = resources["ApiStage"]["Properties"]["RouteSettings"]
        for route in ("GET /docs/{file}", "GET /openapi.json", "GET /openapi.yaml"):
            assert settings[route]["ThrottlingRateLimit"] == 1

    def test_the_stage_has_settings_only_of_routes_that_exist_before_it(self, resources: dict[str, Any]) -> None:
        """API Gateway refuses others."""
        routes = {
            name: found["Properties"]["RouteKey"]
            for name, found in resources.items()
            if found["Type"] == "AWS::ApiGatewayV2::Route"
        }
        before = {routes[name] for name in resources["ApiStage"]["DependsOn"]}
        assert resources["ApiStage"]["Properties"]["RouteSettings"].keys() == before
        assert set(routes.values()) - before == {"$default"}


class TestCaps:
    @pytest.mark.parametrize("table", TABLES)
    def test_every_table_and_index_has_a_cap_on_reads_and_on_writes(
        self, resources: dict[str, Any], table: str
    ) -> None:
        properties = resources[f"{table}Table"]["Properties"]
        at = list(TABLES).index(table)
        for capped in (properties, *properties.get("GlobalSecondaryIndexes", ())):
            assert capped["OnDemandThroughput"] == {
                "MaxReadRequestUnits": {"Fn::Select": [at, {"Ref": "MaxReadUnits"}]},
                "MaxWriteRequestUnits": {"Fn::Select": [at, {"Ref": "MaxWriteUnits"}]},
            }

    @pytest.mark.parametrize("name", ["MaxReadUnits", "MaxWriteUnits"])
    def test_a_cap_is_three_numbers_from_one(self, name: str) -> None:
        parameter = build_template("Release").to_dict()["Parameters"][name]
        assert len(parameter["Default"].split(",")) == len(TABLES)
        assert all(re.fullmatch(parameter["AllowedPattern"], value) for value in parameter["Default"].split(","))
        assert not any(re.fullmatch(parameter["AllowedPattern"], value) for value in ("", "0", "-1", "1.5", "100000"))

    def test_the_caps_let_the_admitted_registrations_of_one_hot_event_pass(self) -> None:
        """At 50 per second an event with free seats takes 13.7 write units each, in the proportion 2 to 2 to 4."""
        units = 13.7 * int(DEFAULTS["RegistrationThrottleRate"])
        caps = [int(value) for value in DEFAULTS["MaxWriteUnits"].split(",")]
        assert all(cap > units * share / 8 for cap, share in zip(caps, (2, 2, 4), strict=True))


class TestQuietMonth:
    def test_snapshots_and_traces_are_off_by_default(self, resources: dict[str, Any]) -> None:
        assert (DEFAULTS["SnapStart"], DEFAULTS["Tracing"]) == ("None", "PassThrough")
        function = resources["Function"]["Properties"]
        assert function["SnapStart"] == {"ApplyOn": {"Ref": "SnapStart"}}
        assert function["TracingConfig"] == {"Mode": {"Ref": "Tracing"}}

    def test_only_a_function_that_is_traced_may_send_traces(self, resources: dict[str, Any]) -> None:
        policy = resources["TracesPolicy"]
        assert (policy["Condition"], policy["Properties"]["Roles"]) == ("TracingIsOn", [{"Ref": "FunctionRole"}])
        (statement,) = policy["Properties"]["PolicyDocument"]["Statement"]
        assert statement["Action"] == ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
        assert "xray" not in str(resources["FunctionRole"])

    def test_the_alarms_are_on_no_more_metrics_than_are_free(self, resources: dict[str, Any]) -> None:
        """Those of notifications are more, and are on with them only."""
        free = ("AlarmsAreOn", "HealthIsWatched")
        alarms = [
            found["Properties"]
            for found in resources.values()
            if found["Type"] == "AWS::CloudWatch::Alarm" and found["Condition"] in free
        ]
        metrics = [[query for query in alarm.get("Metrics", [{}]) if "Expression" not in query] for alarm in alarms]
        assert sum(map(len, metrics)) <= 10

    def test_the_tables_are_encrypted_with_the_key_that_is_free(self, resources: dict[str, Any]) -> None:
        for table in TABLES:
            assert "SSESpecification" not in resources[f"{table}Table"]["Properties"]


class TestBudget:
    def test_there_is_a_budget_only_if_it_is_set(self, resources: dict[str, Any]) -> None:
        assert DEFAULTS["MonthlyBudget"] == "0"
        assert resources["Budget"]["Condition"] == "BudgetIsSet"

    def test_it_writes_to_the_address_of_the_alarms_at_half_of_it_and_if_it_will_be_exceeded(
        self, resources: dict[str, Any]
    ) -> None:
        budget = resources["Budget"]["Properties"]
        assert budget["Budget"]["BudgetLimit"] == {"Amount": {"Ref": "MonthlyBudget"}, "Unit": "USD"}
        told = {
            (found["Notification"]["NotificationType"], found["Notification"]["Threshold"])
            for found in budget["NotificationsWithSubscribers"]
        }
        assert told == {("ACTUAL", 50), ("FORECASTED", 100)}
        for found in budget["NotificationsWithSubscribers"]:
            assert found["Subscribers"] == [{"SubscriptionType": "EMAIL", "Address": {"Ref": "AlarmEmail"}}]

    def test_a_budget_without_an_address_is_refused(self) -> None:
        rule = build_template("Release").to_dict()["Rules"]["BudgetHasAReader"]
        (assertion,) = rule["Assertions"]
        without_budget, has_address = assertion["Assert"]["Fn::Or"]
        assert without_budget == {"Fn::Equals": [{"Ref": "MonthlyBudget"}, "0"]}
        assert has_address == {"Fn::Not": [{"Fn::Equals": [{"Ref": "AlarmEmail"}, ""]}]}
