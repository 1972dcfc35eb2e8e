"""What jsonschema found wrong, in the words of the contract's FieldError."""

import difflib
from collections.abc import Iterable, Iterator
from typing import Any, Final

from jsonschema import ValidationError

FieldError = dict[str, str]

#: A FieldError holds strings of so many characters at most.
MAX_TEXT: Final = 1000


def body_errors(errors: Iterable[ValidationError]) -> Iterator[FieldError]:
    """Yield what is wrong with a body, and where, as a JSON Pointer (RFC 6901)."""
    for error in errors:
        steps = (str(step).replace("~", "~0").replace("/", "~1") for step in error.absolute_path)
        yield {"pointer": _quoted("".join(f"/{step}" for step in steps)), "detail": _detail(error)[:MAX_TEXT]}


def parameter_errors(name: str, errors: Iterable[ValidationError]) -> Iterator[FieldError]:
    """Yield what is wrong with the value of a parameter."""
    for error in errors:
        yield parameter_error(name, _detail(error))


def parameter_error(name: str, detail: str) -> FieldError:
    """Return what is wrong with a parameter."""
    return {"parameter": _quoted(name), "detail": detail[:MAX_TEXT]}


def _quoted(text: str) -> str:
    """Return what a client made up, bounded, and without the half surrogate pairs that JSON can smuggle in."""
    return text[:MAX_TEXT].encode(errors="replace").decode()


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
    "not": "Must not be: {description}",
}


def _detail(error: ValidationError) -> str:
    """Say what is wrong without repeating the value, which may be long, or private."""
    schema: Any = error.schema
    value: Any = error.validator_value
    if error.validator == "additionalProperties":
        return f"There is no such property.{suggestion(str(error.path[-1]), schema['properties'])}"
    described = value if error.validator == "not" else schema
    return _DETAILS[str(error.validator)].format(
        value=", ".join(map(str, value)) if isinstance(value, list) else value,
        description=described.get("description", value),
    )


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return a hint at the known name that was probably meant, most often one with other capitals."""
    folded = {candidate.casefold(): candidate for candidate in known}
    meant = folded.get(name[:100].casefold())
    close = [meant] if meant else difflib.get_close_matches(name[:100], known, n=1)
    return f" Did you mean {close[0]}?" if close else ""
