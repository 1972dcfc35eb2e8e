"""Operations on events, as clients see them."""

from typing import Any
from urllib.parse import urljoin

import pytest

from storage import events
from storage.dynamodb.deadline import deadline
from storage.dynamodb.tables import Tables
from storage.errors import DeletionInProgress, DeletionStopped
from tests.apparatus.client import EVENT, Client, problem
from tests.apparatus.rival import before_call

READ_ONLY = {"confirmedCount", "waitlistCount", "availableSeats", "createdAt", "updatedAt"}


def test_location_leads_to_the_created_event_with_the_same_etag(client: Client) -> None:
    created = client.post("/events", json=EVENT)
    assert created.status_code == 201
    found = client.get(urljoin("http://testserver/events", created.headers["location"]))
    assert found.json() == created.json()
    assert found.headers["etag"] == created.headers["etag"]
    assert {**EVENT, "status": "active"}.items() <= found.json().items()
    assert (found.json()["confirmedCount"], found.json()["waitlistCount"], found.json()["availableSeats"]) == (0, 0, 2)


def test_an_event_without_an_id_gets_one(client: Client) -> None:
    body = {name: value for name, value in EVENT.items() if name != "eventId"}
    event_id = client.post("/events", json=body).json()["eventId"]
    assert client.get(f"/events/{event_id}").status_code == 200


def test_waitlist_enabled_is_the_former_name_of_has_waitlist(client: Client) -> None:
    for number, (names, expected) in enumerate(
        [({}, False), ({"waitlistEnabled": True}, True), ({"waitlistEnabled": False}, False)]
    ):
        body = {name: value for name, value in EVENT.items() if name != "hasWaitlist"}
        answer = client.post("/events", json={**body, "eventId": f"e{number}", **names})
        assert answer.json()["hasWaitlist"] is expected


@pytest.mark.parametrize("values", [(True, False), (False, True), (True, True)])
@pytest.mark.parametrize(("method", "path"), [("POST", "/events"), ("PUT", "/events/conf")])
def test_both_names_of_a_field_are_refused_even_with_equal_values(
    client: Client, values: tuple[bool, bool], method: str, path: str
) -> None:
    body = {**EVENT, "hasWaitlist": values[0], "waitlistEnabled": values[1]}
    answer = client.request(method, path, json=body)
    assert (answer.status_code, problem(answer)) == (422, "invalid-request")
    detail = "Give only one of: hasWaitlist, waitlistEnabled."
    assert answer.json()["errors"] == [
        {"pointer": "/hasWaitlist", "detail": detail},
        {"pointer": "/waitlistEnabled", "detail": detail},
    ]


def test_a_capacity_of_100_0_is_stored_as_100(client: Client) -> None:
    answer = client.post(
        "/events",
        content=b'{"title":"T","description":"D","date":"2030-05-01","location":"L","capacity":100.0,"organizer":"O"}',
        headers={"content-type": "application/json"},
    )
    assert '"capacity":100,' in answer.text


def test_a_response_of_get_can_be_sent_back_with_put(client: Client) -> None:
    client.create_event()
    found = client.get("/events/conf")
    answer = client.put("/events/conf", json={**found.json(), "title": "New"})
    assert answer.status_code == 200
    assert {**found.json(), "title": "New", "updatedAt": answer.json()["updatedAt"]} == answer.json()


def test_read_only_fields_in_a_put_are_ignored(client: Client) -> None:
    client.create_event()
    answer = client.put("/events/conf", json={"confirmedCount": 7, "waitlistCount": 7, "availableSeats": 0})
    assert (answer.json()["confirmedCount"], answer.json()["availableSeats"]) == (0, 2)


def test_an_id_that_exists_is_refused_and_its_event_stays(client: Client) -> None:
    client.create_event()
    answer = client.post("/events", json={**EVENT, "title": "Other"})
    assert (answer.status_code, problem(answer)) == (409, "event-exists")
    assert client.get("/events/conf").json()["title"] == "Conference"


def test_an_empty_put_changes_nothing(client: Client) -> None:
    client.create_event()
    before = client.get("/events/conf")
    answer = client.put("/events/conf", json={})
    assert (answer.json(), answer.headers["etag"]) == (before.json(), before.headers["etag"])


def test_another_event_id_in_the_body_is_a_conflict(client: Client) -> None:
    client.create_event()
    answer = client.put("/events/conf", json={"eventId": "other"})
    assert (answer.status_code, problem(answer)) == (409, "event-id-mismatch")


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_if_match_lets_only_the_expected_version_through(client: Client, method: str) -> None:
    client.create_event()
    etag = client.get("/events/conf").headers["etag"]
    body: Any = {"json": {"title": "New"}} if method == "PUT" else {}
    for stale in ('"0000000000000000"', f"W/{etag}", '"x"', '""'):
        answer = client.request(method, "/events/conf", headers={"If-Match": stale}, **body)
        assert (answer.status_code, problem(answer)) == (412, "about:blank"), stale
    assert client.get("/events/conf").headers["etag"] == etag
    answer = client.request(method, "/events/conf", headers={"If-Match": f'"other", {etag}'}, **body)
    assert answer.status_code in {200, 204}


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_if_none_match_lets_no_excluded_version_through(client: Client, method: str) -> None:
    body: Any = {"json": {"title": "New"}} if method == "PUT" else {}
    assert problem(client.request(method, "/events/conf", headers={"If-None-Match": "*"}, **body)) == "event-not-found"
    client.create_event()
    etag = client.get("/events/conf").headers["etag"]
    for current in ("*", etag, f"W/{etag}", f'"0000000000000000", {etag}'):
        answer = client.request(method, "/events/conf", headers={"If-None-Match": current}, **body)
        assert (answer.status_code, problem(answer)) == (412, "about:blank"), current
    assert client.get("/events/conf").headers["etag"] == etag
    answer = client.request(method, "/events/conf", headers={"If-None-Match": '"0000000000000000", "x"'}, **body)
    assert answer.status_code in {200, 204}


def test_if_match_is_evaluated_by_a_get_too(client: Client) -> None:
    client.create_event()
    etag = client.get("/events/conf").headers["etag"]
    for given, status in ((etag, 200), ("*", 200), ('"0000000000000000"', 412), (f"W/{etag}", 412)):
        assert client.get("/events/conf", headers={"If-Match": given}).status_code == status, given
    assert problem(client.get("/events/nothing", headers={"If-Match": "*"})) == "event-not-found"


@pytest.mark.parametrize(
    ("method", "path", "header"),
    [
        ("POST", "/users", "If-None-Match"),
        ("POST", "/events/conf/registrations", "If-Match"),
        ("DELETE", "/registrations/a/conf", "If-Match"),
        ("GET", "/events", "If-Match"),
    ],
)
def test_a_precondition_that_an_operation_does_not_have_is_refused(
    client: Client, method: str, path: str, header: str
) -> None:
    body: Any = {"json": {"userId": "a", "name": "A"} if path == "/users" else {"userId": "a"}}
    answer = client.request(method, path, headers={header: '"x"'}, **(body if method == "POST" else {}))
    assert (answer.status_code, problem(answer)) == (422, "invalid-request")
    assert answer.json()["errors"] == [{"parameter": header, "detail": "This operation has no such precondition."}]


def test_a_get_with_if_none_match_is_answered_in_full(client: Client) -> None:
    """The counts may have changed although the version has not."""
    client.create_event()
    etag = client.get("/events/conf").headers["etag"]
    assert client.get("/events/conf", headers={"If-None-Match": etag}).json()["eventId"] == "conf"


def test_if_match_star_accepts_any_version(client: Client) -> None:
    client.create_event()
    assert client.put("/events/conf", json={"title": "New"}, headers={"If-Match": "*"}).status_code == 200


def test_counts_do_not_change_the_etag(client: Client) -> None:
    client.create_event()
    before = client.get("/events/conf").headers["etag"]
    client.create_users("a")
    client.register("conf", "a")
    assert client.get("/events/conf").headers["etag"] == before


def test_an_event_get_is_never_answered_304(client: Client) -> None:
    client.create_event()
    etag = client.get("/events/conf").headers["etag"]
    assert client.get("/events/conf", headers={"If-None-Match": etag}).status_code == 200


def test_a_capacity_below_the_confirmed_count_is_refused_with_the_minimum(client: Client) -> None:
    client.create_event()
    client.create_users("a", "b")
    client.register("conf", "a", "b")
    answer = client.put("/events/conf", json={"capacity": 1})
    assert (answer.status_code, problem(answer), answer.json()["minimum"]) == (409, "capacity-below-confirmed", 2)


def test_raising_the_capacity_promotes_before_the_answer(client: Client) -> None:
    client.create_event()
    client.create_users("a", "b", "c", "d")
    assert client.register("conf", "a", "b", "c", "d") == ["confirmed", "confirmed", "waitlisted", "waitlisted"]
    event = client.put("/events/conf", json={"capacity": 3}).json()
    assert (event["confirmedCount"], event["waitlistCount"], event["availableSeats"]) == (3, 1, 0)


def test_a_deleted_event_is_gone_and_the_answer_has_no_body(client: Client) -> None:
    client.create_event()
    answer = client.delete("/events/conf")
    assert (answer.status_code, answer.content) == (204, b"")
    assert "content-type" not in answer.headers
    assert problem(client.delete("/events/conf")) == "event-not-found"


def test_deleting_an_event_with_registrations_is_refused(client: Client) -> None:
    client.create_event()
    client.create_users("a")
    client.register("conf", "a")
    answer = client.delete("/events/conf")
    assert (answer.status_code, problem(answer)) == (409, "event-has-registrations")


def test_an_event_is_deleted_with_its_registrations_on_request_only(client: Client) -> None:
    client.create_event()
    client.create_users("a")
    client.register("conf", "a")

    refused = client.delete("/events/conf?withRegistrations=false")
    answer = client.delete("/events/conf?withRegistrations=true")

    assert (refused.status_code, problem(refused)) == (409, "event-has-registrations")
    assert (answer.status_code, answer.content) == (204, b"")
    assert client.get("/users/a/registrations").json()["registrations"] == []
    assert client.get("/events/conf").status_code == 404


@pytest.mark.parametrize("text", ["", "TRUE", "1", "yes", "true&withRegistrations=true"])
def test_registrations_are_deleted_for_true_alone(client: Client, text: str) -> None:
    answer = client.delete(f"/events/conf?withRegistrations={text}")
    assert (answer.status_code, [it["parameter"] for it in answer.json()["errors"]]) == (422, ["withRegistrations"])


def test_a_deletion_that_takes_longer_than_a_request_goes_on_with_its_if_match_until_a_put(
    client: Client, moto_tables: Tables
) -> None:
    client.create_event()
    etag = client.get("/events/conf").headers["ETag"]
    client.create_users("a", "b")
    for user_id in "ab":
        client.register("conf", user_id)

    def delete() -> tuple[int, str | None]:
        answer = client.delete("/events/conf?withRegistrations=true", headers={"If-Match": etag})
        return answer.status_code, problem(answer) if answer.content else None

    with before_call(moto_tables, "TransactWriteItems", 2, lambda: deadline.set(0.0)):
        assert delete() == (503, "deletion-in-progress")
    assert client.get("/events/conf").json()["status"] == "cancelled"
    with before_call(moto_tables, "TransactWriteItems", 1, lambda: events.update(moto_tables, "conf", {"title": "O"})):
        assert delete() == (409, "deletion-stopped")
    assert delete() == (412, "about:blank")
    assert len(client.get("/events/conf/registrations").json()["registrations"]) == 2

    etag = client.get("/events/conf").headers["ETag"]
    with before_call(moto_tables, "TransactWriteItems", 2, lambda: deadline.set(0.0)):
        assert delete() == (503, "deletion-in-progress")
    assert delete() == (204, None)


@pytest.mark.parametrize(
    ("refusal", "status", "name"),
    [(DeletionStopped, 409, "deletion-stopped"), (DeletionInProgress, 503, "deletion-in-progress")],
)
def test_a_deletion_with_registrations_that_does_not_end_says_how_to_go_on(
    client: Client, monkeypatch: pytest.MonkeyPatch, refusal: type[Exception], status: int, name: str
) -> None:
    def fail(*_arguments: object, **_options: object) -> None:
        raise refusal

    monkeypatch.setattr("storage.event_deletion.delete_with_registrations", fail)
    answer = client.delete("/events/conf?withRegistrations=true")
    assert (answer.status_code, problem(answer)) == (status, name)


def test_pages_of_events_are_linked_up_to_the_last(client: Client) -> None:
    for number in range(5):
        client.create_event(eventId=f"e{number}", date=f"2030-05-0{number + 1}")
    client.create_event(eventId="x", date="2031-01-01")
    pages = client.follow("/events?limit=2&from=2030-05-02&to=2030-12-31&status=active")
    assert [[event["eventId"] for event in page["events"]] for page in pages] == [["e1", "e2"], ["e3", "e4"]]


def test_the_default_page_has_fifty_events(client: Client) -> None:
    for number in range(51):
        client.create_event(eventId=f"e{number:02d}")
    assert len(client.get("/events").json()["events"]) == 50
    assert len(client.get("/events?limit=100").json()["events"]) == 51
