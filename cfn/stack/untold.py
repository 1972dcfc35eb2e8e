"""Reads changes that the publisher could not tell from the stream of the table, which keeps them for 24 hours."""

from typing import Any

from cfn.errors import CommandError
from cfn.stack.aws import Aws


def read_changes(aws: Aws, batch: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the records of a batch, whose place Lambda noted, in the form in which Lambda hands them over.

    Raises:
        CommandError: The stream does not have them any more.

    """
    streams = aws.client("dynamodbstreams")
    last = int(batch["endSequenceNumber"])
    try:
        iterator = streams.get_shard_iterator(
            StreamArn=batch["streamArn"],
            ShardId=batch["shardId"],
            ShardIteratorType="AT_SEQUENCE_NUMBER",
            SequenceNumber=batch["startSequenceNumber"],
        )["ShardIterator"]
        found: list[dict[str, Any]] = []
        while iterator:
            page = streams.get_records(ShardIterator=iterator)
            found += [_as_event(record) for record in page["Records"] if _number(record) <= last]
            # An open shard has a next page for ever.
            done = not page["Records"] or _number(page["Records"][-1]) >= last
            iterator = None if done else page.get("NextShardIterator")
    except (streams.exceptions.TrimmedDataAccessException, streams.exceptions.ResourceNotFoundException) as error:
        raise CommandError(
            f"DynamoDB has forgotten {batch['batchSize']} changes since {batch['approximateArrivalOfFirstRecord']}: "
            "cfn/README.md#notificationsuntold says what to do."
        ) from error
    return found


def _number(record: dict[str, Any]) -> int:
    return int(record["dynamodb"]["SequenceNumber"])


def _as_event(record: dict[str, Any]) -> dict[str, Any]:
    change = record["dynamodb"]
    seconds = change["ApproximateCreationDateTime"].timestamp()
    return {**record, "dynamodb": {**change, "ApproximateCreationDateTime": seconds}}
