"""Types of requests and answers: `requests` and `answers` are generated from the contract by a command of the tests.

`python -m tests.contract.models` writes both files after a change to `openapi.yaml`. This file has what they build on.
"""

import re
from datetime import date
from typing import Annotated, Final, NamedTuple, TypeVar

from pydantic import MISSING, AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

Value = TypeVar("Value")


class Request(BaseModel):
    """A body, or the parameters of an operation. Types are not converted, and unknown properties are refused.

    An absent property is `MISSING`, never None.
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class RequestModels(NamedTuple):
    """The models of an operation's request, and the fingerprint of the part of the contract that they are made of."""

    parameters: type[Request] | None
    body: type[Request] | None
    fingerprint: str


def given(value: Value | MISSING) -> Value | None:
    """Return a value, or None if it is missing."""
    return None if value is MISSING else value


_DAY: Final = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME: Final = re.compile(
    r"[Tt](?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]+)?(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)


def is_in_calendar(day: str) -> bool:
    """Return whether a day exists, given as `YYYY-MM-DD`: 31 February does not."""
    try:
        date.fromisoformat(day)
    except ValueError:
        return False
    return True


def _check_day(text: str) -> str:
    if not _DAY.fullmatch(text):
        raise PydanticCustomError("format", "It is not a day.")
    if not is_in_calendar(text):
        raise PydanticCustomError("no_such_day", "There is no such day.")
    return text


def _check_date_time(text: str) -> str:
    _check_day(text[:10])
    if not _TIME.fullmatch(text, 10):
        raise PydanticCustomError("format", "It is not a date-time.")
    return text


#: `format: date` (RFC 3339, 5.6).
Day = Annotated[str, Field(max_length=10), AfterValidator(_check_day)]

#: `format: date-time` (RFC 3339, 5.6).
Timestamp = Annotated[str, Field(max_length=30), AfterValidator(_check_date_time)]
