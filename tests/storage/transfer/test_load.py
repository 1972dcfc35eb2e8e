"""A file can't break a rule: a line that would is refused with the reason, and the tables stay right."""

import io
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from storage import events, registrations, user_deletion, users
from storage.audit import audit
from storage.dynamodb.tables import Tables
from storage.errors import UserNotFound
from storage.transfer.form import MAX_LINE, FormError
from storage.transfer.load import lines_of
from tests.apparatus.registered import state
from tests.apparatus.rival import before_call
from tests.apparatus.transfers import (
    confirmed,
    content,
    documents,
    event,
    exported,
    fields,
    file,
    imported,
    user,
    waitlisted,
)

FULL = [event(), confirmed("a"), confirmed("b"), waitlisted("d"), waitlisted("c")]


def refusals(tables: Tables, *objects: dict[str, Any]) -> dict[int, str]:
    """Import a file with these objects from line 8, and return the reasons of the lines that were refused."""
    _, refused = imported(tables, content(file(*objects)))
    assert list(audit(tables)) == []
    return refused


def test_seats_and_the_queue_are_as_in_the_file(moto_tables: Tables) -> None:
    assert refusals(moto_tables, *FULL) == {}
    assert state(moto_tables) == ("ab", "dc")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ({"type": "users"}, "type is none of user, event, registration, end"),
        ({"type": ["user"]}, "type is none of"),
        ({}, "type is none of"),
        ({"type": "user", "userId": "g", "name": "G"}, "lacks createdAt"),
        (user("g", password="x"), 'has an unknown property "password"'),
        (user("g") | {"\x1b[2J": 1}, r'has an unknown property "\u001b[2J"'),
        (user("g", name=1), "name is not a string"),
        (user("g", name=None), "name is not a string"),
        (user("g", name=" "), "name: has characters that it may not have"),
        (user("g", name="x" * 201), "name: String should have at most 200 characters"),
        (user("g", name="\ud800"), "name: "),
        (user("g/h"), "userId: has characters that it may not have"),
        (user("..", name="G"), "userId: "),
        (user("g", createdAt="yesterday"), "createdAt: It is not a day."),
        (event("f", capacity=0), "capacity: Input should be greater than or equal to 1"),
        (event("f", capacity=10**30), "capacity: Input should be less than or equal to 100000"),
        (event("f", capacity=True), "capacity is not an integer"),
        (event("f", capacity=2.5), "capacity is not an integer"),
        (event("f", capacity="2"), "capacity is not an integer"),
        (event("f", hasWaitlist="yes"), "hasWaitlist is not true or false"),
        (event("f", status="open"), "status is none of active, scheduled"),
        (event("f", version="1"), "version: "),
        (event("f", date="2030-02-30"), "date: "),
        (event("f", owner=7), "owner is not a string"),
        (event("f", owner=None), "owner is not a string"),
        (event("f", owner=""), "owner is not 1 to 100 visible characters of ASCII"),
        (event("f", owner="\ud800"), "owner is not 1 to 100 visible characters of ASCII"),
        (user("g", owner="ann"), 'has an unknown property "owner"'),
        (event("f", confirmedCount=7), 'has an unknown property "confirmedCount"'),
        (confirmed("a", status="declined"), "status is none of confirmed, waitlisted"),
        (confirmed("a", registeredAt=""), "registeredAt: "),
        ({"type": "end", "users": 6, "events": "1", "registrations": 0}, "events is not an integer"),
        ({"type": "events-api", "format": 1}, "type is none of"),
    ],
    ids=str,
)
def test_a_line_that_is_not_of_the_form_is_refused(moto_tables: Tables, line: dict[str, Any], reason: str) -> None:
    refused = refusals(moto_tables, line)
    assert refused.keys() - {9} == {8}  # The end may count the line, or not.
    assert refused[8].startswith(reason)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"nonsense", "is not JSON, or was cut off"),
        (b'{"type": "user", "userId": "g", "na', "is not JSON, or was cut off"),
        (b"\xff", "is not UTF-8 at byte 1"),
        (b"[]", "is not a JSON object"),
        (b"[" * 60_000, "is nested too deeply"),
        (b'{"type": "user", "type": "user"}', "has two properties of the same name"),
        (b'{"a": ' + b"9" * 5_000 + b"}", "is not JSON, or was cut off"),
        (b'{"name": "' + b"x" * MAX_LINE + b'"}', "is longer than 65,536 bytes"),
        (b"x" * 10 * MAX_LINE, "is longer than 65,536 bytes"),
    ],
    ids=lambda value: str(value[:30]),
)
def test_a_line_that_is_not_json_is_refused(moto_tables: Tables, raw: bytes, reason: str) -> None:
    lines = content(file(event())).splitlines()
    loaded, refused = imported(moto_tables, b"\n".join([*lines[:3], raw, *lines[3:-1], lines[-1]]))
    assert {number: why for number, why in refused.items() if number != len(lines) + 1} == {4: reason}
    assert loaded.written == {"user": 6, "event": 1}
    assert list(audit(moto_tables)) == []


@pytest.mark.parametrize(
    ("first", "reason"),
    [
        (b"", "not an export"),
        (b"\xef\xbb\xbf{}", "not an export"),
        (b'{"events": []}', "not an export"),
        (b'{"type": "events-api", "format": 2}', "not that of format 1"),
    ],
)
def test_a_file_that_is_not_an_export_is_refused_as_a_whole(moto_tables: Tables, first: bytes, reason: str) -> None:
    with pytest.raises(FormError, match=reason):
        imported(moto_tables, first + b"\n" + content(file()[1:]))
    with pytest.raises(FormError, match=reason):
        imported(moto_tables, first)
    assert moto_tables.client.scan(TableName="Users")["Items"] == []


def test_lines_of_any_length_take_little_memory() -> None:
    longest = max(map(len, lines_of(io.BytesIO(b"a\n" + b"x" * 1_000_000 + b"\nb"))))
    assert longest <= MAX_LINE + 2
    assert list(lines_of(io.BytesIO(b"a\r\n\n" + b"x" * 3 * MAX_LINE + b"\nb")))[-1] == b"b"


@pytest.mark.parametrize(
    ("lines", "reasons", "expected"),
    [
        ([*FULL, confirmed("e")], {13: "people wait already"}, ("ab", "dc")),
        (
            [event(), confirmed("a"), confirmed("b"), confirmed("c")],
            {11: "no seat is free; the capacity is 2"},
            ("ab", ""),
        ),
        ([event(), confirmed("a"), waitlisted("b")], {10: "a seat is free"}, ("a", "")),
        ([event(), waitlisted("b")], {9: "a seat is free"}, ("", "")),
        ([*FULL, confirmed("a")], {}, ("ab", "dc")),
        ([*FULL, waitlisted("c")], {}, ("ab", "dc")),
        ([*FULL, waitlisted("a")], {}, ("ab", "dc")),
        ([*FULL, confirmed("d")], {13: "is registered already, in another way"}, ("ab", "dc")),
        ([*FULL, confirmed("a", registeredAt="2031-01-01T00:00:00Z")], {13: "is registered already"}, ("ab", "dc")),
        (
            [event(), confirmed("a"), confirmed("nobody"), confirmed("b")],
            {10: '"nobody" does not'},
            ("ab", ""),
        ),
        ([confirmed("a"), event()], {8: "does not stand behind the line of its event"}, ("", "")),
        ([event(), confirmed("a", "other")], {9: "does not stand behind"}, ("", "")),
        ([event(), confirmed("a"), user("g"), confirmed("b")], {11: "does not stand behind"}, ("a", "")),
        ([*FULL, *FULL], {}, ("ab", "dc")),
        (
            [*FULL, event(capacity=3), confirmed("e")],
            {13: "id is taken", 14: "its event was"},
            ("ab", "dc"),
        ),
        ([*FULL, user("a", name="Other")], {13: "the id is taken, with other values"}, ("ab", "dc")),
        ([event(status="cancelled"), confirmed("a"), waitlisted("d")], {}, ("a", "d")),
        ([event(hasWaitlist=False), confirmed("a"), confirmed("b"), waitlisted("d")], {}, ("ab", "d")),
        ([event(status="completed", capacity=1), confirmed("a"), confirmed("b")], {10: "no seat is free"}, ("a", "")),
    ],
    ids=range(19),
)
def test_a_registration_that_a_rule_does_not_allow_is_refused(
    moto_tables: Tables, lines: list[dict[str, Any]], reasons: dict[int, str], expected: tuple[str, str]
) -> None:
    refused = refusals(moto_tables, *lines)
    assert refused.keys() == reasons.keys()
    for number, reason in reasons.items():
        assert reason in refused[number]
    assert state(moto_tables) == expected


def test_behind_a_line_that_was_refused_nobody_joins_the_queue_until_it_is_corrected(moto_tables: Tables) -> None:
    wrong = [event(), confirmed("a"), confirmed("b", status=""), waitlisted("d"), waitlisted("c")]
    assert list(refusals(moto_tables, *wrong)) == [10, 11, 12]
    assert state(moto_tables) == ("a", "")
    assert refusals(moto_tables, *FULL) == {}
    assert state(moto_tables) == ("ab", "dc")


def test_the_order_of_the_queue_survives_a_line_in_it_that_is_corrected_later(moto_tables: Tables) -> None:
    wrong = [event(), confirmed("a"), confirmed("b"), waitlisted("nobody"), waitlisted("c"), waitlisted("d")]
    refused = refusals(moto_tables, *wrong)
    assert list(refused) == [11, 12, 13]
    assert "an earlier line of this event was refused" in refused[12]
    assert refusals(moto_tables, *FULL) == {}
    assert state(moto_tables) == ("ab", "dc")


def test_after_a_promotion_the_same_import_takes_no_seat_from_anybody(moto_tables: Tables) -> None:
    refusals(moto_tables, *FULL)
    registrations.unregister(moto_tables, "e", "a")
    assert state(moto_tables) == ("bd", "c")
    refused = refusals(moto_tables, *FULL)
    assert refused == {9: "people wait already; those with a seat stand before the queue"}
    assert state(moto_tables) == ("bd", "c")


def test_an_event_that_was_changed_since_is_left_as_it_is_with_its_registrations(moto_tables: Tables) -> None:
    refusals(moto_tables, *FULL)
    events.update(moto_tables, "e", {"capacity": 5})
    refused = refusals(moto_tables, *FULL)
    assert list(refused) == [8, 9, 10, 11, 12]
    assert state(moto_tables) == ("abcd", "")


def test_what_exists_is_never_overwritten(moto_tables: Tables) -> None:
    users.create(moto_tables, "a", "Another A")
    events.create(moto_tables, "e", fields(7))
    before = events.get(moto_tables, "e")
    refused = refusals(moto_tables, *FULL)
    assert refused[2] == "the id is taken, with other values; nothing is overwritten"
    assert list(refused) == [2, 8, 9, 10, 11, 12]
    assert (users.get(moto_tables, "a").name, events.get(moto_tables, "e")) == ("Another A", before)


def test_a_file_without_its_end_is_imported_as_far_as_it_goes_and_reported(moto_tables: Tables) -> None:
    whole = content(file(*FULL))
    loaded, refused = imported(moto_tables, whole[: whole.rindex(b"{") - 20])
    assert refused == {
        12: "is not JSON, or was cut off",
        13: "the file ends early: its last line, with the numbers, is missing",
    }
    assert loaded.written == {"user": 6, "event": 1, "registration": 3}
    assert list(audit(moto_tables)) == []
    assert imported(moto_tables, whole)[1] == {}
    assert state(moto_tables) == ("ab", "dc")


def test_lines_that_are_missing_or_stand_behind_the_end_are_reported(moto_tables: Tables) -> None:
    lines = file(*FULL)
    _, refused = imported(moto_tables, content([*lines[:3], *lines[4:], user("g"), lines[-1]]))
    assert refused == {
        11: 'the user "c" does not exist',
        12: "11 lines should be between the first one and this, not 10",
        13: "stands behind the end of the export",
        14: "stands behind the end of the export",
    }


def test_empty_lines_and_line_ends_of_other_systems_are_no_obstacle(moto_tables: Tables) -> None:
    loaded, refused = imported(moto_tables, content(file(*FULL)).replace(b"\n", b"\r\n\r\n"))
    assert refused == {}
    assert loaded.written == Counter(user=6, event=1, registration=4)


def test_a_queue_longer_than_a_transaction_keeps_its_order(moto_tables: Tables) -> None:
    people = [f"u{(7 * number) % 60:02d}" for number in range(60)]
    lines = [*map(user, people), event(capacity=35), *map(confirmed, people[:35]), *map(waitlisted, people[35:])]
    assert refusals(moto_tables, *lines) == {}
    queue = moto_tables.query("Registrations", "#pk = :pk AND begins_with(#sk, :w)", {"pk": "EVENT#e", "w": "WAIT#"})
    assert [place["userId"] for place in queue] == people[35:]
    assert [place["sk"] for place in queue][-1] == "WAIT#000000000024"


def test_a_user_who_is_leaving_stays_so(moto_tables: Tables) -> None:
    leaving = user("z", leaving="2030-01-01T00:00:00.000Z#00")
    assert refusals(moto_tables, leaving, event(), confirmed("z")) == {}
    with pytest.raises(UserNotFound):
        users.get(moto_tables, "z")
    assert leaving in documents(exported(moto_tables))
    user_deletion.delete(moto_tables, "z")
    assert state(moto_tables) == ("", "")
    assert list(audit(moto_tables)) == []


def test_a_registration_of_a_user_who_is_leaving_is_imported_and_taken_back(moto_tables: Tables) -> None:
    """The deletion of the user would miss it, if the user's item did not name the event."""
    refusals(moto_tables, event())

    def restore() -> None:
        imported(moto_tables, content(file(event(), confirmed("a"))), alone=False)
        assert state(moto_tables) == ("a", "")

    with before_call(moto_tables, "TransactWriteItems", 2, restore):
        user_deletion.delete(moto_tables, "a")

    assert state(moto_tables) == ("", "")
    assert list(audit(moto_tables)) == []


def test_people_of_many_events_are_imported_beside_others(moto_tables: Tables) -> None:
    objects = [it for number in range(20) for it in (event(f"e{number:02}"), *map(confirmed_at(number), "ab"))]
    _, refused = imported(moto_tables, content(file(*objects)), alone=False)
    assert refused == {}
    assert list(audit(moto_tables)) == []


def confirmed_at(number: int) -> Callable[[str], dict[str, Any]]:
    """Return a function that returns the line of a user with a seat at an event."""
    return lambda user_id: confirmed(user_id, f"e{number:02}")
