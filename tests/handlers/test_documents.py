"""The documents beside the operations: Swagger UI, its files, and the contract."""

import gzip
import json
from typing import Any, Final

import pytest
import yaml

from handlers.contract import PATH, Contract
from handlers.documents import ASSETS
from tests.apparatus.client import Client, problem

DOCUMENTS: Final = ["/docs", *(f"/docs/{name}" for name in ASSETS), "/openapi.json", "/openapi.yaml"]


def test_the_contract_is_served_as_written(client: Client) -> None:
    assert client.get("/openapi.yaml").content == PATH.read_bytes()
    served = client.get("/openapi.json")
    assert json.loads(served.content) == yaml.safe_load(PATH.read_bytes())
    assert "$ref" in served.text


def test_only_json_is_in_the_contract() -> None:
    """A generated client has no use for pages, files and text."""
    kinds = {
        kind
        for path in Contract().document["paths"].values()
        for name, operation in path.items()
        if name != "parameters"
        for response in operation["responses"].values()
        for kind in response.get("content", {})
    }
    assert kinds == {"application/json"}


def test_the_documentation_loads_nothing_from_other_hosts(client: Client) -> None:
    page = client.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert "//" not in page.text.replace("<!doctype html>", "")
    for asset, media_type in ASSETS.items():
        assert f"docs/{asset}" in page.text
        assert client.get(f"/docs/{asset}").headers["content-type"].startswith(media_type)


@pytest.mark.parametrize("asset", ["nothing.js", "index.html", "..%2fpyproject.toml", "%2e%2e%2fpyproject.toml"])
def test_other_files_are_not_served(client: Client, asset: str) -> None:
    assert client.get(f"/docs/{asset}").status_code == 404


@pytest.mark.parametrize("path", DOCUMENTS)
def test_a_document_is_revalidated_by_its_etag(client: Client, path: str) -> None:
    first = client.get(path)
    assert (first.status_code, first.headers["cache-control"]) == (200, "no-cache")
    etag = first.headers["etag"]
    for given in (etag, f'"other", {etag}'):
        again = client.get(path, headers={"If-None-Match": given})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
        assert again.headers["cache-control"] == "no-cache"
        assert "content-length" not in again.headers
    assert client.get(path, headers={"If-None-Match": 'W/"other"'}).content == first.content


@pytest.mark.parametrize("path", DOCUMENTS)
def test_the_preconditions_of_a_document_are_evaluated(client: Client, path: str) -> None:
    tag = client.get(path).headers["etag"]
    for value in ("*", tag, tag.removeprefix("W/"), f'"x", {tag}'):
        assert client.get(path, headers={"If-None-Match": value}).status_code == 304
    assert client.get(path, headers={"If-None-Match": '"x"'}).status_code == 200
    if path == "/openapi.json":
        assert problem(client.get(path, headers={"If-Match": tag})) == "invalid-request"
    else:
        assert client.get(path, headers={"If-Match": tag}).status_code == 200
        assert client.get(path, headers={"If-Match": '"x"'}).status_code == 412


@pytest.mark.parametrize("path", DOCUMENTS)
def test_a_document_is_served_below_the_path_of_a_mount(app: Any, path: str) -> None:
    def mounted(scope: Any, receive: Any, send: Any) -> Any:
        return app.app({**scope, "root_path": "/api"}, receive, send)

    client = Client(mounted)
    assert client.get(f"/api{path}").status_code == 200
    assert client.get("/api/events/none").status_code in {404, 503}


def test_the_contract_as_json_is_compact_and_ends_with_a_line_break(client: Client) -> None:
    text = client.get("/openapi.json").text
    assert text.endswith("}\n")
    assert '{"openapi":"3.0.3",' in text


def test_documents_of_different_content_have_different_etags(client: Client) -> None:
    assert len({client.get(path).headers["etag"] for path in DOCUMENTS}) == len(DOCUMENTS)


@pytest.mark.parametrize("path", [path for path in DOCUMENTS if not path.endswith(".png")])
def test_a_document_is_compressed_for_clients_that_accept_it(client: Client, path: str) -> None:
    plain = client.get(path, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    packed = client.get(path, headers={"Accept-Encoding": "br, gzip;q=0.8"})
    assert (packed.headers["content-encoding"], packed.content) == ("gzip", plain.content)
    assert int(packed.headers["content-length"]) == len(gzip.compress(plain.content, mtime=0)) < len(plain.content)
    assert all("Accept-Encoding" in answer.headers["vary"] for answer in (plain, packed))
    refused = client.get(path, headers={"Accept-Encoding": "gzip;q=0"})
    assert "content-encoding" not in refused.headers


def test_a_document_has_the_default_headers_and_a_page_its_own_policy(client: Client) -> None:
    for path in DOCUMENTS:
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert ("script-src" in headers["content-security-policy"]) is (path == "/docs")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_a_document_can_only_be_read(client: Client, method: str) -> None:
    answer = client.request(method, "/docs")
    assert (answer.status_code, problem(answer), answer.headers["allow"]) == (405, "about:blank", "GET, HEAD")


def test_requests_for_documents_are_logged_with_their_path(client: Client, log_lines: Any) -> None:
    client.get("/docs/swagger-ui.css")
    (line,) = log_lines()
    assert (line["route"], line["status"]) == ("/docs/swagger-ui.css", 200)
