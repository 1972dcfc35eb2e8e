"""Messages of queues of SQS."""

from storage.dynamodb.services import client


def postpone(queue_url: str, receipt: str, seconds: int) -> None:
    """Let a message that was received appear again after `seconds`, which are twelve hours at most."""
    client("sqs").change_message_visibility(QueueUrl=queue_url, ReceiptHandle=receipt, VisibilityTimeout=seconds)


def send(queue_url: str, body: str) -> None:
    """Put a message into a queue."""
    client("sqs").send_message(QueueUrl=queue_url, MessageBody=body)
