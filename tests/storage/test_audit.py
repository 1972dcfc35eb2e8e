"""The audit finds every way in which rule 10 can be broken."""

from typing import Any

import pytest

from storage import events, registrations, users
from storage.audit import audit
from storage.model import EventFields
from storage.tables import Tables


@pytest.fixture
def ledger(tables: Tables) -> Tables:
    """Make an event of two seats with four people: a and b have seats, c and d wait."""
    fields = EventFields(
        title="T", description="D", date="2030-05-01", location="L", capacity=2, organizer="O", has_waitlist=True
    )
    events.create(tables, "e", fields)
    for user_id in "abcd":
        users.create(tables, user_id, user_id)
        registrations.register(tables, "e", user_id)
    assert list(audit(tables)) == []
    return tables


SEATS = {"eventId": {"S": "e"}, "part": {"S": "SEATS"}}
QUEUE_HEAD = {"pk": {"S": "EVENT#e"}, "sk": {"S": "WAIT#000000000000"}}
REGISTRATION = {"pk": {"S": "EVENT#e"}, "sk": {"S": "USER#a"}}
POINTER = {"pk": {"S": "USER#a"}, "sk": {"S": "EVENT#e"}}


@pytest.mark.parametrize(
    ("attribute", "number", "finding"),
    [
        ("confirmed", 1, "counts 1 confirmed, the items are 2"),
        ("waitlisted", 3, "counts 3 waitlisted, the items are 2"),
        ("capacity", 1, "2 people are confirmed for 1 seats"),
        ("capacity", 3, "1 people wait beside a free seat"),
        ("nextSeq", 1, "nextSeq is 1, but that place is taken"),
    ],
)
def test_wrong_counters_are_found(ledger: Tables, attribute: str, number: int, finding: str) -> None:
    ledger.client.update_item(
        TableName="Events",
        Key=SEATS,
        UpdateExpression="SET #name = :number",
        ExpressionAttributeNames={"#name": attribute},
        ExpressionAttributeValues={":number": {"N": str(number)}},
    )
    assert finding in [violation.finding for violation in audit(ledger)]


@pytest.mark.parametrize(
    ("key", "finding"),
    [
        (QUEUE_HEAD, "the queue and the registrations do not agree on this place"),
        (REGISTRATION, "a pointer without its registration"),
        (POINTER, "a registration without pointer"),
    ],
    ids=["queue", "registration", "pointer"],
)
def test_missing_items_are_found(ledger: Tables, key: Any, finding: str) -> None:
    ledger.client.delete_item(TableName="Registrations", Key=key)
    assert finding in [violation.finding for violation in audit(ledger)]


def test_registrations_of_an_event_that_is_gone_are_found(ledger: Tables) -> None:
    ledger.client.delete_item(TableName="Events", Key=SEATS)
    findings = [violation.finding for violation in audit(ledger)]
    assert findings.count("belongs to an event that does not exist") == 6


@pytest.mark.parametrize(
    ("numbers", "findings"),
    [
        ("234", []),
        ("4", ["2 numbers from this on neither wait nor were left"]),
        ("3", ["1 numbers from this on neither wait nor were left"] * 2),
        ("", ["3 numbers from this on neither wait nor were left"]),
        ("0234", []),
        ("2345", ["number 5 was left, but never given"]),
        ("1234", ["number 1 was left, but waits"]),
    ],
    ids=["true", "a gap", "two gaps", "all missing", "below the head", "never given", "waits"],
)
def test_numbers_that_places_can_not_be_told_from_are_found(ledger: Tables, numbers: str, findings: list[str]) -> None:
    """Of the numbers 0 to 4, number 0 was promoted, 1 waits, and the others were left."""
    for user_id in "efg":
        users.create(ledger, user_id, user_id)
        registrations.register(ledger, "e", user_id)
    for user_id in "aefg":
        registrations.unregister(ledger, "e", user_id)
    assert list(audit(ledger)) == []
    key: Any = {"pk": {"S": "EVENT#e"}, "sk": {"S": "LEFT#0000000000"}}
    if numbers:
        ledger.client.put_item(TableName="Registrations", Item=key | {"numbers": {"NS": list(numbers)}})
    else:
        ledger.client.delete_item(TableName="Registrations", Key=key)
    assert [violation.finding for violation in audit(ledger)] == findings
