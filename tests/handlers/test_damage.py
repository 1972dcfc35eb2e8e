"""Damage in the tables is called damage: 500, a line in the log with the place and the command, and soon."""

import time
from typing import Any

import pytest

from storage.dynamodb.attributes import Key, marshal
from storage.dynamodb.tables import Tables
from storage.items import details_key, queue_key, registration_key, seats_key, user_key
from tests.apparatus.client import Client

AUDIT = "run `python -m storage audit` with --data, --store or --stack"


@pytest.fixture
def full(client: Client) -> Client:
    """Make an event of one seat, which `ada` has; `grace` and `zoe` wait."""
    client.create_event(eventId="conf", capacity=1, hasWaitlist=True)
    client.create_users("ada", "grace", "zoe")
    for user_id in ("ada", "grace", "zoe"):
        client.register("conf", user_id)
    return client


def remove(tables: Tables, table: str, key: Key, attribute: str | None = None) -> None:
    """Remove an item, or an attribute of it, as a person with a console would."""
    if attribute is None:
        tables.client.delete_item(TableName=tables.names[table], Key=marshal(key))
        return
    tables.client.update_item(
        TableName=tables.names[table],
        Key=marshal(key),
        UpdateExpression="REMOVE #name",
        ExpressionAttributeNames={"#name": attribute},
    )


@pytest.mark.parametrize(
    ("key", "attribute", "text"),
    [
        (details_key("conf"), None, "Events conf has no DETAILS"),
        (seats_key("conf"), None, "Events conf has no SEATS"),
        (seats_key("conf"), "version", "Events conf has DETAILS and SEATS of different versions"),
        (details_key("conf"), "title", "Events conf DETAILS lacks 'title'"),
        (seats_key("conf"), "capacity", "Events conf SEATS lacks 'capacity'"),
    ],
)
@pytest.mark.parametrize("method", ["get", "put"])
def test_a_damaged_event_is_500_soon_and_named_in_the_log(  # noqa: PLR0913 - fixtures and cases
    full: Client, moto_tables: Tables, log_lines: Any, method: str, key: Key, attribute: str | None, text: str
) -> None:
    remove(moto_tables, "Events", key, attribute)
    log_lines()
    start = time.monotonic()
    answer = full.get("/events/conf") if method == "get" else full.put("/events/conf", json={"title": "Other"})
    assert time.monotonic() - start < 4, "not the time for retries of a conflict"
    assert answer.status_code == 500
    assert "conf" not in answer.json()["detail"]
    damage, _request = log_lines()
    assert (damage["level"], damage["message"]) == ("ERROR", f"{text}; {AUDIT}")


def test_a_damaged_user_is_500_and_not_named_in_the_log(full: Client, moto_tables: Tables, log_lines: Any) -> None:
    remove(moto_tables, "Users", user_key("ada"), "name")
    log_lines()
    assert full.get("/users/ada").status_code == 500
    assert log_lines()[0]["message"] == f"Users … lacks 'name'; {AUDIT}"


def test_one_damaged_registration_does_not_take_a_list_away(full: Client, moto_tables: Tables, log_lines: Any) -> None:
    remove(moto_tables, "Registrations", registration_key("conf", "ada"), "registeredAt")
    log_lines()
    listed = full.get("/events/conf/registrations").json()["registrations"]
    assert [entry["userId"] for entry in listed] == ["grace", "zoe"]
    assert log_lines()[0]["message"] == (
        f"left out of a list: Registrations EVENT#conf USER#… lacks 'registeredAt'; {AUDIT}"
    )
    assert full.get("/events/conf/registrations/ada").status_code == 500


def test_a_damaged_place_does_not_take_the_queue_away(full: Client, moto_tables: Tables) -> None:
    remove(moto_tables, "Registrations", {"pk": "EVENT#conf", "sk": "WAIT#000000000000"}, "registeredAt")
    listed = full.get("/events/conf/registrations?status=waitlisted").json()["registrations"]
    assert [(entry["userId"], entry["waitlistPosition"]) for entry in listed] == [("zoe", 2)]


def test_one_damaged_event_takes_neither_the_calendar_nor_a_users_list_away(full: Client, moto_tables: Tables) -> None:
    full.create_event(eventId="other")
    full.register("other", "ada")
    remove(moto_tables, "Events", details_key("conf"), "title")
    assert [event["eventId"] for event in full.get("/events").json()["events"]] == ["other"]
    listed = full.get("/users/ada/registrations").json()["registrations"]
    assert [entry["eventId"] for entry in listed] == ["other"]
    remove(moto_tables, "Registrations", registration_key("other", "ada"), "registeredAt")
    assert full.get("/users/ada/registrations").json()["registrations"] == []


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/events/conf/registrations", {"userId": "alan"}),
        ("DELETE", "/events/conf/registrations/ada", None),
        ("DELETE", "/events/conf/registrations/zoe", None),
        ("DELETE", "/events/conf", None),
        ("GET", "/events/conf/registrations?status=confirmed", None),
    ],
)
def test_an_event_without_seats_is_not_called_missing(  # noqa: PLR0913 - fixtures and cases
    full: Client, moto_tables: Tables, log_lines: Any, method: str, path: str, body: Any
) -> None:
    full.create_users("alan")
    if method == "GET":
        remove(moto_tables, "Registrations", registration_key("conf", "ada"))
        for user_id in ("grace", "zoe"):
            remove(moto_tables, "Registrations", registration_key("conf", user_id))
    remove(moto_tables, "Events", seats_key("conf"))
    assert full.request(method, path, json=body).status_code == 500
    damage, _request = log_lines()[-2:]
    assert damage["message"] == f"Events conf has no SEATS; {AUDIT}"
    assert moto_tables.get("Events", seats_key("conf")) is None, "nothing is made up in its place"


DAMAGED_HEADS = pytest.mark.parametrize(
    ("key", "attribute", "text"),
    [
        (registration_key("conf", "grace"), None, "WAIT#000000000000 has no registration"),
        (registration_key("conf", "grace"), "seq", "WAIT#000000000000 has a registration with another number"),
        (queue_key("conf", 0), "userId", "WAIT#… lacks 'userId'"),
    ],
    ids=["no registration", "another number", "nobody's place"],
)


@DAMAGED_HEADS
def test_a_seat_that_a_damaged_queue_can_not_take_is_kept_and_answered_500_soon(  # noqa: PLR0913 - fixtures and cases
    full: Client, moto_tables: Tables, log_lines: Any, key: Key, attribute: str | None, text: str
) -> None:
    remove(moto_tables, "Registrations", key, attribute)
    log_lines()
    start = time.monotonic()
    answer = full.delete("/events/conf/registrations/ada")
    assert time.monotonic() - start < 4, "not the time for retries of a conflict"
    assert answer.status_code == 500
    damage, _request = log_lines()
    assert (damage["level"], damage["message"]) == ("ERROR", f"Registrations EVENT#conf {text}; {AUDIT}")
    assert full.get("/events/conf/registrations/ada").json()["status"] == "confirmed"
    assert full.delete("/events/conf/registrations/zoe").status_code == 204, "who leaves the queue promotes nobody"


def test_a_seat_for_people_who_are_counted_but_have_no_place_is_kept_and_answered_500_soon(
    full: Client, moto_tables: Tables, log_lines: Any
) -> None:
    for seq in (0, 1):
        remove(moto_tables, "Registrations", queue_key("conf", seq))
    log_lines()
    start = time.monotonic()
    assert full.delete("/events/conf/registrations/ada").status_code == 500
    assert time.monotonic() - start < 4
    assert log_lines()[0]["message"] == f"Events conf SEATS counts people who have no place in the queue; {AUDIT}"


@DAMAGED_HEADS
def test_an_update_is_stored_and_answered_although_the_queue_behind_it_is_damaged(  # noqa: PLR0913 - fixtures and cases
    full: Client, moto_tables: Tables, log_lines: Any, key: Key, attribute: str | None, text: str
) -> None:
    remove(moto_tables, "Registrations", key, attribute)
    log_lines()
    start = time.monotonic()
    answer = full.put("/events/conf", json={"capacity": 2})
    assert time.monotonic() - start < 4
    assert (answer.status_code, answer.json()["availableSeats"], answer.json()["waitlistCount"]) == (200, 1, 2)
    damage = log_lines()[0]
    assert damage["level"] == "ERROR"
    assert damage["message"] == (
        f"a promotion is left unfinished; the change before it is stored: Registrations EVENT#conf {text}; {AUDIT}"
    )


@DAMAGED_HEADS
def test_a_newcomer_joins_a_damaged_queue_beside_a_free_seat(
    full: Client, moto_tables: Tables, key: Key, attribute: str | None, text: str
) -> None:
    remove(moto_tables, "Registrations", key, attribute)
    full.put("/events/conf", json={"capacity": 2})
    full.create_users("alan")
    answer = full.post("/events/conf/registrations", json={"userId": "alan"})
    assert (answer.status_code, answer.json()["status"]) == (201, "waitlisted"), text
