"""Validation of responses against the contract, for tests and fuzzed stacks."""

import gzip
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from connexion.json_schema import resolve_refs
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from handlers.contract import Contract
from handlers.pipeline.json_text import parse
from handlers.pipeline.validation import validator_of
from handlers.problems import MEDIA_TYPE


class ResponseMismatchError(AssertionError):
    """The response does not match the contract."""


class ResponseCheck:
    """Raises ResponseMismatchError in place of a response whose status, headers or body do not match the contract.

    connexion's own check ignores problem documents and the values of headers.
    """

    def __init__(self, app: ASGIApp, contract: Contract) -> None:
        """Check the responses of `app`."""
        self._app = app
        document = _closed(resolve_refs(contract.for_routing()))
        self._responses: dict[str, dict[str, Any]] = {
            operation.operation_id: document["paths"][operation.path][operation.method.lower()]["responses"]
            for operation in contract.operations.values()
        }
        problem = {"content": {MEDIA_TYPE: {"schema": document["components"]["schemas"]["Problem"]}}}
        self._outside = {"404": problem, "405": problem, "500": problem}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, and hold the response back until it is checked."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        messages: list[Message] = []

        async def hold(message: Message) -> None:
            messages.append(message)
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                self._check(scope, messages)
                for held in messages:
                    await send(held)

        await self._app(scope, receive, hold)

    def _check(self, scope: Scope, messages: list[Message]) -> None:
        if "document" in scope["extensions"] or messages[0]["status"] == HTTPStatus.NOT_MODIFIED:
            return  # It is not in the contract.
        operation_id = scope["extensions"].get("connexion_routing", {}).get("operation_id")
        responses = self._responses[operation_id] if operation_id else self._outside
        status = str(messages[0]["status"])
        where = f"{scope['method']} {scope['path']} -> {status}"
        if status not in responses:
            raise ResponseMismatchError(f"{where}: the contract does not have this status")
        headers = {key.decode("latin-1").lower(): value.decode("latin-1") for key, value in messages[0]["headers"]}
        _check_headers(where, headers, responses[status].get("headers", {}))
        body = b"".join(message.get("body", b"") for message in messages[1:])
        if headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        _check_body(where, headers.get("content-type"), body, responses[status].get("content", {}))


def _closed(node: Any) -> Any:
    """Return a part of a document in which no object has other properties than those listed.

    The contract does not forbid them in responses, so that a later version may add some; today they are a leak.
    """
    if isinstance(node, list):
        return [_closed(entry) for entry in node]
    if not isinstance(node, dict):
        return node
    closed = {name: _closed(entry) for name, entry in node.items()}
    return {"additionalProperties": False, **closed} if "properties" in closed and "type" in closed else closed


def _check_headers(where: str, headers: Mapping[str, str], definitions: Mapping[str, Any]) -> None:
    for name, definition in definitions.items():
        value: str | int | None = headers.get(name.lower())
        if value is None:
            if definition.get("required"):
                raise ResponseMismatchError(f"{where}: header {name} is missing")
            continue
        if definition["schema"]["type"] == "integer":
            value = int(value)
        _check_value(f"{where}: header {name}", value, definition["schema"])


def _check_body(where: str, content_type: str | None, body: bytes, content: Mapping[str, Any]) -> None:
    media_type = content_type.split(";")[0] if content_type else None
    if not content:
        if body or media_type:
            raise ResponseMismatchError(f"{where}: a body or a content type, and the contract has neither")
        return
    if media_type is None or media_type not in content:
        raise ResponseMismatchError(f"{where}: the contract does not have {media_type}")
    if media_type.endswith("json"):
        _check_value(where, parse(body), content[media_type]["schema"])


def _check_value(where: str, value: Any, schema: Mapping[str, Any]) -> None:
    for error in validator_of(schema).iter_errors(value):
        raise ResponseMismatchError(f"{where}: {error.message} at {list(error.absolute_path)}")
