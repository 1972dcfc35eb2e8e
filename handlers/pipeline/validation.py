"""Validation of requests against the contract; all errors of a request are reported in one answer."""

import re
from collections.abc import Sequence
from itertools import islice
from typing import Any, Final
from urllib.parse import parse_qsl

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope

from handlers.contract import Contract, ContractError, Operation
from handlers.models import Request
from handlers.models.answers import FieldError
from handlers.models.requests import OPERATIONS
from handlers.pipeline.field_errors import body_error, body_errors, parameter_error, parameter_errors, suggestion
from handlers.pipeline.json_text import MAX_DIGITS, parse
from handlers.request_errors import MAX_BODY_BYTES, MAX_ERRORS, BodyTooLarge, InvalidRequest, WrongMediaType

#: Maximum number of query parameters that are parsed. Operations have fewer than ten.
MAX_PARAMETERS: Final = 100

#: The media type of a body, and its coding.
_MEDIA: Final = {b"content-type": "application/json", b"content-encoding": "identity"}

_Headers = Sequence[tuple[bytes, bytes]]


class RequestSchema:
    """The parameters and the body of one operation: its models, and their schemas in the contract."""

    def __init__(self, operation: Operation, contract: Contract) -> None:
        """Find the models of an operation.

        Raises:
            ContractError: The contract has changed since they were generated.

        """
        models = OPERATIONS.get(operation.operation_id)
        # The build of a package has compared the fingerprints.
        if models is None or not (contract.packaged or models.fingerprint == contract.fingerprint(operation)):
            raise ContractError(
                f"handlers/models does not match {operation.operation_id}: generate it again with"
                " `python -m tests.contract.models`"
            )
        self.parameters, self.body, _fingerprint = models
        self._body_schema = contract.resolve(contract.body(operation) or {})
        # Only one of these names of one field may be given, which no model can express with an error at each of them.
        self._alternatives: list[str] = self._body_schema.get("not", {}).get("required", [])
        parameters = contract.parameters(operation)
        properties = {parameter["name"]: contract.resolve(parameter["schema"]) for parameter in parameters}
        self._parameters_schema = {"properties": properties}
        names = {
            place: [parameter["name"] for parameter in parameters if parameter["in"] == place]
            for place in ("path", "query", "header")
        }
        self._path, self._query = names["path"], names["query"]
        # With nothing given there is nothing to validate, unless something is required.
        required = any(parameter.get("required") for parameter in parameters)
        self._defaults = None if required or self.parameters is None else self.parameters()
        self._headers = {name.lower().encode(): name for name in names["header"]}
        self._types = {name: schema["type"] for name, schema in properties.items()}
        # A GET that is answered in full, although the client has the answer, does no harm.
        preconditions = {b"if-match"} if operation.method == "GET" else {b"if-match", b"if-none-match"}
        self._refused_headers = preconditions - self._headers.keys()
        self._known_headers = {*_MEDIA, b"content-length", *self._headers, *self._refused_headers}

    async def read(self, scope: Scope, receive: Receive) -> dict[str, Request]:
        """Return the arguments for the handler: the parameters and the body of a request.

        Raises:
            InvalidRequest: The request does not match the contract.
            RequestRefused: The body can't be read.

        """
        arguments: dict[str, Request] = {}
        errors: list[FieldError] = []
        given = {name: scope["path_params"][name] for name in self._path}
        if self._query or scope["query_string"]:
            self._read_query(scope, given, errors)
        headers = [header for header in scope["headers"] if header[0] in self._known_headers]
        self._read_headers(headers, given, errors)
        if self._defaults and not given:
            arguments["parameters"] = self._defaults
        elif self.parameters:
            try:
                arguments["parameters"] = self.parameters.model_validate(given)
            except ValidationError as error:
                errors += parameter_errors(_errors(error), self._parameters_schema)
        if self.body:
            _check_media_type(headers)
            body = parse(await _read(headers, receive))
            try:
                arguments["body"] = self.body.model_validate(body)
            except ValidationError as error:
                # Stop after one error more than is listed: the suggestion for each costs time.
                errors += islice(body_errors(_errors(error), self._body_schema), MAX_ERRORS + 1)
            errors += self._duplicates(body)
        if errors:
            raise InvalidRequest(errors)
        return arguments

    def _duplicates(self, body: Any) -> list[FieldError]:
        """Return an error for each of several names of one field."""
        if not self._alternatives or not isinstance(body, dict) or not all(name in body for name in self._alternatives):
            return []
        return [
            body_error(f"/{name}", f"Give only one of: {', '.join(self._alternatives)}.") for name in self._alternatives
        ]

    def _read_query(self, scope: Scope, given: dict[str, Any], errors: list[FieldError]) -> None:
        if scope["query_string"].count(b"&") >= MAX_PARAMETERS:
            errors.append({"detail": f"There are more than {MAX_PARAMETERS} query parameters."})
            return
        query: dict[str, list[str]] = {}
        for name, text in parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True):
            query.setdefault(name, []).append(text)
        for name, texts in query.items():
            if name not in self._query:
                errors.append(parameter_error(name, f"There is no such parameter.{self._known(name)}"))
            elif len(texts) > 1:
                errors.append(parameter_error(name, "Is given more than once."))
            else:
                given[name] = _value(texts[0], self._types[name])

    def _known(self, name: str) -> str:
        """Suggest the parameter that was probably meant, and list those of the operation."""
        listed = f" The parameters are {', '.join(self._query)}." if self._query else " There are none."
        return suggestion(name, self._query) + listed

    def _read_headers(self, headers: _Headers, given: dict[str, Any], errors: list[FieldError]) -> None:
        # A precondition is never dropped in silence (RFC 9110, 13); other unknown headers are.
        errors += [
            parameter_error(key.decode().title(), "This operation has no such precondition.")
            for key, _value in headers
            if key in self._refused_headers
        ]
        for key, name in self._headers.items():
            texts = [value.decode("latin-1") for header, value in headers if header == key]
            if texts:
                given[name] = ", ".join(texts)


def _errors(error: ValidationError) -> list[ErrorDetails]:
    return error.errors(include_url=False, include_context=False)


def _check_media_type(headers: _Headers) -> None:
    """Refuse types other than uncompressed JSON; a missing type means JSON, and any charset parameter is ignored."""
    for key, value in headers:
        if key in _MEDIA and value.decode("latin-1").split(";")[0].strip().lower() != _MEDIA[key]:
            raise WrongMediaType


async def _read(headers: _Headers, receive: Receive) -> bytes:
    length = next((value for key, value in headers if key == b"content-length"), b"0")
    if length.isdigit() and int(length) > MAX_BODY_BYTES:
        raise BodyTooLarge
    chunks, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > MAX_BODY_BYTES:
            raise BodyTooLarge
        more = message.get("more_body", False)
    return b"".join(chunks)


_BOOLEANS: Final = {"true": True, "false": False}


def _value(text: str, kind: str) -> str | int | bool:
    """Return the value of a text in a URL, or the text if it has not this type; `+5`, `5.0` and `TRUE` have none."""
    if kind == "boolean":
        return _BOOLEANS.get(text, text)
    is_integer = kind == "integer" and re.fullmatch(f"-?[0-9]{{1,{MAX_DIGITS}}}", text)
    return int(text) if is_integer else text
