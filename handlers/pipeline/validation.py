"""Validation of requests against the contract; all errors of a request are reported in one answer."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import islice
from typing import Any, Final
from urllib.parse import parse_qsl

from connexion.decorators.parameter import pythonic
from connexion.json_schema import Draft4RequestValidator
from connexion.operations import AbstractOperation
from jsonschema import Draft4Validator, FormatChecker, ValidationError
from jsonschema.validators import extend
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope

from handlers.pipeline.field_errors import FieldError, body_errors, parameter_error, parameter_errors, suggestion
from handlers.pipeline.json_text import MAX_DIGITS, parse
from handlers.request_errors import MAX_BODY_BYTES, MAX_ERRORS, BodyTooLarge, InvalidRequest, WrongMediaType

#: Maximum number of query parameters that are parsed. Operations have fewer than ten.
MAX_PARAMETERS: Final = 100


def _is_string(_checker: Any, value: Any) -> bool:
    return isinstance(value, str) and (value.isascii() or not re.search("[\ud800-\udfff]", value))


def _is_integer(_checker: Any, value: Any) -> bool:
    return (isinstance(value, int) and not isinstance(value, bool)) or (isinstance(value, float) and value.is_integer())


def _pattern(_validator: Any, pattern: str, value: Any, _schema: Any) -> Iterator[ValidationError]:
    """Match as JavaScript does, where `$` is the end of the text and not also before a final line break."""
    if isinstance(value, str) and not _regex(pattern).search(value):
        yield ValidationError(f"does not match {pattern}")


@cache
def _regex(pattern: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\$(?=$|\))", r"\\Z", pattern))


def _required(_validator: Any, names: list[str], value: Any, _schema: Any) -> Iterator[ValidationError]:
    """Report each missing property by its path; jsonschema's own error has the name only in its message."""
    if isinstance(value, dict):
        yield from (ValidationError("is required", path=[name]) for name in names if name not in value)


def _additional(_validator: Any, allowed: bool, value: Any, schema: Any) -> Iterator[ValidationError]:  # noqa: FBT001 - a schema's keyword
    """Report each unknown property by its path; in the contract this keyword is always false."""
    if isinstance(value, dict) and not allowed:
        known = schema["properties"]
        yield from (ValidationError("is unknown", path=[name]) for name in value if name not in known)


def _not(_validator: Any, forbidden: Mapping[str, Any], value: Any, _schema: Any) -> Iterator[ValidationError]:
    """Report each of several names of one field; in the contract this keyword only forbids to give all of them."""
    names: list[str] = forbidden["required"]
    if isinstance(value, dict) and all(name in value for name in names):
        yield from (ValidationError("is given under several names", path=[name]) for name in names)


#: JSON Schema for OpenAPI 3.0: connexion's draft 4, but 1.0 is an integer, and half a surrogate pair is not a string.
ContractValidator: Final[Any] = extend(  # type: ignore[no-untyped-call]
    Draft4RequestValidator,
    {"additionalProperties": _additional, "not": _not, "pattern": _pattern, "required": _required},
    type_checker=Draft4Validator.TYPE_CHECKER.redefine_many({"string": _is_string, "integer": _is_integer}),
)


def validator_of(schema: Mapping[str, Any]) -> Any:
    """Return a validator for a schema of the contract whose references are resolved."""
    return ContractValidator(schema, format_checker=FormatChecker())


class _Parameter:
    """A parameter of an operation, with the name of its argument in the handler."""

    def __init__(self, definition: Mapping[str, Any]) -> None:
        self.name: str = definition["name"]
        self.argument: str = pythonic(self.name)
        self.schema: Mapping[str, Any] = definition["schema"]
        self._validator = validator_of(self.schema)

    def errors(self, value: str | int) -> list[FieldError]:
        return list(parameter_errors(self.name, self._validator.iter_errors(value)))


class RequestSchema:
    """The parameters and the body of one operation, as the contract defines them."""

    def __init__(self, operation: AbstractOperation) -> None:
        """Prepare the validators."""
        parameters: dict[str, list[_Parameter]] = {"path": [], "query": [], "header": []}
        for definition in operation.parameters:
            parameters[definition["in"]].append(_Parameter(definition))
        self._path = parameters["path"]
        self._query = {parameter.name: parameter for parameter in parameters["query"]}
        self._headers = {parameter.name.lower().encode(): parameter for parameter in parameters["header"]}
        # A GET that is answered in full, although the client has the answer, does no harm.
        preconditions = {b"if-match"} if operation.method == "get" else {b"if-match", b"if-none-match"}
        self._refused_headers = preconditions - self._headers.keys()
        self._body = validator_of(operation.body_schema("application/json")) if operation.request_body else None
        self._defaults = {
            parameter.argument: parameter.schema["default"]
            for parameter in self._query.values()
            if "default" in parameter.schema
        }
        #: All names that the result of `read` may contain.
        self.arguments = [parameter.argument for place in parameters.values() for parameter in place]
        self.arguments += ["body"] if self._body else []

    async def read(self, scope: Scope, receive: Receive) -> dict[str, Any]:
        """Return the arguments for the handler: the parameters and the body of a request.

        Raises:
            InvalidRequest: The request does not match the contract.
            RequestRefused: The body can't be read.

        """
        values, errors = dict(self._defaults), list[FieldError]()
        self._read_path(scope, values, errors)
        if self._query or scope["query_string"]:
            self._read_query(scope, values, errors)
        self._read_headers(scope, values, errors)
        if self._body:
            _check_media_type(scope)
            values["body"] = parse(await _read(scope, receive))
            # Stop after one error more than is listed: the suggestion for each costs time.
            errors += islice(body_errors(self._body.iter_errors(values["body"])), MAX_ERRORS + 1)
        if errors:
            raise InvalidRequest(errors)
        return values

    def _read_path(self, scope: Scope, values: dict[str, Any], errors: list[FieldError]) -> None:
        for parameter in self._path:
            values[parameter.argument] = scope["path_params"][parameter.name]
            errors += parameter.errors(values[parameter.argument])

    def _read_query(self, scope: Scope, values: dict[str, Any], errors: list[FieldError]) -> None:
        if scope["query_string"].count(b"&") >= MAX_PARAMETERS:
            errors.append({"detail": f"There are more than {MAX_PARAMETERS} query parameters."})
            return
        given: dict[str, list[str]] = {}
        for name, text in parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True):
            given.setdefault(name, []).append(text)
        for name, texts in given.items():
            parameter = self._query.get(name)
            if parameter is None:
                errors.append(parameter_error(name, f"There is no such parameter.{self._known(name)}"))
            elif len(texts) > 1:
                errors.append(parameter_error(name, "Is given more than once."))
            else:
                values[parameter.argument] = _typed(texts[0], parameter.schema)
                errors += parameter.errors(values[parameter.argument])

    def _known(self, name: str) -> str:
        """Suggest the parameter that was probably meant, and list those of the operation."""
        listed = f" The parameters are {', '.join(self._query)}." if self._query else " There are none."
        return suggestion(name, self._query) + listed

    def _read_headers(self, scope: Scope, values: dict[str, Any], errors: list[FieldError]) -> None:
        for key, _value in scope["headers"]:
            # A precondition is never dropped in silence (RFC 9110, 13); other unknown headers are.
            if key in self._refused_headers:
                errors.append(parameter_error(key.decode().title(), "This operation has no such precondition."))
        for name, parameter in self._headers.items():
            texts = [value.decode("latin-1") for key, value in scope["headers"] if key == name]
            if texts:
                values[parameter.argument] = ", ".join(texts)
                errors += parameter.errors(values[parameter.argument])


def _check_media_type(scope: Scope) -> None:
    """Refuse types other than uncompressed JSON; a missing type means JSON, and any charset parameter is ignored."""
    expected = {b"content-type": "application/json", b"content-encoding": "identity"}
    for key, value in scope["headers"]:
        if key in expected and value.decode("latin-1").split(";")[0].strip().lower() != expected[key]:
            raise WrongMediaType


async def _read(scope: Scope, receive: Receive) -> bytes:
    length = next((value for key, value in scope["headers"] if key == b"content-length"), b"0")
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


def _typed(text: str, schema: Mapping[str, Any]) -> str | int:
    """Return the value of a text in a URL; `+5` and `5.0` are not integers there."""
    if schema.get("type") == "integer" and re.fullmatch(f"-?[0-9]{{1,{MAX_DIGITS}}}", text):
        return int(text)
    return text
