"""Validation of the responses of an application in this process against the contract."""

import re
from collections.abc import Mapping
from typing import Any, Final

import httpx
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from handlers.contract import Contract
from handlers.pipeline.json_text import parse
from handlers.problems import MEDIA_TYPE
from tests.apparatus.json_schema import validator_of


class ResponseMismatchError(AssertionError):
    """The response does not match the contract."""


def closed(node: Any) -> Any:
    """Return a part of a document in which no object has other properties than those listed.

    The contract does not forbid them in responses, so that a later version may add some; today they are a leak.
    """
    if isinstance(node, list):
        return [closed(entry) for entry in node]
    if not isinstance(node, dict):
        return node
    changed = {name: closed(entry) for name, entry in node.items()}
    return {"additionalProperties": False, **changed} if "properties" in changed and "type" in changed else changed


def _responses(contract: Contract) -> list[tuple[str, re.Pattern[str], dict[str, Any]]]:
    """Return the method, the paths and the responses of each operation."""
    return [
        (
            operation.method,
            re.compile(re.sub("{[^}]+}", "[^/]+", operation.path)),
            closed(contract.resolve(contract.responses(operation))),
        )
        for operation in contract.operations.values()
    ]


_CONTRACT: Final = Contract()
_RESPONSES: Final = _responses(_CONTRACT)
_PROBLEM: Final = {
    "content": {MEDIA_TYPE: {"schema": closed(_CONTRACT.resolve({"$ref": "#/components/schemas/Problem"}))}}
}
#: The responses to a request without an operation.
_OUTSIDE: Final = {"404": _PROBLEM, "405": _PROBLEM, "500": _PROBLEM}


class ResponseCheck:
    """Raises ResponseMismatchError in place of a response whose status, headers or body do not match the contract.

    The contract allows additional properties in them; here they are an error.
    """

    def __init__(self, app: ASGIApp) -> None:
        """Check the responses of `app`."""
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, and hold the response back until it is checked."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        messages: list[Message] = []

        async def hold(message: Message) -> None:
            messages.append(message)

        await self.app(scope, receive, hold)
        start = messages[0]
        content = b"".join(message.get("body", b"") for message in messages[1:])
        response = httpx.Response(start["status"], headers=start["headers"], content=content)
        path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1").partition("?")[0]
        check(scope["method"], path, response)
        for message in messages:
            await send(message)


def check(method: str, path: str, response: httpx.Response) -> None:
    """Check the response to a request; the path is that of the contract, without a stage.

    Raises:
        ResponseMismatchError: The contract does not describe the response.

    """
    if method in {"HEAD", "OPTIONS"} or path == "/openapi.yaml" or re.match("/docs(?:/|$)", path):
        return  # It is not in the contract.
    found = [responses for verb, paths, responses in _RESPONSES if verb == method and paths.fullmatch(path)]
    responses = found[0] if found else _OUTSIDE
    status = str(response.status_code)
    where = f"{method} {path} -> {status}"
    if status not in responses:
        raise ResponseMismatchError(f"{where}: the contract does not have this status")
    _check_headers(where, response.headers, responses[status].get("headers", {}))
    content = responses[status].get("content", {})
    _check_body(where, response.headers.get("content-type"), response.content, content)


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
