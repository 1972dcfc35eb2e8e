"""Notifications: the stream of Registrations, a function that derives what it tells, and a bus that others listen to.

The service writes nothing for them: the table is the only truth, and DynamoDB has a stream of its changes.
"""

import json
from typing import Any, Final

from troposphere import AWSHelperFn, GetAtt, If, Output, Ref, Sub, Template, awslambda
from troposphere.events import EventBus

from cfn.template.conditions import NOTIFICATIONS_ARE_ON, table_is_new
from cfn.template.queues import add_queue
from cfn.template.tables import LOGICAL_IDS, NAME_PARAMETERS
from cfn.template.workers import Worker, add_worker

#: The keys of registrations; of four items that a registration changes, it is the only one that tells anything.
FILTER: Final[dict[str, Any]] = {
    "dynamodb": {"Keys": {"pk": {"S": [{"prefix": "EVENT#"}]}, "sk": {"S": [{"prefix": "USER#"}]}}}
}
#: DynamoDB keeps a change for 24 hours. After six, what can't be told goes to the queue, which leaves 18 hours to send
#: it again from there; no number of attempts ends earlier, as it would take minutes.
_AGE_SECONDS: Final = 6 * 3600
_ATTEMPTS: Final = 10_000


_BROUGHT_STREAM: Final = (
    "arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:"
    f"table/${{{NAME_PARAMETERS['Registrations']}}}/stream/${{RegistrationsStream}}"
)


def add_notifications(template: Template) -> None:
    """Add the bus, the publisher, and the queue of what it could not tell."""
    template.add_resource(EventBus("Bus", Condition=NOTIFICATIONS_ARE_ON, Name=Ref("AWS::StackName")))
    queue = add_queue(template, "UntoldQueue", NOTIFICATIONS_ARE_ON)
    add_worker(
        template,
        Worker(
            name="Publisher",
            condition=NOTIFICATIONS_ARE_ON,
            description="Tells the bus what happened to registrations",
            handler="handlers.webhooks.publisher.handler",
            timeout_seconds=60,
            variables={"BUS": Ref("Bus")},
            allowed={
                "stream": _allow(
                    ["DescribeStream", "GetRecords", "GetShardIterator", "ListStreams"], "dynamodb", stream_arn()
                ),
                "bus": _allow(["PutEvents"], "events", GetAtt("Bus", "Arn")),
                "untold": _allow(["SendMessage"], "sqs", GetAtt(queue, "Arn")),
            },
        ),
    )
    template.add_resource(_mapping())
    template.add_output(
        Output(
            "BusArn",
            Condition=NOTIFICATIONS_ARE_ON,
            Description="Bus of the notifications; rules of your own may listen to it",
            Value=GetAtt("Bus", "Arn"),
        )
    )


def stream_arn() -> AWSHelperFn:
    """Return the ARN of the stream of the table Registrations that the stack uses."""
    return If(
        table_is_new("Registrations"),
        GetAtt(LOGICAL_IDS["Registrations"], "StreamArn"),
        Sub(_BROUGHT_STREAM),
    )


def _mapping() -> awslambda.EventSourceMapping:
    return awslambda.EventSourceMapping(
        "PublisherSource",
        Condition=NOTIFICATIONS_ARE_ON,
        FunctionName=Ref("Publisher"),
        EventSourceArn=stream_arn(),
        # From the first change on: a stream of this stack begins with it.
        StartingPosition="TRIM_HORIZON",
        FilterCriteria=awslambda.FilterCriteria(
            Filters=[awslambda.Filter(Pattern=json.dumps(FILTER, separators=(",", ":")))]
        ),
        BatchSize=100,
        # One batch of a shard at a time is enough: DynamoDB splits a shard long before its changes outrun the bus.
        ParallelizationFactor=1,
        BisectBatchOnFunctionError=True,
        MaximumRetryAttempts=_ATTEMPTS,
        MaximumRecordAgeInSeconds=_AGE_SECONDS,
        DestinationConfig=awslambda.DestinationConfig(
            OnFailure=awslambda.OnFailure(Destination=GetAtt("UntoldQueue", "Arn"))
        ),
    )


def _allow(actions: list[str], service: str, resource: AWSHelperFn) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": [f"{service}:{action}" for action in actions], "Resource": resource}
