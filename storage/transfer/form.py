"""The form of an export: JSON lines in UTF-8, one object a line, independent of how the tables are laid out.

{"type": "events-api", "format": 1}                                                           the first line
{"type": "user", "userId", "name", "createdAt"}                                               all users
                 and "leaving", if the user is being deleted
{"type": "event", "eventId", "title", …, "version", "createdAt", "updatedAt"}                 an event, and behind it
                 and "owner", if it belongs to somebody
{"type": "registration", "eventId", "userId", "status": "confirmed", "registeredAt"}          those with a seat, then
                 and "promotedAt", if it was a place in the queue before
{"type": "registration", "eventId", "userId", "status": "waitlisted", "registeredAt"}         the queue, in order
{"type": "end", "users", "events", "registrations"}                                           their numbers
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast, get_args

from storage.model import FIELD_NAMES, Event, EventStatus, Registration, RegistrationStatus, User

FORMAT: Final = 1
HEADER: Final[Mapping[str, Any]] = {"type": "events-api", "format": FORMAT}

#: The kinds of objects in the order of the file, and the property of the last line that has their number.
KINDS: Final[Mapping[str, str]] = {"user": "users", "event": "events", "registration": "registrations"}

#: The properties of each kind of object, and their types; these are required.
PROPERTIES: Final[Mapping[str, Mapping[str, type]]] = {
    "user": {"userId": str, "name": str, "createdAt": str},
    "event": {
        "eventId": str,
        **dict.fromkeys(FIELD_NAMES.values(), str),
        "capacity": int,
        "hasWaitlist": bool,
        "version": str,
        "createdAt": str,
        "updatedAt": str,
    },
    "registration": {"eventId": str, "userId": str, "status": str, "registeredAt": str},
    "end": dict.fromkeys(KINDS.values(), int),
}

#: The properties that an object has only if there is a value, and their types.
OPTIONAL: Final[Mapping[str, Mapping[str, type]]] = {
    "user": {"leaving": str},
    "event": {"owner": str},
    "registration": {"promotedAt": str},
}

#: Those that the contract does not know.
_PRIVATE: Final = ("owner", "leaving")

#: The form of an owner and of the mark of a user who is leaving, which the contract does not know.
_VISIBLE: Final = "[!-~]{1,100}"

_STATUSES: Final[Mapping[str, tuple[str, ...]]] = {
    "event": get_args(EventStatus),
    "registration": get_args(RegistrationStatus),
}

#: Length of a line in bytes that none exceeds; the longest event with every character escaped has about 20,000.
MAX_LINE: Final = 65_536


class FormError(Exception):
    """A line is not what the form requires; the message has the reason, and nothing of the line that is not quoted."""


@dataclass(frozen=True, slots=True)
class End:
    """The last line: the numbers of users, events and registrations before it."""

    users: int
    events: int
    registrations: int


Record = User | Event | Registration | End


def line(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def parse(raw: bytes) -> dict[str, Any]:
    """Return the object in a line.

    Raises:
        FormError: The line is too long, or is not a JSON object in UTF-8.

    """
    if len(raw) > MAX_LINE:
        raise FormError(f"is longer than {MAX_LINE:,} bytes")
    try:
        document = json.loads(raw.decode(), object_pairs_hook=_unique)
    except UnicodeDecodeError as error:
        raise FormError(f"is not UTF-8 at byte {error.start + 1}") from error
    except RecursionError as error:
        raise FormError("is nested too deeply") from error
    except ValueError as error:  # JSON, or an integer with thousands of digits
        raise FormError("is not JSON, or was cut off") from error
    if not isinstance(document, dict):
        raise FormError("is not a JSON object")
    return document


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise FormError("has two properties of the same name")
    return found


def check_header(raw: bytes) -> None:
    """Check the first line of a file.

    Raises:
        FormError: It is not an export, or has a newer format.

    """
    try:
        document = parse(raw)
    except FormError as error:
        raise FormError("this is not an export of events-api") from error
    if document.get("type") != HEADER["type"]:
        raise FormError("this is not an export of events-api")
    if document != HEADER:
        raise FormError(f"its form is not that of format {FORMAT}, which this version reads")


def fault(document: Mapping[str, Any]) -> str | None:
    """Return what is wrong with the properties of an object and their types; None if nothing is."""
    kind = document.get("type")
    if not isinstance(kind, str) or kind not in PROPERTIES:
        return f"type is none of {', '.join(PROPERTIES)}"
    required = PROPERTIES[kind]
    types = {**required, **{name: it for name, it in OPTIONAL.get(kind, {}).items() if name in document}}
    if unknown := document.keys() - types.keys() - {"type"}:
        return f"has an unknown property {quoted(min(unknown))}"
    if missing := [name for name in required if name not in document]:
        return f"lacks {', '.join(missing)}"
    # A boolean is an integer for isinstance.
    if wrong := [name for name, expected in types.items() if type(document[name]) is not expected]:
        return f"{wrong[0]} is not {_ARTICLES[types[wrong[0]]]}"
    return _wrong_value(kind, document)


def _wrong_value(kind: str, document: Mapping[str, Any]) -> str | None:
    if kind in _STATUSES and document["status"] not in _STATUSES[kind]:
        return f"status is none of {', '.join(_STATUSES[kind])}"
    for name in _PRIVATE:
        if name in document and not re.fullmatch(_VISIBLE, document[name]):
            return f"{name} is not 1 to 100 visible characters of ASCII"
    if kind == "registration" and document["status"] == "waitlisted" and "promotedAt" in document:
        return "promotedAt is only for a registration that is confirmed"
    return None


_ARTICLES: Final[Mapping[type, str]] = {str: "a string", int: "an integer", bool: "true or false"}


def public(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object without a fault as the contract knows it."""
    return {name: value for name, value in document.items() if name not in _PRIVATE}


def quoted(text: str) -> str:
    """Return a text in ASCII, without anything that a terminal interprets."""
    return json.dumps(text[:100])


def record(document: Mapping[str, Any]) -> Record:
    """Return the model of an object without a fault."""
    match document["type"]:
        case "user":
            return User(
                user_id=document["userId"],
                name=document["name"],
                created_at=document["createdAt"],
                leaving=document.get("leaving"),
            )
        case "event":
            return Event(
                event_id=document["eventId"],
                **{field: document[name] for field, name in FIELD_NAMES.items()},
                version=document["version"],
                created_at=document["createdAt"],
                updated_at=document["updatedAt"],
                owner=document.get("owner"),
            )
        case "registration":
            return Registration(
                event_id=document["eventId"],
                user_id=document["userId"],
                status=cast("RegistrationStatus", document["status"]),
                registered_at=document["registeredAt"],
                promoted_at=document.get("promotedAt"),
            )
    return End(**{name: document[name] for name in KINDS.values()})
