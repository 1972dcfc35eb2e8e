"""A notification is the document that the contract describes."""

from datetime import datetime, timedelta, timezone
from typing import Any

import jsonschema
import pytest

from handlers.contract import Contract
from handlers.webhooks.cloud_event import cloud_event
from storage.model import Registration
from storage.notifications import Kind, Notification

CAME, PROMOTED = "2030-01-01T00:00:00.000Z", "2030-01-02T00:00:00.000Z"
RECORDED = datetime(2030, 1, 3, 1, 2, 3, 456789, tzinfo=timezone(timedelta(hours=1)))

PLACE = Registration(event_id="e~@:+-.", user_id="ann@example.com", status="waitlisted", registered_at=CAME)
SEAT = Registration(
    event_id="e~@:+-.", user_id="ann@example.com", status="confirmed", registered_at=CAME, promoted_at=PROMOTED
)


def told(kind: Kind, registration: Registration, sequence: int = 7) -> dict[str, Any]:
    return dict(cloud_event(Notification(kind, registration), event_id="one", sequence=sequence, at=RECORDED))


def test_a_promotion_is_told_with_its_time() -> None:
    assert told("promoted", SEAT) == {
        "specversion": "1.0",
        "id": "one",
        "source": "/events/e~@:+-.",
        "type": "events-api.registration.promoted.v1",
        "subject": "ann@example.com",
        "time": PROMOTED,
        "datacontenttype": "application/json",
        "sequence": "0" * 39 + "7",
        "data": {
            "userId": "ann@example.com",
            "eventId": "e~@:+-.",
            "status": "confirmed",
            "registeredAt": CAME,
            "promotedAt": PROMOTED,
        },
    }


@pytest.mark.parametrize(
    ("kind", "registration", "time"),
    [
        ("confirmed", SEAT, CAME),
        ("waitlisted", PLACE, CAME),
        ("cancelled", SEAT, "2030-01-03T00:02:03.456Z"),
        ("promoted", PLACE, "2030-01-03T00:02:03.456Z"),
    ],
)
def test_the_time_is_the_registrations_own_or_that_of_the_record(
    kind: Kind, registration: Registration, time: str
) -> None:
    assert told(kind, registration)["time"] == time


@pytest.mark.parametrize("kind", ["confirmed", "waitlisted", "promoted", "cancelled"])
def test_every_kind_is_valid_by_the_contract(kind: Kind) -> None:
    contract = Contract()
    (content,) = contract.sent()
    schema = contract.resolve(content["schema"])
    document = told(kind, SEAT, sequence=10**39)
    jsonschema.validate(document, schema)
    assert document.keys() == schema["properties"].keys()
    assert datetime.fromisoformat(document["time"]).utcoffset() == timedelta(0)


def test_a_later_change_has_the_greater_sequence_as_text() -> None:
    sequences = [9, 10, 10**20, 10**39]
    texts = [told("confirmed", SEAT, sequence)["sequence"] for sequence in sequences]
    assert sorted(texts) == texts
