"""The contract is the same document in the file, over HTTP, in the README and in the changelog."""

import json
import re
from typing import Any

import yaml

from handlers.contract import PATH, Contract
from tests.apparatus.client import Client

ROOT = PATH.parent


def test_the_contract_served_as_yaml_is_the_file(client: Client) -> None:
    assert client.get("/openapi.yaml").content == PATH.read_bytes()


def test_the_contract_served_as_json_is_the_same_document_with_its_references(client: Client) -> None:
    """The comparison as text includes the order."""
    served = client.get("/openapi.json").json()
    assert json.dumps(served) == json.dumps(yaml.safe_load(PATH.read_text()))


def test_the_readme_has_every_operation_and_no_other() -> None:
    rows = re.findall(r"^\| `([A-Z]+ /[^`?]*)[^`]*` \|", (ROOT / "README.md").read_text(), re.MULTILINE)
    operations = {f"{operation.method} {operation.path}" for operation in Contract().operations.values()}
    missing, surplus = operations - set(rows), set(rows) - operations
    assert not missing, f"add a row for {', '.join(sorted(missing))} to the table of operations in README.md"
    assert not surplus, f"remove {', '.join(sorted(surplus))} from the table of operations in README.md"
    assert len(rows) == len(operations), "an operation has two rows in README.md"


def test_the_readme_names_the_refusals_that_the_contract_has(contract: Any) -> None:
    text = (ROOT / "README.md").read_text()
    for operation in Contract().operations.values():
        name = f"{operation.method} {operation.path}"
        row = re.search(rf"^\| `{re.escape(name)}` \|.*\|(.*)\|$", text, re.MULTILINE)
        assert row, f"add a row for {name} to the table of operations in README.md"
        if row[1].strip() == "the same":
            continue
        responses = contract["paths"][operation.path][operation.method.lower()]["responses"]
        named, documented = set(re.findall(r"[a-z]+(?:-[a-z]+)+", row[1])), problem_types(responses.get("409"))
        assert named == documented, f"{name}: name the problems of its 409 in README.md: {sorted(documented)}"
        for status in ("404", "412"):
            assert (status in row[1]) == (status in responses), f"{name}: README.md and the contract differ on {status}"


def problem_types(response: Any) -> set[str]:
    """Return the problem types in the examples of a response."""
    if response is None:
        return set()
    content = response["content"]["application/problem+json"]
    examples = (
        [content["example"]] if "example" in content else [each["value"] for each in content["examples"].values()]
    )
    return {example["type"].removeprefix("urn:problem-type:events-api:") for example in examples}


def test_the_newest_version_of_the_changelog_is_that_of_the_contract() -> None:
    newest = re.search(r"^## \[([^\]]+)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest
    assert newest[1] == Contract().document["info"]["version"]
