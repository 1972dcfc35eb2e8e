"""In tests and on fuzzed stacks, a response that the contract does not describe is an error."""

import re
from typing import Any

import pytest

from handlers import registrations, users
from handlers.app import create_app
from handlers.pipeline.response_check import ResponseMismatchError
from storage.dynamodb.tables import Tables
from tests.apparatus.client import Client

USER = {"userId": "a", "name": "A", "createdAt": "2030-01-01T00:00:00.000Z"}
ENTRY = {"userId": "a", "eventId": "e", "status": "confirmed", "registeredAt": "2030-01-01T00:00:00.000Z"}


def mismatch(client: Client, path: str) -> str:
    """Return the finding in the response to a GET, which starlette reports as the cause of an error of its own."""
    with pytest.raises(RuntimeError) as raised:
        client.get(path)
    assert isinstance(raised.value.__cause__, ResponseMismatchError)
    return str(raised.value.__cause__)


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
    def get_user(user_id: str) -> dict[str, Any]:
        return {**body, "userId": user_id}

    monkeypatch.setattr(users, "get_user", get_user)
    client = Client(create_app(moto_tables, check_responses=True))
    assert re.search(f"^GET /users/a -> 200: .*{finding}", mismatch(client, "/users/a"))


def test_a_leak_in_an_entry_of_a_list_is_an_error(moto_tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    def list_event_registrations(event_id: str, limit: int, status: Any = None, cursor: Any = None) -> dict[str, Any]:
        assert (event_id, limit, status, cursor) == ("e", 50, None, None)
        return {"registrations": [{**ENTRY, "seq": 3}]}

    monkeypatch.setattr(registrations, "list_event_registrations", list_event_registrations)
    client = Client(create_app(moto_tables, check_responses=True))
    assert mismatch(client, "/events/e/registrations").endswith("is unknown at ['registrations', 0, 'seq']")


def test_the_contract_itself_may_have_more_than_its_schema_lists(client: Client) -> None:
    assert "components" in client.get("/openapi.json").json()
