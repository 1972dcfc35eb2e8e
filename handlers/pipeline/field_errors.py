"""Translation of pydantic's errors into FieldErrors of the contract."""

import difflib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Final

from pydantic_core import ErrorDetails

from handlers.models import is_in_calendar
from handlers.models.answers import FieldError

#: Maximum length of the strings in a FieldError, in characters.
MAX_TEXT: Final = 1000

Schema = Mapping[str, Any]


def body_errors(errors: Iterable[ErrorDetails], schema: Schema) -> Iterator[FieldError]:
    """Yield the errors of a body, each located by a JSON Pointer (RFC 6901)."""
    for error in sorted(errors, key=lambda error: _ORDER.get(error["type"], len(_ORDER))):
        pointer = "".join(["/" + str(step).replace("~", "~0").replace("/", "~1") for step in error["loc"]])
        for detail in _details(error, schema):
            yield body_error(pointer, detail)


def body_error(pointer: str, detail: str) -> FieldError:
    """Return an error of a body."""
    return {"pointer": _quoted(pointer), "detail": detail[:MAX_TEXT]}


def parameter_errors(errors: Iterable[ErrorDetails], schema: Schema) -> Iterator[FieldError]:
    """Yield the errors of parameters, given the schema of an object that has them as properties."""
    for error in errors:
        name = str(error["loc"][0])
        for detail in [CURSOR_DETAIL] if name == "cursor" else _details(error, schema):
            yield parameter_error(name, detail)


def parameter_error(name: str, detail: str) -> FieldError:
    """Return an error of a parameter."""
    return {"parameter": _quoted(name), "detail": detail[:MAX_TEXT]}


def _quoted(text: str) -> str:
    """Return a client's text, truncated, with half surrogate pairs (which JSON can contain) replaced."""
    text = text[:MAX_TEXT]
    return text if text.isascii() else text.encode(errors="replace").decode()


_DAY: Final = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T|$)")

_TYPE: Final = "Must be of type {type}."

#: The error of a cursor that is damaged, or belongs to another list or other filters.
CURSOR_DETAIL: Final = "Must be the `nextCursor` of a page of the same list with the same filters, unchanged."

#: Unknown and missing properties come first: one may be the other, misspelt.
_ORDER: Final = {"extra_forbidden": 0, "missing": 1}

#: The detail of each kind of error; braces are keywords of the schema of the value.
_DETAILS: Final = {
    "missing": "Is required.",
    "model_type": _TYPE,
    "string_type": _TYPE,
    "string_unicode": _TYPE,
    "int_type": _TYPE,
    "bool_type": "Must be true or false.",
    "literal_error": "Must be one of: {enum}.",
    "string_too_short": "Must have at least {minLength} characters.",
    "string_too_long": "Must have at most {maxLength} characters.",
    "string_pattern_mismatch": "Must be: {description}",
    "greater_than_equal": "Must be at least {minimum}.",
    "less_than_equal": "Must be at most {maximum}.",
    "format": "Must be a valid {format}.",
    "no_such_day": "There is no such day.",
}


def _details(error: ErrorDetails, schema: Schema) -> list[str]:
    """Describe an error, and what else is wrong with the value; never with the value, which may be long or private."""
    for step in error["loc"]:
        if error["type"] == "extra_forbidden":
            return [f"There is no such property.{suggestion(str(step), schema['properties'])}"]
        schema = schema["properties"][step]
    kind, kinds = error["type"], [error["type"]]
    # pydantic stops at the first constraint of a value that fails.
    if kind == "literal_error" and not isinstance(error["input"], str):
        kinds.insert(0, "string_type")
    elif kind == "string_pattern_mismatch" and _is_no_such_day(error):
        kinds = ["no_such_day"]
    elif kind in {"string_too_short", "string_too_long"} and not _fits(error["input"], schema.get("pattern", "")):
        kinds.append("string_pattern_mismatch")
    values = {**schema, "enum": ", ".join(schema["enum"])} if "enum" in schema else schema
    return [_DETAILS[each].format_map(values) for each in kinds]


def _fits(text: str, pattern: str) -> bool:
    """Return whether a text matches a pattern, in which `$` is the end of the text."""
    return re.search(re.sub(r"\$$", r"\\Z", pattern), text) is not None


def _is_no_such_day(error: ErrorDetails) -> bool:
    """Return whether the date of an event has the right form, but is not in the calendar, such as 31 February."""
    if error["loc"] != ("date",) or not _DAY.match(error["input"]):
        return False
    return not is_in_calendar(error["input"][:10])


def suggestion(name: str, known: Collection[str]) -> str:
    """Suggest the known name that was probably meant, preferably one that differs only in case."""
    folded = name[:100].casefold()
    meant = next((candidate for candidate in known if candidate.casefold() == folded), None)
    close = [meant] if meant else difflib.get_close_matches(name[:100], known, n=1)
    return f" Did you mean {close[0]}?" if close else ""
