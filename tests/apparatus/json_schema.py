"""JSON Schema as OpenAPI 3.0 has it, by the library `jsonschema`: what the models of requests are compared with."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

from connexion.json_schema import Draft4RequestValidator
from jsonschema import Draft4Validator, FormatChecker, ValidationError
from jsonschema.validators import extend

FORMATS: Final = FormatChecker()
_DATE_TIME: Final = FORMATS.checkers["date-time"]


@FORMATS.checks("date-time")
def _is_date_time(value: object) -> bool:
    """Check like the library `rfc3339-validator`, which also lets a line break at the end pass."""
    return not isinstance(value, str) or (not value.endswith("\n") and bool(_DATE_TIME[0](value)))


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
    return ContractValidator(schema, format_checker=FORMATS)
