"""Strict JSON (RFC 8259) in UTF-8, without constructs that parsers interpret differently."""

import json
from typing import Any, Final

from pydantic_core import to_json

from handlers.request_errors import MalformedBody

#: Maximum number of digits of an integer that is kept exactly; a longer one is above every limit of the contract.
MAX_DIGITS: Final = 30


def render(value: Any) -> bytes:
    """Return the JSON text of a response's body: compact, with a line break at its end."""
    return to_json(value) + b"\n"


def parse(raw: bytes) -> Any:
    """Return the value of a JSON text.

    Raises:
        MalformedBody: The text is not JSON in UTF-8, is nested too deeply, or repeats a name in an object.

    """
    if not raw:
        raise MalformedBody("It is empty.")
    try:
        text = raw.decode()
        if text.startswith("\ufeff"):
            raise MalformedBody("It begins with a byte order mark (BOM).")
        return _DECODER.decode(text)
    except UnicodeDecodeError as error:
        raise MalformedBody(f"Byte {error.start} is not UTF-8.") from error
    except json.JSONDecodeError as error:
        raise MalformedBody(f"{error.msg} at line {error.lineno}, column {error.colno}.") from error
    except RecursionError as error:
        raise MalformedBody("It is nested too deeply.") from error


def _unique_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise MalformedBody("An object has two properties of the same name.")
    # Half of a surrogate pair is not a character: pydantic would refuse the object as a whole.
    return found if all(map(str.isascii, found)) else {_characters(name): value for name, value in found.items()}


def _characters(text: str) -> str:
    return text.encode(errors="replace").decode()


def _no_constant(name: str) -> None:
    raise MalformedBody(f"{name} is not valid JSON.")


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= MAX_DIGITS else _number(digits)


def _number(text: str) -> int | float:
    """Return an integer for `1.0` and `1e2` too: JSON has only one kind of number."""
    number = float(text)
    return int(number) if number.is_integer() else number


# `json.loads` with these options would make one for every body.
_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_unique_names, parse_constant=_no_constant, parse_int=_integer, parse_float=_number
)
