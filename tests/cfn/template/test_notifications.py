"""Notifications and webhooks are off unless they are switched on, bounded, and have the least permissions."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

import pytest

from cfn.stack.small_template import small_template
from cfn.template import webhooks
from cfn.template.build import build_template, release_id
from cfn.template.parameters import DEFAULTS
from handlers.webhooks import publisher
from handlers.webhooks.delivery import ATTEMPT_SECONDS
from handlers.webhooks.sender import FIRST_SECONDS, LONGEST_SECONDS

_TEMPLATE: Final[dict[str, Any]] = build_template("Release").to_dict()
_RESOURCES: Final[Mapping[str, Any]] = _TEMPLATE["Resources"]
_ON: Final = {"Notifications": "on", "WebhookUrl": "https://example.com/hook"}
#: What both have, beside what each of them is there for.
_WORKERS: Final = ("Publisher", "Sender")


def _made(**parameters: str) -> dict[str, Any]:
    """Return the resources with the given parameters, without the conditions that were evaluated."""
    made: dict[str, Any] = small_template(_TEMPLATE, {**DEFAULTS, **parameters})["Resources"]
    return made


def _properties(name: str) -> dict[str, Any]:
    found: dict[str, Any] = _RESOURCES[name]["Properties"]
    return found


def _statements(role: str) -> dict[str, dict[str, Any]]:
    policies = _properties(role)["Policies"]
    return {policy["PolicyName"]: one for policy in policies for one in policy["PolicyDocument"]["Statement"]}


class TestOff:
    def test_both_are_off_by_default(self) -> None:
        assert (DEFAULTS["Notifications"], DEFAULTS["WebhookUrl"]) == ("off", "")

    def test_without_them_no_resource_belongs_to_them_and_the_table_has_no_stream(self) -> None:
        text = json.dumps(_made())
        assert not re.search(r"AWS::(SQS|Events)|EventSourceMapping|StreamSpecification|webhook|BUS", text)

    def test_each_of_them_adds_resources_and_changes_nothing_but_the_stream(self) -> None:
        off, told, sent = _made(), _made(Notifications="on"), _made(**_ON)
        assert {name for name in off if off[name] != told[name]} == {"RegistrationsTable"}
        assert told["RegistrationsTable"]["Properties"].pop("StreamSpecification") == {
            "StreamViewType": "NEW_AND_OLD_IMAGES"
        }
        assert told["RegistrationsTable"] == off["RegistrationsTable"]
        assert {name: sent[name] for name in told if name != "RegistrationsTable"} == {
            name: told[name] for name in told if name != "RegistrationsTable"
        }
        assert not re.search("Webhook|Sender", " ".join(told))

    def test_a_url_without_notifications_sends_nothing(self) -> None:
        assert _made(WebhookUrl="https://example.com/hook") == _made()

    def test_switching_them_on_is_no_new_release_of_the_service(self) -> None:
        assert release_id(_ON) == release_id({})


class TestRules:
    def test_a_webhook_needs_notifications(self) -> None:
        (assertion,) = _TEMPLATE["Rules"]["WebhooksHaveNotifications"]["Assertions"]
        assert assertion["Assert"]["Fn::Or"] == [
            {"Fn::Equals": [{"Ref": "WebhookUrl"}, ""]},
            {"Fn::Equals": [{"Ref": "Notifications"}, "on"]},
        ]

    def test_notifications_of_an_existing_table_need_the_label_of_its_stream(self) -> None:
        (assertion,) = _TEMPLATE["Rules"]["BroughtTableHasAStream"]["Assertions"]
        assert assertion["Assert"]["Fn::Or"] == [
            {"Fn::Not": [{"Fn::Equals": [{"Ref": "Notifications"}, "on"]}]},
            {"Fn::Equals": [{"Ref": "RegistrationsTableName"}, ""]},
            {"Fn::Not": [{"Fn::Equals": [{"Ref": "RegistrationsStream"}, ""]}]},
        ]
        brought = {"RegistrationsTableName": "restored", "RegistrationsStream": "2026-11-24T10:00:00.000"}
        source = _made(Notifications="on", **brought)["PublisherSource"]["Properties"]["EventSourceArn"]["Fn::Sub"]
        assert source.endswith(":table/${RegistrationsTableName}/stream/${RegistrationsStream}")


class TestPublisher:
    def test_it_begins_with_the_first_change_and_reads_only_registrations(self) -> None:
        source = _properties("PublisherSource")
        assert source["StartingPosition"] == "TRIM_HORIZON"
        (pattern,) = source["FilterCriteria"]["Filters"]
        assert json.loads(pattern["Pattern"]) == {
            "dynamodb": {"Keys": {"pk": {"S": [{"prefix": "EVENT#"}]}, "sk": {"S": [{"prefix": "USER#"}]}}}
        }

    def test_a_change_that_can_not_be_told_is_isolated_bounded_and_kept(self) -> None:
        """The stream keeps a change for 24 hours: what is given up must leave time to send it again."""
        source = _properties("PublisherSource")
        assert source["BisectBatchOnFunctionError"] is True
        assert source["ParallelizationFactor"] == 1
        assert 0 < source["MaximumRecordAgeInSeconds"] <= 12 * 3600
        assert source["MaximumRetryAttempts"] > 0
        assert source["DestinationConfig"]["OnFailure"]["Destination"] == {"Fn::GetAtt": ["UntoldQueue", "Arn"]}

    def test_it_may_read_the_stream_and_tell_the_bus_and_nothing_else(self) -> None:
        statements = _statements("PublisherRole")
        assert statements.keys() == {"stream", "bus", "untold", "logs"}
        assert statements["bus"]["Action"] == ["events:PutEvents"]
        assert statements["bus"]["Resource"] == {"Fn::GetAtt": ["Bus", "Arn"]}
        assert statements["untold"]["Action"] == ["sqs:SendMessage"]


class TestWebhooks:
    def test_the_rule_takes_what_the_publisher_tells(self) -> None:
        assert _properties("WebhookRule")["EventPattern"] == {"source": [publisher.SOURCE]}
        assert webhooks.SOURCE == publisher.SOURCE

    def test_only_the_rule_and_the_stack_may_send_to_the_queues_and_only_over_tls(self) -> None:
        for queue in ("WebhookQueue", "WebhookDeadLetters"):
            rule, tls = _properties(f"{queue}Policy")["PolicyDocument"]["Statement"]
            assert rule["Principal"] == {"Service": "events.amazonaws.com"}
            assert rule["Condition"] == {"ArnEquals": {"aws:SourceArn": {"Fn::GetAtt": ["WebhookRule", "Arn"]}}}
            assert (tls["Effect"], tls["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
        (tls,) = _properties("UntoldQueuePolicy")["PolicyDocument"]["Statement"]
        assert tls["Effect"] == "Deny"

    def test_what_fails_goes_to_the_dead_letters_for_two_weeks(self) -> None:
        redrive = _properties("WebhookQueue")["RedrivePolicy"]
        assert redrive["deadLetterTargetArn"] == {"Fn::GetAtt": ["WebhookDeadLetters", "Arn"]}
        assert redrive["maxReceiveCount"] == {"Ref": "WebhookAttempts"}
        (target,) = _properties("WebhookRule")["Targets"]
        assert target["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": ["WebhookDeadLetters", "Arn"]}}
        for queue in ("WebhookQueue", "WebhookDeadLetters", "UntoldQueue"):
            assert _properties(queue)["MessageRetentionPeriod"] == 14 * 24 * 3600
            assert _properties(queue)["SqsManagedSseEnabled"] is True

    def test_the_attempts_by_default_last_about_a_day(self) -> None:
        waits = [
            min(FIRST_SECONDS * 2**number, LONGEST_SECONDS) for number in range(int(DEFAULTS["WebhookAttempts"]) - 1)
        ]
        assert sum(waits) / 3600 == pytest.approx(24, abs=1)

    def test_an_attempt_ends_before_the_function_and_this_long_before_the_next_one(self) -> None:
        timeout = _properties("Sender")["Timeout"]
        assert timeout >= 1.5 * ATTEMPT_SECONDS
        assert _properties("WebhookQueue")["VisibilityTimeout"] >= 6 * timeout

    def test_one_slow_notification_holds_up_no_other_and_few_are_sent_at_once(self) -> None:
        source = _properties("SenderSource")
        assert source["BatchSize"] == 1
        assert source["ScalingConfig"] == {"MaximumConcurrency": 5}
        assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]

    def test_the_sender_may_use_its_queue_and_read_its_secret_and_nothing_else(self) -> None:
        statements = _statements("SenderRole")
        assert statements.keys() == {"queue", "dead-letters", "secret", "logs"}
        assert statements["secret"]["Action"] == ["ssm:GetParameter"]
        assert statements["secret"]["Resource"]["Fn::Sub"].endswith(":parameter/${AWS::StackName}/webhook-secret")
        assert statements["dead-letters"]["Action"] == ["sqs:SendMessage"]

    def test_the_secret_is_no_parameter_of_the_stack_and_no_variable(self) -> None:
        assert not [name for name in _TEMPLATE["Parameters"] if "ecret" in name]
        variables = _properties("Sender")["Environment"]["Variables"]
        assert variables["WEBHOOK_SECRET"] == {"Fn::Sub": "/${AWS::StackName}/webhook-secret"}


@pytest.mark.parametrize("name", _WORKERS)
def test_a_worker_runs_the_package_of_the_service_with_a_log_and_a_role_of_its_own(name: str) -> None:
    worker, service = _properties(name), _properties("Function")
    for shared in ("Code", "Runtime", "Architectures"):
        assert worker[shared] == service[shared]
    assert worker["LoggingConfig"]["LogGroup"] == {"Ref": f"{name}Log"}
    assert worker["Role"] == {"Fn::GetAtt": [f"{name}Role", "Arn"]}
    assert "*" not in str(_statements(f"{name}Role"))
    assert not {"ReservedConcurrentExecutions", "VpcConfig"} & worker.keys()


def test_no_function_on_aws_gets_an_endpoint_of_aws_by_the_template() -> None:
    """With one on the same machine, the sender would accept addresses inside the network."""
    assert "AWS_ENDPOINT_URL" not in json.dumps(_TEMPLATE)
