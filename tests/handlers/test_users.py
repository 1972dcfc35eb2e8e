"""Operations on users, as a client of the contract sees them."""

from urllib.parse import urljoin

from tests.apparatus.client import Client, problem


def test_a_created_user_is_where_location_says(client: Client) -> None:
    created = client.post("/users", json={"userId": "ada@example.com", "name": "Ada"})
    assert created.status_code == 201
    found = client.get(urljoin("http://testserver/users", created.headers["location"]))
    assert found.json() == created.json()
    assert found.json()["name"] == "Ada"


def test_a_user_without_an_id_gets_one(client: Client) -> None:
    user_id = client.post("/users", json={"name": "Ada"}).json()["userId"]
    assert client.get(f"/users/{user_id}").status_code == 200


def test_a_taken_id_is_refused_and_the_user_there_stays(client: Client) -> None:
    client.create_users("ada")
    answer = client.post("/users", json={"userId": "ada", "name": "Other"})
    assert (answer.status_code, problem(answer)) == (409, "user-exists")
    assert client.get("/users/ada").json()["name"] == "Ada"


def test_a_user_who_does_not_exist_is_not_found(client: Client) -> None:
    for path in ("/users/nobody", "/users/nobody/registrations"):
        assert (client.get(path).status_code, problem(client.get(path))) == (404, "user-not-found")
