"""Operations on users, as clients see them."""

from urllib.parse import urljoin

import pytest

from storage.errors import DeletionInProgress
from tests.apparatus.client import Client, problem


def test_location_leads_to_the_created_user(client: Client) -> None:
    created = client.post("/users", json={"userId": "ada@example.com", "name": "Ada"})
    assert created.status_code == 201
    found = client.get(urljoin("http://testserver/users", created.headers["location"]))
    assert found.json() == created.json()
    assert found.json()["name"] == "Ada"


def test_a_user_without_an_id_gets_one(client: Client) -> None:
    user_id = client.post("/users", json={"name": "Ada"}).json()["userId"]
    assert client.get(f"/users/{user_id}").status_code == 200


def test_an_id_that_exists_is_refused_and_its_user_stays(client: Client) -> None:
    client.create_users("ada")
    answer = client.post("/users", json={"userId": "ada", "name": "Other"})
    assert (answer.status_code, problem(answer)) == (409, "user-exists")
    assert client.get("/users/ada").json()["name"] == "Ada"


def test_a_missing_user_is_not_found(client: Client) -> None:
    for path in ("/users/nobody", "/users/nobody/registrations"):
        assert (client.get(path).status_code, problem(client.get(path))) == (404, "user-not-found")


def test_a_deleted_user_is_gone_and_the_first_in_the_queue_has_the_seat(client: Client) -> None:
    client.create_event(capacity=1, hasWaitlist=True)
    client.create_users("ann", "bob")
    client.register("conf", "ann")
    client.register("conf", "bob")

    answer = client.delete("/users/ann")

    assert (answer.status_code, answer.content) == (204, b"")
    assert client.get("/events/conf/registrations/bob").json()["status"] == "confirmed"
    for again in (client.get("/users/ann"), client.get("/users/ann/registrations"), client.delete("/users/ann")):
        assert (again.status_code, problem(again)) == (404, "user-not-found")


def test_a_deletion_that_takes_longer_than_a_request_says_how_to_go_on(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.create_users("ann")

    def late(*_arguments: object) -> None:
        raise DeletionInProgress

    with monkeypatch.context() as patch:
        patch.setattr("storage.user_deletion.delete", late)
        answer = client.delete("/users/ann")

    assert (answer.status_code, problem(answer)) == (503, "deletion-in-progress")
    assert answer.headers["Retry-After"] == "1"
