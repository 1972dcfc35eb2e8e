"""Opaque cursors: the place where a page ended, bound to the list that it belongs to."""

import base64
import binascii
import hashlib
import json
import re
from typing import Final

from storage.errors import CursorInvalid

_CHECK_BYTES: Final = 6


def list_name(*parts: str | None) -> str:
    """Return the name of a list with all its filters, which no other list has."""
    return json.dumps(parts)


def encode(name: str, place: str) -> str:
    """Return a cursor for a place in the list of that name."""
    content = place.encode()
    check = hashlib.blake2b(name.encode() + b"\0" + content, digest_size=_CHECK_BYTES).digest()
    return base64.urlsafe_b64encode(check + content).decode().rstrip("=")


def decode(name: str, cursor: str, form: str) -> str:
    """Return the place that a cursor of this list holds, if it is of this form (a regular expression).

    A cursor reaches no other list, even a forged one: the list's own key is never taken from it.

    Raises:
        CursorInvalid: It is damaged, or belongs to another list.

    """
    try:
        place = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars="-_", validate=True)[
            _CHECK_BYTES:
        ].decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise CursorInvalid from error
    if encode(name, place) != cursor or not re.fullmatch(form, place):
        raise CursorInvalid
    return place
