"""Queues: encrypted, reached over TLS only, and of what failed for two weeks."""

from typing import Any, Final

from troposphere import GetAtt, Ref, Template
from troposphere.sqs import Queue, QueuePolicy

from cfn.template.role import document

#: The longest time that SQS keeps a message, in seconds.
_TWO_WEEKS: Final = 14 * 24 * 3600


def add_queue(
    template: Template, name: str, condition: str, *, senders: dict[str, Any] | None = None, **properties: Any
) -> Queue:
    """Add a queue, and its policy; `senders` is a statement, without resource, of who else may send to it."""
    queue = template.add_resource(
        Queue(
            name,
            Condition=condition,
            MessageRetentionPeriod=_TWO_WEEKS,
            SqsManagedSseEnabled=True,
            DeletionPolicy="Delete",
            UpdateReplacePolicy="Delete",
            **properties,
        )
    )
    arn = GetAtt(queue, "Arn")
    only_tls = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "sqs:*",
        "Resource": arn,
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    others = [{"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": arn, **senders}] if senders else []
    template.add_resource(
        QueuePolicy(
            f"{name}Policy", Condition=condition, Queues=[Ref(queue)], PolicyDocument=document(*others, only_tls)
        )
    )
    return queue
