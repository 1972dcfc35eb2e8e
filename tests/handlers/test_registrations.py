"""Operations on registrations in both families of paths, as clients see them."""

from urllib.parse import urljoin

import pytest

from storage.dynamodb.steps import Step
from storage.dynamodb.tables import Tables
from storage.items import user_key
from tests.apparatus.client import Client, problem
from tests.apparatus.meter import metered


@pytest.fixture
def full(client: Client) -> Client:
    """Create an event with two seats, where a and b are confirmed, and c and d are waitlisted."""
    client.create_event()
    client.create_users("a", "b", "c", "d", "f")
    assert client.register("conf", "a", "b", "c", "d") == ["confirmed", "confirmed", "waitlisted", "waitlisted"]
    return client


@pytest.mark.parametrize("path", ["/registrations", "/events/conf/registrations"])
def test_both_families_register_the_same_way(full: Client, path: str) -> None:
    body = {"userId": "f"} if "events" in path else {"userId": "f", "eventId": "conf"}
    created = full.post(path, json=body)
    assert created.status_code == 201
    assert {
        "userId": "f",
        "eventId": "conf",
        "status": "waitlisted",
        "waitlistPosition": 3,
    }.items() <= created.json().items()
    found = full.get(urljoin(f"http://testserver{path}", created.headers["location"]))
    assert found.json() == created.json()


@pytest.mark.parametrize("path", ["/registrations/a/conf", "/events/conf/registrations/a"])
def test_both_families_unregister_the_same_way_and_promote(full: Client, path: str) -> None:
    answer = full.delete(path)
    assert (answer.status_code, answer.content, "content-type" in answer.headers) == (204, b"", False)
    assert problem(full.delete(path)) == "registration-not-found"
    promoted = full.get("/events/conf/registrations/c").json()
    assert promoted["status"] == "confirmed"
    assert "waitlistPosition" not in promoted
    assert full.get("/events/conf/registrations/d").json()["waitlistPosition"] == 1


@pytest.mark.parametrize("path", ["/registrations", "/events/{event}/registrations"])
def test_a_missing_event_is_reported_before_a_missing_user(full: Client, path: str) -> None:
    for event, user, expected in [
        ("nothing", "nobody", "event-not-found"),
        ("nothing", "a", "event-not-found"),
        ("conf", "nobody", "user-not-found"),
    ]:
        body = {"userId": user} if "events" in path else {"userId": user, "eventId": event}
        answer = full.post(path.format(event=event), json=body)
        assert (answer.status_code, problem(answer)) == (404, expected)


def test_registering_twice_is_refused_with_the_existing_registration(full: Client) -> None:
    answer = full.post("/registrations", json={"userId": "d", "eventId": "conf"})
    assert (answer.status_code, problem(answer)) == (409, "already-registered")
    assert answer.json()["registration"] == full.get("/events/conf/registrations/d").json()


def test_a_full_event_without_a_waitlist_refuses_registrations(full: Client) -> None:
    full.put("/events/conf", json={"hasWaitlist": False})
    answer = full.post("/registrations", json={"userId": "f", "eventId": "conf"})
    assert (answer.status_code, problem(answer)) == (409, "event-full")


@pytest.mark.parametrize("status", ["completed", "cancelled"])
def test_a_closed_event_refuses_registrations_with_its_status(full: Client, status: str) -> None:
    full.put("/events/conf", json={"status": status})
    answer = full.post("/registrations", json={"userId": "f", "eventId": "conf"})
    assert (answer.status_code, problem(answer), answer.json()["eventStatus"]) == (409, "event-closed", status)
    assert full.delete("/registrations/a/conf").status_code == 204
    assert full.get("/events/conf").json()["waitlistCount"] == 2


def test_the_registrations_of_an_event_are_listed_in_pages(full: Client) -> None:
    first = full.get("/events/conf/registrations?limit=3").json()
    assert [entry["userId"] for entry in first["registrations"]] == ["a", "b", "c"]
    second = full.get(f"/events/conf/registrations?limit=3&cursor={first['nextCursor']}").json()
    assert [(entry["userId"], entry["waitlistPosition"]) for entry in second["registrations"]] == [("d", 2)]
    assert "nextCursor" not in second


@pytest.mark.parametrize(
    ("path", "users"),
    [
        ("/events/conf/registrations?limit=3", [["a", "b", "c"], ["d"]]),
        ("/events/conf/registrations?status=waitlisted&limit=1", [["c"], ["d"]]),
        ("/users/c/registrations?limit=1", [["c"], ["c"]]),
    ],
)
def test_pages_of_registrations_are_linked_up_to_the_last(full: Client, path: str, users: list[list[str]]) -> None:
    full.create_event(eventId="other")
    full.register("other", "c")
    pages = full.follow(path)
    assert [[entry["userId"] for entry in page["registrations"]] for page in pages] == users


def test_waitlisted_registrations_are_listed_in_queue_order(full: Client) -> None:
    full.delete("/registrations/c/conf")
    full.register("conf", "c")
    found = full.get("/events/conf/registrations?status=waitlisted").json()["registrations"]
    assert [(entry["userId"], entry["waitlistPosition"]) for entry in found] == [("d", 1), ("c", 2)]


@pytest.mark.parametrize(("status", "shown"), [(None, "abcd"), ("confirmed", "ab"), ("waitlisted", "cd")])
def test_the_list_of_an_event_shows_the_names_of_its_people_if_it_is_asked_to(
    full: Client, status: str | None, shown: str
) -> None:
    path = f"/events/conf/registrations?limit=1{f'&status={status}' if status else ''}"
    plain = [entry for page in full.follow(path) for entry in page["registrations"]]
    expanded = [entry for page in full.follow(f"{path}&expand=user") for entry in page["registrations"]]
    assert [entry["userId"] for entry in plain] == list(shown)
    assert expanded == [
        {**entry, "user": {"userId": entry["userId"], "name": entry["userId"].upper()}} for entry in plain
    ]


def test_a_user_who_is_gone_leaves_an_entry_without_a_name(full: Client, moto_tables: Tables) -> None:
    moto_tables.transact([Step(action="Delete", table="Users", key=user_key("b"))])
    entries = full.get("/events/conf/registrations?expand=user").json()["registrations"]
    assert [entry.get("user", {}).get("name") for entry in entries] == ["A", None, "C", "D"]


def test_the_names_of_a_page_are_one_call_more(full: Client, moto_tables: Tables) -> None:
    path = "/events/conf/registrations?status=confirmed"
    for query, calls in (("", {"Query": 1}), ("&expand=user", {"Query": 1, "BatchGetItem": 1})):
        with metered(moto_tables) as meter:
            full.get(path + query)
        assert meter.calls == calls


@pytest.mark.parametrize("query", ["expand=event", "expand=", "expand=user&expand=user"])
def test_nothing_but_the_user_can_be_expanded(full: Client, query: str) -> None:
    answer = full.get(f"/events/conf/registrations?{query}")
    assert (answer.status_code, [error["parameter"] for error in answer.json()["errors"]]) == (422, ["expand"])


def test_the_registrations_of_a_user_are_listed_with_their_events(full: Client) -> None:
    found = full.get("/users/c/registrations").json()["registrations"]
    assert [(entry["eventId"], entry["waitlistPosition"], entry["event"]["title"]) for entry in found] == [
        ("conf", 1, "Conference")
    ]


def test_registrations_of_a_missing_event_are_not_found(client: Client) -> None:
    assert problem(client.get("/events/nothing/registrations")) == "event-not-found"
    assert problem(client.get("/events/nothing/registrations/a")) == "registration-not-found"


def test_a_cursor_of_another_list_is_refused_as_an_invalid_parameter(full: Client) -> None:
    cursor = full.get("/events/conf/registrations?limit=1").json()["nextCursor"]
    answer = full.get(f"/users/a/registrations?cursor={cursor}")
    assert (answer.status_code, problem(answer)) == (422, "invalid-request")
    assert [error["parameter"] for error in answer.json()["errors"]] == ["cursor"]
