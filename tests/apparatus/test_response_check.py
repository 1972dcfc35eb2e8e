"""A response that the contract does not describe is an error."""

import re
from typing import Any

import pytest

from handlers import registrations, users
from handlers.app import create_app
from handlers.models.requests import GetUserParameters, ListEventRegistrationsParameters
from storage.dynamodb.tables import Tables
from tests.apparatus.client import Client
from tests.apparatus.response_check import ResponseCheck, ResponseMismatchError

USER = {"userId": "a", "name": "A", "createdAt": "2030-01-01T00:00:00.000Z"}
ENTRY = {"userId": "a", "eventId": "e", "status": "confirmed", "registeredAt": "2030-01-01T00:00:00.000Z"}


def mismatch(client: Client, path: str) -> str:
    """Return the finding in the response to a GET."""
    with pytest.raises(ResponseMismatchError) as raised:
        client.get(path)
    return str(raised.value)


@pytest.mark.parametrize(
    ("body", "finding"),
    [
        ({**USER, "email": "a@example.com"}, "is unknown"),
        ({"userId": "a", "name": "A"}, "is required"),
        ({**USER, "name": 7}, "is not of type"),
    ],
    ids=["a leak", "a missing property", "a wrong type"],
)
def test_a_body_that_the_contract_does_not_describe_is_an_error(
    moto_tables: Tables, monkeypatch: pytest.MonkeyPatch, body: dict[str, Any], finding: str
) -> None:
    def get_user(parameters: GetUserParameters) -> dict[str, Any]:
        return {**body, "userId": parameters.user_id}

    monkeypatch.setattr(users, "get_user", get_user)
    client = Client(ResponseCheck(create_app(moto_tables)))
    assert re.search(f"^GET /users/a -> 200: .*{finding}", mismatch(client, "/users/a"))


def test_a_leak_in_an_entry_of_a_list_is_an_error(moto_tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    def list_event_registrations(parameters: ListEventRegistrationsParameters) -> dict[str, Any]:
        assert (parameters.event_id, parameters.limit) == ("e", 50)
        return {"registrations": [{**ENTRY, "seq": 3}]}

    monkeypatch.setattr(registrations, "list_event_registrations", list_event_registrations)
    client = Client(ResponseCheck(create_app(moto_tables)))
    assert mismatch(client, "/events/e/registrations").endswith("is unknown at ['registrations', 0, 'seq']")


def test_the_contract_itself_may_have_more_than_its_schema_lists(client: Client) -> None:
    assert "components" in client.get("/openapi.json").json()
