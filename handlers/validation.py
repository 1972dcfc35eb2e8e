"""Validation against the contract: everything that is wrong with a request, in one answer."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from connexion.json_schema import Draft4RequestValidator
from connexion.middleware.request_validation import RequestValidationAPI, RequestValidationMiddleware
from connexion.operations import AbstractOperation
from jsonschema import Draft4Validator, FormatChecker, ValidationError
from jsonschema.validators import extend
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from handlers.field_errors import FieldError, detail, field_error, flat, parameter_error, suggestion
from handlers.json_text import MAX_DIGITS, parse
from handlers.problems import MAX_BODY_BYTES, BodyTooLarge, InvalidRequest, WrongMediaType


def _is_string(_checker: Any, value: Any) -> bool:
    return isinstance(value, str) and not re.search("[\ud800-\udfff]", value)


def _is_integer(_checker: Any, value: Any) -> bool:
    return (isinstance(value, int) and not isinstance(value, bool)) or (isinstance(value, float) and value.is_integer())


def _pattern(_validator: Any, pattern: str, value: Any, _schema: Any) -> Iterator[ValidationError]:
    """Match as JavaScript does, where `$` is the end of the text and never a place before a last line break."""
    if isinstance(value, str) and not re.search(re.sub(r"\$(?=$|\))", r"\\Z", pattern), value):
        yield ValidationError(f"does not match {pattern}")


#: JSON Schema as OpenAPI 3.0 means it: 1.0 is an integer, and half a surrogate pair is no text.
ContractValidator: Final[Any] = extend(  # type: ignore[no-untyped-call]
    Draft4RequestValidator,
    {"pattern": _pattern},
    type_checker=Draft4Validator.TYPE_CHECKER.redefine_many({"string": _is_string, "integer": _is_integer}),
)


def validator_of(schema: Mapping[str, Any]) -> Any:
    """Return a validator of a resolved schema of the contract."""
    return ContractValidator(schema, format_checker=FormatChecker())


class _ValidatedOperation:
    """The validators of one operation, made once."""

    def __init__(self, next_app: ASGIApp, operation: AbstractOperation) -> None:
        self._next_app = next_app
        self._parameters = {
            place: {
                parameter["name"]: validator_of(parameter["schema"])
                for parameter in operation.parameters
                if parameter["in"] == place
            }
            for place in ("path", "query", "header")
        }
        self._body = validator_of(operation.body_schema("application/json")) if operation.request_body else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        errors = [*self._path_errors(scope), *self._query_errors(scope), *self._header_errors(scope)]
        if self._body is not None:
            _check_media_type(scope)
            raw = await _read(scope, receive)
            errors += [field_error(error) for error in flat(self._body.iter_errors(parse(raw)))]
            scope, receive = _with_body(scope, [(b"content-type", b"application/json")]), _replay(raw)
        else:
            scope, receive = _with_body(scope, []), _replay(b"")
        if errors:
            raise InvalidRequest([dict(unique) for unique in dict.fromkeys(tuple(error.items()) for error in errors)])
        await self._next_app(scope, receive, send)

    def _path_errors(self, scope: Scope) -> Iterator[FieldError]:
        for name, validator in self._parameters["path"].items():
            yield from _parameter_errors(name, validator, scope["path_params"][name])

    def _query_errors(self, scope: Scope) -> Iterator[FieldError]:
        known = self._parameters["query"]
        given: dict[str, list[str]] = {}
        for name, value in parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True):
            given.setdefault(name, []).append(value)
        for name, values in given.items():
            if name not in known:
                yield parameter_error(name, f"There is no such parameter.{suggestion(name, known)}")
            elif len(values) > 1:
                yield parameter_error(name, "Is given more than once.")
            else:
                yield from _parameter_errors(name, known[name], _typed(values[0], known[name].schema))

    def _header_errors(self, scope: Scope) -> Iterator[FieldError]:
        for name, validator in self._parameters["header"].items():
            values = [value.decode("latin-1") for key, value in scope["headers"] if key.decode() == name.lower()]
            if values:
                yield from _parameter_errors(name, validator, ", ".join(values))


class _ValidatedAPI(RequestValidationAPI):
    def make_operation(self, operation: AbstractOperation) -> _ValidatedOperation:
        return _ValidatedOperation(self.next_app, operation)


class RequestValidation(RequestValidationMiddleware):
    """Validates requests in place of connexion's own, which says 400 and names only the first error."""

    api_cls = _ValidatedAPI


def _check_media_type(scope: Scope) -> None:
    """Refuse other types than plain JSON; a missing type is taken for it, and the charset is UTF-8 whatever is said."""
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


def _with_body(scope: Scope, content_type: list[tuple[bytes, bytes]]) -> Scope:
    """Announce the body in the one way that connexion knows, or none: it would parse a form that nobody asked for."""
    others = [(key, value) for key, value in scope["headers"] if key != b"content-type"]
    return {**scope, "headers": [*others, *content_type]}


def _replay(body: bytes) -> Receive:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def _typed(text: str, schema: Mapping[str, Any]) -> str | int:
    """Return the value that a text in a URL has; `+5` and `5.0` are no integers there."""
    if schema.get("type") == "integer" and re.fullmatch(f"-?[0-9]{{1,{MAX_DIGITS}}}", text):
        return int(text)
    return text


def _parameter_errors(name: str, validator: Any, value: str | int) -> Iterator[FieldError]:
    for error in flat(validator.iter_errors(value)):
        yield parameter_error(name, detail(error))
