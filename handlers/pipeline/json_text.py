"""JSON as RFC 8259 has it, in UTF-8, and nothing that different readers take differently."""

import json
from typing import Any, Final

from handlers.request_errors import MalformedBody

#: No number of the contract has as many digits; longer ones need not be computed to be refused.
MAX_DIGITS: Final = 30


def parse(raw: bytes) -> Any:
    """Return the value of a JSON text, without what JSON does not have and what different readers take differently.

    Raises:
        MalformedBody: It is not JSON in UTF-8, is nested too deeply, or gives a name twice in an object.

    """
    if not raw:
        raise MalformedBody("It is empty.")
    try:
        return json.loads(
            raw.decode(), object_pairs_hook=_unique_names, parse_constant=_no_constant, parse_int=_bounded_integer
        )
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
    return found


def _no_constant(name: str) -> None:
    raise MalformedBody(f"{name} is no JSON value.")


def _bounded_integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= MAX_DIGITS else float(digits)
