"""Operations of the service itself."""

import pytest

from storage.dynamodb.tables import Tables
from storage.errors import StorageUnavailable
from tests.apparatus.client import Client, problem


def test_the_root_links_to_documentation_contract_and_health(client: Client) -> None:
    body = client.get("/").json()
    assert body["name"] == "Events API"
    for link in body["links"].values():
        assert client.get(f"/{link}").status_code == 200


def test_the_service_is_healthy_if_its_store_is(
    client: Client, moto_tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert client.get("/health").json() == {"status": "healthy"}

    def down() -> None:
        raise StorageUnavailable("down")

    monkeypatch.setattr(moto_tables, "ping", down)
    answer = client.get("/health")
    assert (answer.status_code, problem(answer), answer.headers["retry-after"]) == (503, "storage-unavailable", "5")
