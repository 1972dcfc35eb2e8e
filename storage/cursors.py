"""Opaque cursors: the last entry of a page, bound to the list that the page belongs to."""

import base64
import binascii
import hashlib
import json
import re
from typing import Final

from storage.errors import CursorInvalid

_CHECK_BYTES: Final = 6


def list_name(*parts: str | None) -> str:
    """Return a name for a list with all its filters, unique among lists."""
    return json.dumps(parts)


def encode(name: str, last: str) -> str:
    """Return a cursor that continues the list `name` behind the entry `last`."""
    content = last.encode()
    check = hashlib.blake2b(name.encode() + b"\0" + content, digest_size=_CHECK_BYTES).digest()
    return base64.urlsafe_b64encode(check + content).decode().rstrip("=")


def decode(name: str, cursor: str, form: str) -> str:
    """Return the entry behind which a cursor continues the list `name`; `form` is a regular expression for it.

    Even a forged cursor reaches no other list: the key of the list is never read from it.

    Raises:
        CursorInvalid: The cursor is damaged, or belongs to another list.

    """
    try:
        last = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars="-_", validate=True)[_CHECK_BYTES:].decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise CursorInvalid from error
    if encode(name, last) != cursor or not re.fullmatch(form, last):
        raise CursorInvalid
    return last
