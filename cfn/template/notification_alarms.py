"""The alarms of notifications and webhooks: what is told late, and what waits for somebody to send it again."""

from typing import Any

from troposphere import GetAtt, Ref, Template

from cfn.template.alarms import of_metric, watch
from cfn.template.conditions import NOTIFICATIONS_ARE_WATCHED, WEBHOOKS_ARE_WATCHED

#: Age in milliseconds of a change when the publisher reads it, above which people are told too late.
_LATE = 300_000


def add_notification_alarms(template: Template) -> None:
    """Add the alarms."""
    publisher = {"FunctionName": Ref("Publisher")}
    for alarm in (
        watch(
            "NotificationsLate",
            "What happens is told more than five minutes later.",
            condition=NOTIFICATIONS_ARE_WATCHED,
            **of_metric("AWS/Lambda", "IteratorAge", publisher),
            **_above(_LATE),
        ),
        watch(
            "NotificationsUntold",
            "What happened can't be told; DynamoDB forgets it 24 hours after it happened.",
            condition=NOTIFICATIONS_ARE_WATCHED,
            **_waiting("UntoldQueue"),
        ),
        watch(
            "WebhooksFailed",
            "Webhooks could not be delivered.",
            condition=WEBHOOKS_ARE_WATCHED,
            **_waiting("WebhookDeadLetters"),
        ),
    ):
        template.add_resource(alarm)


def _waiting(queue: str) -> dict[str, Any]:
    found = of_metric("AWS/SQS", "ApproximateNumberOfMessagesVisible", {"QueueName": GetAtt(queue, "QueueName")})
    return {**found, **_above(0)}


def _above(threshold: int) -> dict[str, Any]:
    return {"Statistic": "Maximum", "Threshold": threshold, "EvaluationPeriods": 1}
