"""Translation of jsonschema's errors into FieldErrors of the contract."""

import difflib
import re
from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any, Final

from jsonschema import ValidationError

FieldError = dict[str, str]

#: Maximum length of the strings in a FieldError, in characters.
MAX_TEXT: Final = 1000


def body_errors(errors: Iterable[ValidationError]) -> Iterator[FieldError]:
    """Yield the errors of a body, each located by a JSON Pointer (RFC 6901)."""
    for error in errors:
        steps = (str(step).replace("~", "~0").replace("/", "~1") for step in error.absolute_path)
        yield {"pointer": _quoted("".join(f"/{step}" for step in steps)), "detail": _detail(error)[:MAX_TEXT]}


def parameter_errors(name: str, errors: Iterable[ValidationError]) -> Iterator[FieldError]:
    """Yield the errors of a parameter's value."""
    for error in errors:
        yield parameter_error(name, _detail(error))


def parameter_error(name: str, detail: str) -> FieldError:
    """Return an error of a parameter."""
    return {"parameter": _quoted(name), "detail": detail[:MAX_TEXT]}


def _quoted(text: str) -> str:
    """Return a client's text, truncated, with half surrogate pairs (which JSON can contain) replaced."""
    return text[:MAX_TEXT].encode(errors="replace").decode()


_DAY: Final = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T|$)")

_DETAILS: Final = {
    "required": "Is required.",
    "type": "Must be of type {value}.",
    "enum": "Must be one of: {value}.",
    "minLength": "Must have at least {value} characters.",
    "maxLength": "Must have at most {value} characters.",
    "minimum": "Must be at least {value}.",
    "maximum": "Must be at most {value}.",
    "format": "Must be a valid {value}.",
    "pattern": "Must be: {description}",
    "not": "Give only one of: {value}.",
}


def _detail(error: ValidationError) -> str:
    """Describe an error without repeating the value, which may be long or private."""
    schema: Any = error.schema
    value: Any = error.validator_value
    if error.validator == "not":
        value = value["required"]
    if _is_no_day(error, schema.get("format"), error.instance):
        return "There is no such day."
    if error.validator == "additionalProperties":
        return f"There is no such property.{suggestion(str(error.path[-1]), schema['properties'])}"
    return _DETAILS[str(error.validator)].format(
        value=", ".join(map(str, value)) if isinstance(value, list) else value,
        description=schema.get("description", value),
    )


def _is_no_day(error: ValidationError, kind: str | None, value: Any) -> bool:
    """Return whether a date has the right form, but is not in the calendar, such as 31 February."""
    is_date = kind == "date" or list(error.absolute_path)[-1:] == ["date"]
    if not is_date or error.validator not in {"format", "pattern"} or not _DAY.match(value):
        return False
    try:
        date.fromisoformat(value[:10])
    except ValueError:
        return True
    return False


def suggestion(name: str, known: Iterable[str]) -> str:
    """Suggest the known name that was probably meant, preferably one that differs only in case."""
    folded = {candidate.casefold(): candidate for candidate in known}
    meant = folded.get(name[:100].casefold())
    close = [meant] if meant else difflib.get_close_matches(name[:100], known, n=1)
    return f" Did you mean {close[0]}?" if close else ""
