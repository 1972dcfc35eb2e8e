"""The text of each finding names the counts, numbers and attributes that the operator has to look at."""

import pytest

from storage.audit import audit, event
from storage.audit.findings import Kind, Violation
from storage.dynamodb.tables import Tables
from storage.items import details_key, seats_key
from tests.apparatus.corruptions import CORRUPTIONS, alter, drop, fill
from tests.apparatus.moto_store import fill_once

#: The texts of the findings after a corruption, in alphabetical order.
TEXTS = {
    "too few are counted as confirmed": ["confirmed is 1, but 2 registrations are confirmed"],
    "too many are counted as waiting": ["waitlisted is 3, but 2 registrations are waitlisted"],
    "more are confirmed than there are seats": ["2 registrations are confirmed, but the capacity is 1"],
    "a promotion of several was interrupted": ["2 people wait beside a free seat"],
    "the next number in the queue is taken": ["nextSeq is 1, but number 1 was given"],
    "the next number in the queue skips some": ["nextSeq is 9, but the last number given is 1"],
    "numbers that were left are lost": ["numbers without a place that are not recorded as left: 2, 3"],
    "the numbers of waiting users were left": [
        "number 0 is recorded as left, but has a place in the queue",
        "number 1 is recorded as left, but has a place in the queue",
    ],
    "the event of left numbers is gone": ["these numbers belong to the queue of an event that does not exist"],
    "a block of numbers is empty": ["damaged block of numbers: numbers is missing or not a set of integers"],
    "the capacity differs": ["SEATS differs from DETAILS in capacity"],
    "SEATS is gone": ["this event has no SEATS"],
    "SEATS has lost a counter": ["damaged SEATS: no valid confirmed"],
    "DETAILS is gone": ["this event has no DETAILS"],
    "DETAILS has lost its capacity": ["damaged DETAILS: no valid capacity"],
    "the event is gone": ["this item belongs to an event that does not exist"] * 6,
    "a pointer is gone": ["this registration has no pointer in the user's list"],
    "the registration of a waiting user is gone": [
        "no registration waits at this place in the queue",
        "this pointer in a user's list has no registration",
        "waitlisted is 2, but 1 registrations are waitlisted",
    ],
    "the user is gone": ["the user of this registration does not exist"],
    "the tail of the queue is gone": ["this user waits at number 1, but has no place in the queue"],
    "two wait at one place": [
        "no registration waits at this place in the queue",
        "this user waits at number 0, but the place there is another user's",
    ],
    "a registration has an unknown status": ["damaged registration: status is neither confirmed nor waitlisted"],
    "a registration has no registeredAt": ["damaged registration: registeredAt is missing"],
    "a confirmed registration has a number in the queue": ["damaged registration: it is confirmed, but has a seq"],
    "a user waits without a number": ["damaged registration: it is waitlisted without a valid seq"],
    "a place has no user": ["damaged place in the queue: userId is missing"],
    "an event has an unknown item": ["the service does not write such items"],
    "an item has an unknown key": ["the service does not write such items"],
}


@pytest.fixture
def tables(moto_tables: Tables, monkeypatch: pytest.MonkeyPatch) -> Tables:
    monkeypatch.setattr(event, "PATIENCE", 0)
    fill_once(moto_tables, fill)
    return moto_tables


def texts(tables: Tables) -> list[str]:
    return sorted(violation.finding for violation in audit(tables))


@pytest.mark.parametrize(("name", "expected"), TEXTS.items(), ids=TEXTS.keys())
def test_the_text_of_a_finding_names_what_is_wrong(tables: Tables, name: str, expected: list[str]) -> None:
    CORRUPTIONS[name].act(tables)
    assert texts(tables) == expected


def test_a_finding_lists_every_attribute_that_is_damaged_or_differs(tables: Tables) -> None:
    alter(tables, "Events", details_key("e"), capacity=9, status="cancelled")
    assert texts(tables) == ["SEATS differs from DETAILS in capacity, status"]
    alter(tables, "Events", seats_key("e"), confirmed=None, nextSeq=None)
    assert texts(tables) == ["damaged SEATS: no valid confirmed, nextSeq"]


def test_damaged_details_beside_no_seats_are_two_findings(tables: Tables) -> None:
    alter(tables, "Events", details_key("e"), capacity=None)
    drop(tables, "Events", seats_key("e"))
    assert texts(tables) == ["damaged DETAILS: no valid capacity", "this event has no SEATS"]


def test_a_violation_is_one_line_for_people_and_an_object_for_machines() -> None:
    violation = Violation("Events", seats_key("e"), Kind.OVERSOLD, "2 are confirmed")
    assert str(violation) == 'Events {"eventId": "e", "part": "SEATS"} oversold: 2 are confirmed'
    assert violation.as_dict() == {
        "table": "Events",
        "key": {"eventId": "e", "part": "SEATS"},
        "kind": "oversold",
        "finding": "2 are confirmed",
    }
