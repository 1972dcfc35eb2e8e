"""The contract: the document in `openapi.yaml`."""

import hashlib
import json
from collections.abc import Container
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import yaml

#: In a checkout a link to the top level; in a wheel and on Lambda the file itself.
PATH: Final = Path(__file__).with_name("openapi.yaml").resolve()

#: Suffix of the rendering as JSON, in the package only.
RENDERING: Final = ".rendered.json"

#: Keywords whose values are for people.
_WORDS: Final = {"description", "example", "examples"}

_METHODS: Final = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}


class ContractError(Exception):
    """The contract can't be used; the message names the place and the reason."""


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation of the contract: a method on a path template."""

    operation_id: str
    method: str
    path: str


class Contract:
    """An OpenAPI document and the file that it was read from."""

    def __init__(self, path: Path = PATH) -> None:
        """Read the document.

        Raises:
            ContractError: The file is missing, is not valid YAML, or has a reference to nothing.

        """
        try:
            self.yaml = path.read_bytes()
            rendering = path.with_suffix(RENDERING)
            #: Whether it comes from the package for Lambda, which also contains its rendering as JSON.
            self.packaged = rendering.exists()
            self.document = _document(self.yaml, rendering)
        except (OSError, yaml.YAMLError) as error:
            raise ContractError(f"{path} can't be read: {error}") from error
        if not self.packaged:  # The build of a package has done it.
            self._check_references(self.document)

    def _check_references(self, node: Any) -> None:
        """Look up every reference; connexion ends in a traceback at the first one to nothing."""
        if isinstance(node, dict):
            if isinstance(node.get("$ref"), str):
                self._target(node)
            for entry in node.values():
                self._check_references(entry)
        elif isinstance(node, list):
            for entry in node:
                self._check_references(entry)

    @cached_property
    def json(self) -> bytes:
        """The document as JSON, references included."""
        return json.dumps(self.document, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"

    @cached_property
    def operations(self) -> dict[str, Operation]:
        """The operations by operationId.

        Raises:
            ContractError: The document has no operations, or one without an operationId.

        """
        try:
            return self._operations()
        except (AttributeError, KeyError, TypeError) as error:
            raise ContractError(f"the contract is not valid: its operations can't be read ({error!r})") from error

    def _operations(self) -> dict[str, Operation]:
        return {
            definition["operationId"]: Operation(definition["operationId"], method.upper(), path)
            for path, item in self.document["paths"].items()
            for method, definition in item.items()
            if method in _METHODS
        }

    def parameters(self, operation: Operation) -> list[dict[str, Any]]:
        """Return the parameters of an operation, including those of its path; their schemas may be references."""
        definitions = (self.document["paths"][operation.path], self._definition(operation))
        return [self._target(parameter) for each in definitions for parameter in each.get("parameters", [])]

    def body(self, operation: Operation) -> dict[str, Any] | None:
        """Return the schema of an operation's request body, which may be a reference, or None without a body."""
        body = self._definition(operation).get("requestBody")
        schema: dict[str, Any] | None = body and body["content"]["application/json"]["schema"]
        return schema

    def security(self, operation: Operation) -> list[dict[str, list[str]]]:
        """Return the alternative requirements of an operation, by security scheme; none if it is public.

        Raises:
            ContractError: They are not a list of objects.

        """
        everywhere = self.document.get("security", [])
        alternatives: list[dict[str, list[str]]] = self._definition(operation).get("security", everywhere)
        if not isinstance(alternatives, list) or not all(isinstance(each, dict) for each in alternatives):
            raise ContractError(f"the security of {operation.operation_id} is not a list of objects")
        return alternatives

    def names_user(self, operation: Operation) -> bool:
        """Return whether a request to an operation has a `userId`, in its path or in its body."""
        properties = self.resolve(self.body(operation) or {}).get("properties", {})
        return "userId" in properties or any(each["name"] == "userId" for each in self.parameters(operation))

    def responses(self, operation: Operation) -> dict[str, dict[str, Any]]:
        """Return the responses of an operation by status; their schemas may be references."""
        responses = self._definition(operation)["responses"]
        return {status: self._target(response) for status, response in responses.items()}

    def sent(self) -> list[dict[str, Any]]:
        """Return the contents of what the service sends to webhooks, each with its schema."""
        return [
            content
            for webhook in self.document.get("x-webhooks", {}).values()
            for content in webhook["post"]["requestBody"]["content"].values()
        ]

    def fingerprint(self, operation: Operation) -> str:
        """Return a hash of what a request and its responses may contain, which the operation's types are made of."""
        answers = {status: response.get("content") for status, response in self.responses(operation).items()}
        content = self.resolve([self.parameters(operation), self.body(operation), answers])
        text = json.dumps(without(content, _WORDS), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def resolve(self, node: Any) -> Any:
        """Return a part of the document with every reference in it replaced by its target."""
        if isinstance(node, list):
            return [self.resolve(entry) for entry in node]
        if not isinstance(node, dict):
            return node
        return {name: self.resolve(entry) for name, entry in self._target(node).items()}

    def _definition(self, operation: Operation) -> dict[str, Any]:
        definition: dict[str, Any] = self.document["paths"][operation.path][operation.method.lower()]
        return definition

    def _target(self, node: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in node:
            found: Any = self.document
            try:
                for step in node["$ref"].removeprefix("#/").split("/"):
                    found = found[step]
            except (KeyError, TypeError) as error:
                raise ContractError(f"the contract refers to {node['$ref']}, which it does not define") from error
            node = found
        return node

    def for_routing(self) -> dict[str, Any]:
        """Return a copy of the document for connexion.

        It has no `servers`, as connexion can't route below a relative server URL, and each operation names the module
        of its function: `handlers` and the operation's tag.
        """
        copy: dict[str, Any] = json.loads(self.json)
        del copy["servers"]
        for operation in self.operations.values():
            definition = copy["paths"][operation.path][operation.method.lower()]
            if not definition.get("tags"):
                raise ContractError(f"{operation.operation_id} has no tag, which names the module of its function")
            definition["x-openapi-router-controller"] = f"handlers.{definition['tags'][0]}"
        return copy


def without(node: Any, keywords: Container[str]) -> Any:
    """Return a part of the document without some keywords; a property may have the name of one."""
    if isinstance(node, list):
        return [without(entry, keywords) for entry in node]
    if not isinstance(node, dict):
        return node
    return {
        name: {key: without(value, keywords) for key, value in entry.items()}
        if name == "properties"
        else without(entry, keywords)
        for name, entry in node.items()
        if name not in keywords
    }


def _document(text: bytes, rendering: Path) -> dict[str, Any]:
    """Return the document of a YAML text; read its rendering as JSON if the package contains one, which is faster."""
    document: dict[str, Any] = (
        json.loads(rendering.read_bytes()) if rendering.exists() else yaml.load(text, _LOADER)  # noqa: S506 - both loaders are safe
    )
    return document


_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
