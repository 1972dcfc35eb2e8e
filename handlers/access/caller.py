"""Who sends a request."""

import re
from dataclasses import dataclass
from typing import Final

from storage.repetitions import digest

MAX_ID: Final = 100

#: What an id may contain, and what an escaped character looks like.
_ID: Final = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._~@:+-]{1,100}")
_ESCAPED: Final = re.compile("~[0-9A-F]{2}")
_KEPT: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_@:+-.")


@dataclass(frozen=True, slots=True)
class Caller:
    """A caller; `user_id` comes from the token, and is None where tokens are off."""

    user_id: str | None
    organizer: bool = False
    admin: bool = False

    def owner(self, user_id: str | None = None) -> str | None:
        """Return the owner that an event must have for what this caller does to it, or None for any.

        `user_id` is the person for whom it is done: people register themselves for everybody's events.
        """
        return None if self.admin or user_id == self.user_id else self.user_id

    def key(self, idempotency_key: str | None) -> str | None:
        """Return the key of a request for `storage`, which no other caller has; quotes around it are no part of it."""
        if idempotency_key is None:
            return None
        bare = idempotency_key.strip('"')
        return digest(f"{self.user_id or ''} {bare}")  # Neither of the two contains a space.


#: The caller of every request where tokens are off.
ANYBODY: Final = Caller(None, organizer=True, admin=True)


def user_id_of(subject: str) -> str | None:
    """Return the user id for the `sub` of a token, or None if it would be longer than an id may be.

    A subject that is an id stays as it is. In others, such as `auth0|5f7c`, characters that an id may not contain are
    written as `~` and their code in UTF-8 (`auth0~7C5f7c`). Two subjects never have the same id: those that look
    escaped already are escaped as well.
    """
    if _ID.fullmatch(subject) and not _ESCAPED.search(subject):
        return subject
    if subject in {".", ".."}:
        return "~2E" * len(subject)
    escaped = "".join(chr(byte) if byte in _KEPT else f"~{byte:02X}" for byte in subject.encode(errors="surrogatepass"))
    return escaped if 0 < len(escaped) <= MAX_ID else None
