"""The contract is one document, wherever it is read."""

import json
import re
from typing import Any

import yaml

from handlers.contract import PATH, Contract
from tests.apparatus.client import Client

ROOT = PATH.parent


def test_what_is_served_as_yaml_is_the_file(client: Client) -> None:
    assert client.get("/openapi.yaml").content == PATH.read_bytes()


def test_what_is_served_as_json_is_the_same_document_with_its_references(client: Client) -> None:
    """Compared as text, so that the order in which a reader meets things is the same as well."""
    served = client.get("/openapi.json").json()
    assert json.dumps(served) == json.dumps(yaml.safe_load(PATH.read_text()))


def test_the_readme_has_every_operation_and_no_other() -> None:
    rows = re.findall(r"^\| `([A-Z]+ /[^`?]*)[^`]*` \|", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert sorted(rows) == sorted(
        f"{operation.method} {operation.path}" for operation in Contract().operations.values()
    )


def test_the_readme_names_the_refusals_that_the_contract_has(contract: Any) -> None:
    text = (ROOT / "README.md").read_text()
    for operation in Contract().operations.values():
        row = re.search(rf"^\| `{operation.method} {re.escape(operation.path)}` \|.*\|(.*)\|$", text, re.MULTILINE)
        assert row
        if row[1].strip() == "the same":
            continue
        responses = contract["paths"][operation.path][operation.method.lower()]["responses"]
        assert set(re.findall(r"[a-z]+(?:-[a-z]+)+", row[1])) == problem_types(responses.get("409")), operation
        assert ("404" in row[1]) == ("404" in responses), operation
        assert ("412" in row[1]) == ("412" in responses), operation


def problem_types(response: Any) -> set[str]:
    """Return the problem types in the examples of a response."""
    if response is None:
        return set()
    content = response["content"]["application/problem+json"]
    examples = (
        [content["example"]] if "example" in content else [each["value"] for each in content["examples"].values()]
    )
    return {example["type"].removeprefix("urn:problem-type:events-api:") for example in examples}


def test_the_changelog_s_newest_version_is_that_of_the_contract() -> None:
    newest = re.search(r"^## \[([^\]]+)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest
    assert newest[1] == Contract().document["info"]["version"]
