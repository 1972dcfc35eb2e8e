"""What jsonschema found wrong, in the words of the contract's FieldError."""

import difflib
from collections.abc import Iterable, Iterator
from typing import Any, Final

from jsonschema import ValidationError

FieldError = dict[str, str]

#: A FieldError holds strings of so many characters at most.
MAX_TEXT: Final = 1000


def parameter_error(name: str, detail: str) -> FieldError:
    """Return what is wrong with a parameter."""
    return {"parameter": quoted(name), "detail": detail[:MAX_TEXT]}


def quoted(name: str) -> str:
    """Return a name that a client made up, bounded, and without the half surrogate pairs that JSON can smuggle in."""
    return name[:MAX_TEXT].encode(errors="replace").decode()


def flat(errors: Iterable[ValidationError]) -> Iterator[ValidationError]:
    """Yield one error for each property, where jsonschema has one for all that are missing or unknown."""
    for error in errors:
        names: Iterable[str] = ()
        schema: Any = error.schema
        value: Any = error.validator_value
        body: Any = error.instance
        if error.validator == "required":
            names = [name for name in value if name not in body]
        elif error.validator == "additionalProperties":
            names = [name for name in body if name not in schema["properties"]]
        else:
            yield error
        for name in names:
            yield ValidationError(
                error.message,
                validator=error.validator,
                path=[*error.absolute_path, name],
                instance=body,
                schema=error.schema,
            )


def field_error(error: ValidationError) -> FieldError:
    steps = (str(step).replace("~", "~0").replace("/", "~1") for step in error.absolute_path)
    return {"pointer": quoted("".join(f"/{step}" for step in steps)), "detail": detail(error)[:MAX_TEXT]}


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


def detail(error: ValidationError) -> str:
    """Say what is wrong without repeating the value, which may be long, or private."""
    schema: Any = error.schema
    value: Any = error.validator_value
    if error.validator == "additionalProperties":
        return f"There is no such property.{suggestion(str(error.absolute_path[-1]), schema['properties'])}"
    described = value if error.validator == "not" else schema
    return _DETAILS[str(error.validator)].format(
        value=", ".join(map(str, value)) if isinstance(value, list) else value,
        description=described.get("description", value),
    )


def suggestion(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name[:100], known, n=1)
    return f" Did you mean {close[0]}?" if close else ""
