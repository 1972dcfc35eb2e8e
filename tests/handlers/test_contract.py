"""The contract is valid and consistent, and every operation has its function."""

import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import openapi_spec_validator
import pytest
import yaml

from handlers.app import create_app
from handlers.contract import PATH, Contract, ContractError
from handlers.models.requests import UserInput
from storage.dynamodb.tables import Tables
from tests.apparatus.json_schema import validator_of

CONTRACT = Contract()
RESOLVED = CONTRACT.resolve(CONTRACT.document)


def test_the_contract_is_valid() -> None:
    openapi_spec_validator.validate(CONTRACT.document)


def test_the_version_is_that_of_the_project() -> None:
    project = (PATH.parent / "pyproject.toml").read_text()
    assert f'version = "{CONTRACT.document["info"]["version"]}"' in project


@pytest.mark.parametrize("operation_id", CONTRACT.operations)
def test_every_operation_has_its_function_in_the_file_of_its_tag(operation_id: str) -> None:
    operation = CONTRACT.operations[operation_id]
    definition = CONTRACT.document["paths"][operation.path][operation.method.lower()]
    (tag,) = definition["tags"]
    assert re.fullmatch("[a-z_]+", operation_id)
    assert inspect.isfunction(getattr(import_module(f"handlers.{tag}"), operation_id))


def test_every_function_of_a_tag_is_an_operation() -> None:
    for tag in ("events", "users", "registrations", "system"):
        module = import_module(f"handlers.{tag}")
        functions = {
            name
            for name, value in vars(module).items()
            if inspect.isfunction(value) and value.__module__ == module.__name__ and not name.startswith("_")
        }
        paths = CONTRACT.document["paths"]
        operations = CONTRACT.operations.values()
        assert functions == {
            operation.operation_id
            for operation in operations
            if paths[operation.path][operation.method.lower()]["tags"] == [tag]
        }


def schemas(node: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the path and the value of every schema below a node of the document."""
    if isinstance(node, list):
        for number, entry in enumerate(node):
            yield from schemas(entry, f"{path}/{number}")
    elif isinstance(node, dict):
        if path == "/components/securitySchemes":
            return
        if isinstance(node.get("type"), str) and path.rsplit("/", 1)[-1] not in {"properties", "example", "value"}:
            yield path, node
        for name, entry in node.items():
            if name not in {"example", "examples", "default", "enum"}:
                yield from schemas(entry, f"{path}/{name}")


@pytest.mark.parametrize("where", [where for where, _schema in schemas(CONTRACT.document)])
def test_every_schema_has_bounds(where: str) -> None:
    schema = dict(schemas(CONTRACT.document))[where]
    match schema["type"]:
        case "string":
            assert {"maxLength", "enum"} & schema.keys(), f"give {where} a maxLength or an enum"
        case "integer":
            missing = {"minimum", "maximum", "format"} - schema.keys()
            assert not missing, f"give {where} {' and '.join(sorted(missing))}"
        case "array":
            missing = {"maxItems", "items"} - schema.keys()
            assert not missing, f"give {where} {' and '.join(sorted(missing))}"
        case "object":
            # A request has only the properties that the contract lists; a later version may add some to a response.
            name = where.removeprefix("/components/schemas/").partition("/")[0]
            closed = schema.get("additionalProperties") is False
            assert closed is name.endswith(("Input", "Update")), where
        case other:
            assert other == "boolean"


@pytest.mark.parametrize("where", [where for where, schema in schemas(CONTRACT.document) if "required" in schema])
def test_every_required_property_is_defined(where: str) -> None:
    schema = dict(schemas(CONTRACT.document))[where]
    assert set(schema["required"]) <= schema["properties"].keys()
    assert set(schema.get("not", {}).get("required", [])) <= schema["properties"].keys()


def examples(node: Any, path: str = "") -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """Yield the path, the value and the schema of every example below a node."""
    if isinstance(node, list):
        for number, entry in enumerate(node):
            yield from examples(entry, f"{path}/{number}")
    elif isinstance(node, dict):
        schema = node.get("schema", node)
        if "example" in node:
            yield path, node["example"], schema
        for name, example in node.get("examples", {}).items():
            yield f"{path}/{name}", example["value"], schema
        if "default" in node and "type" in node:
            yield f"{path}/default", node["default"], node
        for name, entry in node.items():
            if name not in {"example", "examples"}:
                yield from examples(entry, f"{path}/{name}")


EXAMPLES = {where: (example, schema) for where, example, schema in examples(RESOLVED["components"])}


@pytest.mark.parametrize("where", EXAMPLES)
def test_every_example_fits_its_schema(where: str) -> None:
    example, schema = EXAMPLES[where]
    assert [error.message for error in validator_of(schema).iter_errors(example)] == []


@pytest.mark.parametrize("name", RESOLVED["components"]["parameters"])
def test_a_parameter_has_an_example_only_if_it_is_required(name: str) -> None:
    """Swagger UI fills examples in: that of a filter, a cursor or a precondition would fit no data."""
    parameter = RESOLVED["components"]["parameters"][name]
    has_example = not {"example", "examples"}.isdisjoint(parameter.keys() | parameter["schema"].keys())
    assert has_example is parameter.get("required", False)


def test_every_operation_lists_all_its_error_statuses() -> None:
    for operation in CONTRACT.operations.values():
        definition = RESOLVED["paths"][operation.path][operation.method.lower()]
        item = RESOLVED["paths"][operation.path]
        statuses = set(definition["responses"])
        parameters = definition.get("parameters", []) + item.get("parameters", [])
        name = f"{operation.method} {operation.path}"
        assert "500" in statuses, f"document 500 for {name}"
        missing = {"400", "413", "415", "422"} - statuses if "requestBody" in definition else set()
        assert not missing, (
            f"document {', '.join(sorted(missing))} for {name}: an operation with a body can answer them"
        )
        assert "422" in statuses or not parameters, (
            f"document 422 for {name}: every operation with parameters can answer it"
        )
        assert definition["summary"], f"give {name} a summary"
        assert definition["description"], f"give {name} a description"


def write(tmp_path: Path, change: Any) -> Contract:
    document = yaml.safe_load(PATH.read_bytes())
    change(document)
    path = tmp_path / "openapi.yaml"
    path.write_text(yaml.safe_dump(document))
    return Contract(path)


def test_an_operation_without_a_function_stops_the_start(tmp_path: Path, moto_tables: Tables) -> None:
    def rename(document: Any) -> None:
        document["paths"]["/health"]["get"]["operationId"] = "check_helth"

    with pytest.raises(ContractError, match=r"no function.*check_helth"):
        create_app(moto_tables, contract=write(tmp_path, rename))


def test_a_request_that_the_models_were_not_generated_from_stops_the_start(tmp_path: Path, moto_tables: Tables) -> None:
    def add(document: Any) -> None:
        document["paths"]["/health"]["get"]["parameters"] = [
            {"name": "deepCheck", "in": "query", "schema": {"type": "string"}}
        ]

    with pytest.raises(ContractError, match=r"check_health: generate .* `python -m tests\.contract\.models`"):
        create_app(moto_tables, contract=write(tmp_path, add))


def test_other_words_in_the_contract_need_no_new_models(tmp_path: Path, moto_tables: Tables) -> None:
    def reword(document: Any) -> None:
        document["components"]["schemas"]["EventTitle"].update(description="A name.", example="A party")
        document["components"]["schemas"]["EventInput"]["example"]["title"] = "A party"
        document["components"]["responses"]["EventNotFound"]["content"]["application/problem+json"]["example"] = {
            "type": "urn:problem-type:events-api:event-not-found",
            "title": "Event not found",
            "status": 404,
            "detail": "No event has this id.",
        }

    create_app(moto_tables, contract=write(tmp_path, reword))


def test_a_function_that_takes_other_models_stops_the_start(
    moto_tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    def get_user(body: UserInput) -> None:
        raise AssertionError(body)

    monkeypatch.setattr("handlers.users.get_user", get_user)
    with pytest.raises(ContractError, match=r"get_user takes body: UserInput, and .* parameters: GetUserParameters"):
        create_app(moto_tables)


def test_an_operation_in_a_file_that_does_not_exist_stops_the_start(tmp_path: Path, moto_tables: Tables) -> None:
    def rename(document: Any) -> None:
        document["paths"]["/health"]["get"]["operationId"] = "handlers.sistem.check_health"

    with pytest.raises(ContractError, match=r"handlers\.sistem"):
        create_app(moto_tables, contract=write(tmp_path, rename))


def test_a_contract_that_is_not_valid_stops_the_start(tmp_path: Path, moto_tables: Tables) -> None:
    def spoil(document: Any) -> None:
        document["paths"]["/health"]["get"]["responses"] = 7

    with pytest.raises(ContractError, match=r"the contract is not valid at paths"):
        create_app(moto_tables, contract=write(tmp_path, spoil))


@pytest.mark.parametrize("reference", ["#/components/schemas/Evnt", "other.yaml#/Event", "#/info/title/x"])
def test_a_reference_to_nothing_stops_the_start_with_one_line(tmp_path: Path, reference: str) -> None:
    def misspell(document: Any) -> None:
        document["paths"]["/health"]["get"]["responses"]["200"]["content"]["application/json"]["schema"] = {
            "$ref": reference
        }

    with pytest.raises(ContractError) as error:
        write(tmp_path, misspell)
    assert str(error.value) == f"the contract refers to {reference}, which it does not define"


def test_an_operation_without_a_tag_stops_the_start(tmp_path: Path, moto_tables: Tables) -> None:
    def untag(document: Any) -> None:
        del document["paths"]["/health"]["get"]["tags"]

    with pytest.raises(ContractError, match="check_health has no tag"):
        create_app(moto_tables, contract=write(tmp_path, untag))


def test_only_the_contract_of_a_package_is_not_validated_at_the_start(tmp_path: Path, moto_tables: Tables) -> None:
    def spoil(document: Any) -> None:
        document["info"]["contact"] = 7

    spoilt = write(tmp_path, spoil)
    with pytest.raises(ContractError, match=r"the contract is not valid at info/contact"):
        create_app(moto_tables, contract=spoilt)
    (tmp_path / "openapi.rendered.json").write_bytes(spoilt.json)
    create_app(moto_tables, contract=Contract(tmp_path / "openapi.yaml"))
    with pytest.raises(ContractError, match=r"the contract is not valid at info/contact"):
        create_app(moto_tables, contract=spoilt)


def test_a_contract_that_can_not_be_read_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="can't be read"):
        Contract(tmp_path / "nothing.yaml")
    (tmp_path / "bad.yaml").write_text("a: [")
    with pytest.raises(ContractError, match="can't be read"):
        Contract(tmp_path / "bad.yaml")
