"""The function of the stream of Registrations on AWS Lambda: it tells a bus what happened.

It raises if the bus does not take everything, and Lambda then repeats the batch: what is told is told at least once.
"""

import json
import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

from handlers.webhooks.cloud_event import cloud_event
from storage.dynamodb.attributes import Item, unmarshal
from storage.dynamodb.bus import Bus, Entry
from storage.notifications import derive

#: The name that rules of the bus know the service by.
SOURCE: Final = "events-api"


def handler(event: Mapping[str, Any], _context: Any) -> None:
    """Tell what the records of a stream of DynamoDB, with new and old images, say about registrations.

    Raises:
        NotToldError: The bus did not take all of it.

    """
    _bus().tell(_entries(event["Records"]))


@cache
def _bus() -> Bus:
    return Bus(os.environ["BUS"], SOURCE)


def _entries(records: list[dict[str, Any]]) -> Iterator[Entry]:
    for record in records:
        change = record["dynamodb"]
        notification = derive(_image(change, "OldImage"), _image(change, "NewImage"))
        if notification is None:
            continue
        document = cloud_event(
            notification,
            event_id=record["eventID"],
            sequence=int(change["SequenceNumber"]),
            at=datetime.fromtimestamp(change["ApproximateCreationDateTime"], UTC),
        )
        subject = f"{document['source']} {document['subject']}"
        yield Entry(subject, document["type"], json.dumps(document, ensure_ascii=False))


def _image(change: Mapping[str, Any], name: str) -> Item | None:
    return unmarshal(change[name]) if name in change else None
