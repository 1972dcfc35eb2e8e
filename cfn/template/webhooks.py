"""Webhooks: a rule on the bus, a queue, and a function that sends what is in it to `WebhookUrl`."""

from typing import Any, Final

from troposphere import GetAtt, Ref, Sub, Template, awslambda
from troposphere.events import DeadLetterConfig, Rule, Target
from troposphere.sqs import RedrivePolicy

from cfn.template.conditions import WEBHOOKS_ARE_ON
from cfn.template.queues import add_queue
from cfn.template.workers import Worker, add_worker

#: What the publisher names as the source of everything that it tells.
SOURCE: Final = "events-api"
#: A delivery takes 15 seconds at most. AWS recommends six times the timeout before another attempt may begin.
_TIMEOUT_SECONDS: Final = 30
#: Deliveries at once: they protect the receiver from the crowd of a hot event.
_AT_ONCE: Final = 5
_SECRET: Final = "${AWS::StackName}/webhook-secret"  # noqa: S105 - its name


class _ScalingConfig(awslambda.ScalingConfig):  # type: ignore[misc] # troposphere comes without types
    """Adds `MaximumConcurrency`, which troposphere 4.11 lost to another property of the same name."""

    props: dict[str, Any] = {"MaximumConcurrency": (int, False)}  # noqa: RUF012 - as in the library


def add_webhooks(template: Template) -> None:
    """Add the rule, the queue with its dead letters, and the sender."""
    from_the_rule = {
        "Principal": {"Service": "events.amazonaws.com"},
        "Condition": {"ArnEquals": {"aws:SourceArn": GetAtt("WebhookRule", "Arn")}},
    }
    dead = add_queue(template, "WebhookDeadLetters", WEBHOOKS_ARE_ON, senders=from_the_rule)
    queue = add_queue(
        template,
        "WebhookQueue",
        WEBHOOKS_ARE_ON,
        senders=from_the_rule,
        VisibilityTimeout=6 * _TIMEOUT_SECONDS,
        RedrivePolicy=RedrivePolicy(deadLetterTargetArn=GetAtt(dead, "Arn"), maxReceiveCount=Ref("WebhookAttempts")),
    )
    template.add_resource(
        Rule(
            "WebhookRule",
            Condition=WEBHOOKS_ARE_ON,
            Description="Leads every notification to the queue of the webhooks",
            EventBusName=Ref("Bus"),
            EventPattern={"source": [SOURCE]},
            Targets=[
                Target(
                    Id="webhooks",
                    Arn=GetAtt(queue, "Arn"),
                    DeadLetterConfig=DeadLetterConfig(Arn=GetAtt(dead, "Arn")),
                )
            ],
        )
    )
    add_worker(template, _sender())
    template.add_resource(
        awslambda.EventSourceMapping(
            "SenderSource",
            Condition=WEBHOOKS_ARE_ON,
            FunctionName=Ref("Sender"),
            EventSourceArn=GetAtt(queue, "Arn"),
            # A receiver that is slow for one notification holds up no other.
            BatchSize=1,
            ScalingConfig=_ScalingConfig(MaximumConcurrency=_AT_ONCE),
            FunctionResponseTypes=["ReportBatchItemFailures"],
        )
    )


def _sender() -> Worker:
    return Worker(
        name="Sender",
        condition=WEBHOOKS_ARE_ON,
        description="Sends notifications as signed webhooks",
        handler="handlers.webhooks.sender.handler",
        timeout_seconds=_TIMEOUT_SECONDS,
        variables={
            "WEBHOOK_URL": Ref("WebhookUrl"),
            "WEBHOOK_SECRET": Sub(f"/{_SECRET}"),
            "WEBHOOK_QUEUE": Ref("WebhookQueue"),
            "WEBHOOK_DEAD_LETTERS": Ref("WebhookDeadLetters"),
        },
        allowed={
            "queue": _allow(
                "WebhookQueue", ["ChangeMessageVisibility", "DeleteMessage", "GetQueueAttributes", "ReceiveMessage"]
            ),
            "dead-letters": _allow("WebhookDeadLetters", ["SendMessage"]),
            # Its key is that of AWS, which everybody may use who may read the parameter.
            "secret": {
                "Effect": "Allow",
                "Action": ["ssm:GetParameter"],
                "Resource": Sub(
                    "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter/" + _SECRET,
                ),
            },
        },
    )


def _allow(queue: str, actions: list[str]) -> dict[str, Any]:
    return {
        "Effect": "Allow",
        "Action": [f"sqs:{action}" for action in actions],
        "Resource": GetAtt(queue, "Arn"),
    }
