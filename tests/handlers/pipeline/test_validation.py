"""Invalid input of any kind gets a problem that lists all its errors, and changes nothing."""

import json
from typing import Any

import pytest

from storage.dynamodb.tables import Tables
from tests.apparatus.client import EVENT, Client, problem

JSON = {"content-type": "application/json"}


def pointers(answer: Any) -> dict[str, str]:
    assert (answer.status_code, problem(answer)) == (422, "invalid-request")
    return {error.get("pointer", error.get("parameter")): error["detail"] for error in answer.json()["errors"]}


def nothing_stored(tables: Tables) -> bool:
    return not any(tables.client.scan(TableName=name)["Items"] for name in ("Events", "Users", "Registrations"))


def test_all_errors_are_reported_at_once(client: Client, moto_tables: Tables) -> None:
    body = {"title": " ", "capacity": 0, "date": "2030-02-30", "status": "open", "hasWaitList": True, "organizer": 1}
    found = pointers(client.post("/events", json=body))
    assert set(found) == {
        "/title",
        "/capacity",
        "/date",
        "/status",
        "/hasWaitList",
        "/organizer",
        "/description",
        "/location",
    }
    assert found["/hasWaitList"] == "There is no such property. Did you mean hasWaitlist?"
    assert found["/capacity"] == "Must be at least 1."
    assert found["/description"] == "Is required."
    assert found["/status"] == "Must be one of: active, scheduled, ongoing, completed, cancelled."
    assert nothing_stored(moto_tables)


def test_errors_of_path_header_and_body_are_reported_together(client: Client) -> None:
    found = pointers(client.put("/events/a%20b", json={"capacity": "many"}, headers={"If-Match": "no quotes"}))
    assert set(found) == {"eventId", "If-Match", "/capacity"}


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "It is empty."),
        (b"{", "line 1, column 2"),
        (b'{"name":NaN}', "NaN is not valid JSON."),
        (b'{"name":-Infinity}', "-Infinity is not valid JSON."),
        (b'{"name":"\xff"}', "Byte 9 is not UTF-8."),
        (b'{"name":"\xc0\xaf"}', "is not UTF-8."),
        ('{"name":"é"}'.encode("latin-1"), "is not UTF-8."),
        ('{"name":"A"}'.encode("utf-16"), "is not UTF-8."),
        ('\ufeff{"name":"A"}'.encode(), "BOM"),
        (b"[" * 60000, "nested too deeply"),
        (b'{"a":' * 10000, "nested too deeply"),
        (b'{"name":"A","name":"B"}', "same name"),
        (b'{"name":"A\x00"}', "control character"),
        (b'{"name":"A"} x', "Extra data"),
    ],
    ids=lambda value: repr(value)[:24],
)
def test_a_body_that_is_not_valid_json_is_400(client: Client, moto_tables: Tables, raw: bytes, reason: str) -> None:
    answer = client.post("/users", content=raw, headers=JSON)
    assert (answer.status_code, problem(answer)) == (400, "about:blank")
    assert reason in answer.json()["detail"]
    assert nothing_stored(moto_tables)


@pytest.mark.parametrize(
    "raw", [b"null", b"[]", b'"text"', b"1", b"true", b'{"userId":"a"}', b'{"name":null}', b'{"name":["A"]}', b"{}"]
)
def test_json_that_does_not_match_the_schema_is_422(client: Client, moto_tables: Tables, raw: bytes) -> None:
    pointers(client.post("/users", content=raw, headers=JSON))
    assert nothing_stored(moto_tables)


@pytest.mark.parametrize(
    "name",
    ["", " ", "\t \n", "\u2003\u00a0", "a\x00", "a\nb", "a\n", "a\x7f", "a\x85", "\x1b[31m", "x" * 201],
    ids=repr,
)
def test_names_that_are_empty_too_long_or_not_plain_text_are_refused(
    client: Client, moto_tables: Tables, name: str
) -> None:
    assert set(pointers(client.post("/users", json={"name": name}))) == {"/name"}
    assert nothing_stored(moto_tables)


@pytest.mark.parametrize("escape", ["\\ud800", "\\udfff", "\\udc00\\ud800", "a\\ud83d"])
def test_half_a_surrogate_pair_is_refused(client: Client, moto_tables: Tables, escape: str) -> None:
    raw = f'{{"name":"{escape}"}}'.encode()
    assert pointers(client.post("/users", content=raw, headers=JSON)) == {"/name": "Must be of type string."}
    raw = f'{{"name":"A","{escape}":1}}'.encode()
    pointers(client.post("/users", content=raw, headers=JSON))
    assert nothing_stored(moto_tables)


@pytest.mark.parametrize(
    "name", ["Zoë", "李小龍", "\U0001f680" * 200, "O'Brien; DROP TABLE", "<b>", "a  b ", "e\u0301"]
)
def test_any_other_text_is_stored_as_sent(client: Client, name: str) -> None:
    created = client.post("/users", json={"name": name}).json()
    assert client.get(f"/users/{created['userId']}").json()["name"] == name


def test_a_description_may_contain_line_breaks_and_tabs(client: Client) -> None:
    text = "One\n\ttwo\r\nthree"
    client.create_event(description=text)
    assert client.get("/events/conf").json()["description"] == text
    assert set(pointers(client.post("/events", json={**EVENT, "description": "\n\t"}))) == {"/description"}


@pytest.mark.parametrize("user_id", [".", "..", "a b", "a/b", "a%", "ä", "a\n", "a" * 101, "", "a?b", "a#b", "a\\b"])
def test_ids_that_can_not_be_part_of_a_path_are_refused(client: Client, user_id: str) -> None:
    assert set(pointers(client.post("/users", json={"userId": user_id, "name": "A"}))) == {"/userId"}


@pytest.mark.parametrize("user_id", ["a", "...", ".a", "ada@example.com", "A-Z_a.z~0:9+@", "a" * 100])
def test_ids_that_can_be_part_of_a_path_are_accepted_and_found(client: Client, user_id: str) -> None:
    client.create_users(user_id)
    assert client.get(f"/users/{user_id}").json()["userId"] == user_id


@pytest.mark.parametrize(
    "capacity", [0, -1, 100001, 1.5, "10", True, None, [1], 10**400, 1e400], ids=lambda value: repr(value)[:10]
)
def test_invalid_capacities_are_refused(client: Client, capacity: object) -> None:
    raw = json.dumps({**EVENT, "capacity": 7}).replace('"capacity": 7', f'"capacity": {json.dumps(capacity)}')
    raw = raw.replace("Infinity", "1e400")
    assert set(pointers(client.post("/events", content=raw.encode(), headers=JSON))) == {"/capacity"}


def test_a_number_of_five_thousand_digits_is_refused(client: Client) -> None:
    raw = json.dumps({**EVENT, "capacity": 7}).replace('"capacity": 7', f'"capacity": {"9" * 5000}')
    assert set(pointers(client.post("/events", content=raw.encode(), headers=JSON))) == {"/capacity"}


@pytest.mark.parametrize(
    "date",
    [
        "2030-02-29",
        "2030-13-01",
        "0000-01-01",
        "2030-5-1",
        "20300501",
        "2030-W01-1",
        "2030-05-01 10:00",
        "2030-05-01T24:00",
        "2030-05-01T10:00:60Z",
        "2030-05-01T10:00+25:00",
        "2030-05-01T10",
        "2030-05-01\n",
        "tomorrow",
        "\uff12\uff10\uff13\uff10-05-01",
    ],
)
def test_invalid_dates_are_refused(client: Client, date: str) -> None:
    assert set(pointers(client.post("/events", json={**EVENT, "date": date}))) == {"/date"}


@pytest.mark.parametrize("moment", ["2030-05-01T10:00:00.000Z\n", "2030-02-31T10:00:00Z", "2030-05-01", "now", 5])
@pytest.mark.parametrize("name", ["createdAt", "updatedAt"])
def test_an_invalid_time_is_refused_in_a_read_only_property(client: Client, name: str, moment: object) -> None:
    client.create_event()
    assert set(pointers(client.put("/events/conf", json={name: moment}))) == {f"/{name}"}


@pytest.mark.parametrize(
    "date", ["2028-02-29", "2030-05-01T10:00", "2030-05-01T10:00:00.5-03:30", "0001-01-01T00:00+14:00", "9999-12-31"]
)
def test_valid_dates_are_stored_as_sent(client: Client, date: str) -> None:
    client.create_event(date=date)
    assert client.get("/events").json()["events"][0]["date"] == date


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=%2B5", "limit"),
        ("limit=+5", "limit"),
        ("limit=5.0", "limit"),
        ("limit=", "limit"),
        ("limit=" + "9" * 5000, "limit"),
        ("limit=1&limit=1", "limit"),
        ("status=open", "status"),
        ("from=2030-02-30", "from"),
        ("from=20300501", "from"),
        ("to=yesterday", "to"),
        ("cursor=%00", "cursor"),
        ("cursor=abc", "cursor"),
        ("cursor=%FF", "cursor"),
        ("Limit=5", "Limit"),
        ("page=2", "page"),
        ("%00=1", "\x00"),
    ],
)
def test_invalid_unknown_and_repeated_query_parameters_are_reported(client: Client, query: str, parameter: str) -> None:
    assert set(pointers(client.get(f"/events?{query}"))) == {parameter}


@pytest.mark.parametrize("query", ["x=1", "cursor=abc"])
def test_operations_without_query_parameters_refuse_all(client: Client, query: str) -> None:
    client.create_event()
    assert pointers(client.get(f"/events/conf?{query}"))


@pytest.mark.parametrize(
    "media_type",
    ["text/plain", "application/xml", "application/x-www-form-urlencoded", "application/jsonx", ";", "*/*"],
)
def test_another_media_type_is_415(client: Client, moto_tables: Tables, media_type: str) -> None:
    answer = client.post("/users", content=b'{"name":"A"}', headers={"content-type": media_type})
    assert (answer.status_code, problem(answer)) == (415, "about:blank")
    assert nothing_stored(moto_tables)


@pytest.mark.parametrize(
    "media_type", ["application/json", "Application/JSON; charset=UTF-8", "application/json;charset=nonsense", None]
)
def test_json_is_read_as_utf_8_whatever_the_charset(client: Client, media_type: str | None) -> None:
    headers = {} if media_type is None else {"content-type": media_type}
    answer = client.post("/users", content='{"name":"Zoë"}'.encode(), headers=headers)
    assert (answer.status_code, answer.json()["name"]) == (201, "Zoë")


@pytest.mark.parametrize("media_type", ["multipart/form-data", "text/plain", "application/json"])
def test_operations_without_a_body_ignore_the_content_type(client: Client, media_type: str) -> None:
    answer = client.request("GET", "/health", content=b"{", headers={"content-type": media_type})
    assert answer.status_code == 200


def test_a_body_over_64_kib_is_413_with_and_without_content_length(client: Client, moto_tables: Tables) -> None:
    largest = b'{"name":"A"}'.ljust(65536)
    assert client.post("/users", content=largest, headers=JSON).status_code == 201
    answer = client.post("/users", content=largest + b" ", headers=JSON)
    assert (answer.status_code, problem(answer)) == (413, "about:blank")

    async def chunks() -> Any:
        for _ in range(65):
            yield b" " * 1024

    assert client.post("/users", content=chunks(), headers=JSON).status_code == 413
    assert len(moto_tables.client.scan(TableName="Users")["Items"]) == 1


def test_errors_do_not_repeat_the_values_of_a_request(client: Client) -> None:
    answer = client.post("/users", json={"name": "secret\n", "userId": "secret /"})
    assert "secret" not in answer.text


def test_at_most_100_errors_are_reported(client: Client) -> None:
    answer = client.post("/users", json={f"property{number}": 1 for number in range(500)})
    assert len(answer.json()["errors"]) == 100
