"""Operations of the service itself."""

import json

import pytest
import yaml

from handlers.contract import PATH
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


def test_the_contract_is_served_as_written(client: Client) -> None:
    assert client.get("/openapi.yaml").content == PATH.read_bytes()
    served = client.get("/openapi.json")
    assert json.loads(served.content) == yaml.safe_load(PATH.read_bytes())
    assert "$ref" in served.text


def test_the_documentation_loads_nothing_from_other_hosts(client: Client) -> None:
    page = client.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert "//" not in page.text.replace("<!doctype html>", "")
    for asset in ("swagger-ui.css", "swagger-ui-bundle.js", "index.css", "favicon-32x32.png"):
        assert f"docs/{asset}" in page.text
        answer = client.get(f"/docs/{asset}")
        assert answer.status_code == 200
        assert "max-age" in answer.headers["cache-control"]


@pytest.mark.parametrize("asset", ["nothing.js", "index.html", "..%2fpyproject.toml", "%2e%2e%2fpyproject.toml"])
def test_other_files_are_not_served(client: Client, asset: str) -> None:
    assert client.get(f"/docs/{asset}").status_code in {404, 422}
