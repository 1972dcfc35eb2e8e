"""Limits of a request: every size has a maximum, and ids and cursors give access only to what they name."""

from collections import Counter
from itertools import product
from typing import Any, Final

import pytest

from handlers.contract import Contract
from handlers.pipeline.field_errors import CURSOR_DETAIL
from handlers.pipeline.validation import MAX_PARAMETERS
from storage.cursors import encode, list_name
from tests.apparatus.client import EVENT, Client, problem

JSON: Final = {"Content-Type": "application/json"}
USER: Final = b'{"userId":"eve","name":"Eve"}'


def details(answer: Any) -> list[str]:
    assert (answer.status_code, problem(answer)) == (422, "invalid-request")
    return [error["detail"] for error in answer.json()["errors"]]


def test_a_body_has_at_most_64_kib(client: Client) -> None:
    assert client.post("/users", content=USER.ljust(65536), headers=JSON).status_code == 201
    assert client.post("/users", content=USER.ljust(65537), headers=JSON).status_code == 413


def test_a_query_has_at_most_100_parameters(client: Client) -> None:
    given = [f"p{number}=" for number in range(MAX_PARAMETERS)]
    assert len(details(client.get(f"/events?{'&'.join(given)}"))) == MAX_PARAMETERS
    assert details(client.get(f"/events?{'&'.join([*given, 'more='])}")) == [
        "There are more than 100 query parameters."
    ]


def test_a_cursor_of_any_length_is_read_or_refused(client: Client) -> None:
    assert details(client.get("/events", params={"cursor": "a" * 500})) == [CURSOR_DETAIL]
    assert details(client.get("/events", params={"cursor": "a" * 501})) == [CURSOR_DETAIL]


def test_a_page_has_at_most_100_entries(client: Client) -> None:
    assert client.get("/events?limit=100").status_code == 200
    assert details(client.get("/events?limit=101")) == ["Must be at most 100."]


def test_if_match_has_at_most_1000_characters(client: Client) -> None:
    version = f'"{"0" * 998}"'
    assert client.delete("/events/conf", headers={"If-Match": version}).status_code == 404
    for longer in (f'"0{version[1:]}', f"{version}, {version}"):
        assert details(client.delete("/events/conf", headers={"If-Match": longer})) == [
            "Must have at most 1000 characters."
        ]


def test_an_id_has_at_most_100_characters_in_paths_and_bodies(client: Client) -> None:
    assert client.get(f"/users/{'a' * 100}").status_code == 404
    assert client.post("/users", json={"userId": "a" * 100, "name": "A"}).status_code == 201
    assert details(client.get(f"/users/{'a' * 101}")) == ["Must have at most 100 characters."]
    assert details(client.post("/users", json={"userId": "a" * 101, "name": "A"})) == [
        "Must have at most 100 characters."
    ]


#: Keys of other items, parts of keys, and texts that are not valid ids.
CRAFTED: Final = [
    "USER#ann",
    "EVENT#conf",
    "WAIT#000000000000",
    "LEFT#ann",
    "a#b",
    "#",
    "a/b",
    "a\nb",
    "a\0b",
    "é",
    " ",
]


def test_a_key_is_refused_as_an_id_in_every_path(client: Client) -> None:
    operations = [operation for operation in Contract().operations.values() if "Id}" in operation.path]
    assert operations
    bodies: dict[str, Any] = {"POST": {"userId": "ann"}, "PUT": {}}
    for operation, crafted in product(operations, CRAFTED):
        escaped = "".join(f"%{byte:02X}" for byte in crafted.encode())
        path = operation.path.format(eventId=escaped, userId=escaped)
        answer = client.request(operation.method, path, json=bodies.get(operation.method))
        # A path with a line break has no route.
        assert answer.status_code == (404 if "\n" in crafted else 422), (operation, crafted)


def test_a_key_is_refused_as_an_id_in_every_body(client: Client) -> None:
    for crafted in CRAFTED:
        for path, body in (
            ("/users", {"userId": crafted, "name": "A"}),
            ("/events", {**EVENT, "eventId": crafted}),
            ("/registrations", {"userId": crafted, "eventId": "conf"}),
            ("/registrations", {"userId": "ann", "eventId": crafted}),
            ("/events/conf/registrations", {"userId": crafted}),
        ):
            assert len(details(client.post(path, json=body))) == 1


#: The lists, each with the name that its cursors contain.
LISTS: Final = {
    "/events": list_name("events", None, None, None),
    "/events?status=active": list_name("events", "active", None, None),
    "/events?from=2030-05-01&to=2030-05-01": list_name("events", None, "2030-05-01", "2030-05-01"),
    "/events/conf/registrations": list_name("registrations of event", "conf", None),
    "/events/conf/registrations?status=confirmed": list_name("registrations of event", "conf", "confirmed"),
    "/events/conf/registrations?status=waitlisted": list_name("registrations of event", "conf", "waitlisted"),
    "/events/other/registrations": list_name("registrations of event", "other", None),
    "/users/ann/registrations": list_name("registrations of user", "ann"),
    "/users/bob/registrations": list_name("registrations of user", "bob"),
}

#: Positions: some as in the cursors of these lists, and some that no cursor has.
PLACES: Final = [
    *CRAFTED,
    "ann",
    "zoe",
    "~",
    "é" * 100,
    "a" * 101,
    "0",
    "1",
    "999999999999",
    "1000000000000",
    "-1",
    "2030-05-01T00:00:00.000000#conf",
    "0000-00-00T00:00:00.000000#~",
    "9999-99-99T99:99:99.999999#USER#ann",
    "2030-05-01T00:00:00.000000#",
    "2030-05-01T00:00:00.000000#" + "é" * 100,
]


@pytest.fixture
def lists(client: Client) -> dict[str, list[Any]]:
    """Fill every list, and return the entries of each."""
    client.create_users("ann", "bob", "cid")
    for event_id in ("conf", "other"):
        client.create_event(eventId=event_id, capacity=1)
        client.register(event_id, "ann", "bob", "cid")
    return {path: entries(client.get(path)) for path in LISTS}


def entries(answer: Any) -> list[Any]:
    assert answer.status_code == 200
    body = answer.json()
    found: list[Any] = body["events"] if "events" in body else body["registrations"]
    return found


@pytest.mark.usefixtures("lists")
def test_a_cursor_of_one_list_is_refused_by_every_other(client: Client) -> None:
    cursors = {
        path: client.get(path, params={**dict(parsed(path)), "limit": "1"}).json().get("nextCursor") for path in LISTS
    }
    assert len([cursor for cursor in cursors.values() if cursor]) == len(LISTS) - 1, (
        "only the list of the one confirmed registration has a single page"
    )
    for given, cursor in cursors.items():
        for path in LISTS:
            if cursor and path != given:
                answer = client.get(path, params={**dict(parsed(path)), "cursor": cursor})
                assert details(answer) == [CURSOR_DETAIL]


def parsed(path: str) -> list[tuple[str, str]]:
    query = path.partition("?")[2]
    return [(name, value) for name, _, value in (pair.partition("=") for pair in query.split("&") if pair)]


def test_a_forged_cursor_leads_to_a_part_of_its_own_list_or_nowhere(
    client: Client, lists: dict[str, list[Any]]
) -> None:
    """The checksum of a cursor can be forged: it detects mistakes, and the keys of a query limit access."""
    led = Counter[str]()
    for path, place in product(LISTS, PLACES):
        cursor = encode(LISTS[path], place)
        answer = client.get(path, params={**dict(parsed(path)), "cursor": cursor})
        if answer.status_code == 200:
            found = entries(answer)
            assert all(entry in lists[path] for entry in found)
            led[path] += 1
        else:
            assert details(answer) in (
                [CURSOR_DETAIL],
                [CURSOR_DETAIL],
            )
    assert led.keys() == LISTS.keys(), "each list accepts some of the positions"
