"""Where notifications are sent to, and the secrets that they are signed with."""

import base64
import binascii
import secrets
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from handlers.settings import SettingsError

_PREFIX: Final = "whsec_"

#: Bytes of a secret, as Standard Webhooks has it.
_SHORTEST: Final = 24
_LONGEST: Final = 64


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The parts of a URL, and the secrets; `inside` allows addresses inside the network, and http."""

    host: str
    port: int
    target: str
    tls: bool
    secrets: tuple[str, ...] = field(repr=False)
    inside: bool = False

    @classmethod
    def of(cls, url: str, secret: str, *, inside: bool = False) -> "Endpoint":
        """Return the endpoint of a URL. Two secrets, separated by a space, both sign, while one replaces the other.

        Raises:
            SettingsError: The URL or a secret can't be used; the message does not have the secret.

        """
        try:
            parts = urlsplit(url)
            port, host = parts.port, parts.hostname
        except ValueError as error:
            raise SettingsError(f"the webhook is not a URL: {error}") from error
        if (
            parts.scheme not in {"https", "http"}
            or not host
            or not url.isascii()
            or not url.isprintable()
            or " " in url
        ):
            raise SettingsError(f"the webhook must be a URL like https://example.com/hook, in ASCII: {url!r}")
        if parts.username is not None:
            raise SettingsError(
                "the URL of the webhook has a user or a password, which would not be sent: leave it out"
            )
        if parts.scheme == "http" and not inside:
            raise SettingsError(f"the webhook must be an https URL: {url!r}")
        return cls(
            host=host,
            port=(443 if parts.scheme == "https" else 80) if port is None else port,
            target=(parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
            tls=parts.scheme == "https",
            secrets=tuple(map(_checked, secret.split())) or (_checked(""),),
            inside=inside,
        )


def new_secret() -> str:
    """Return a new secret."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def _checked(secret: str) -> str:
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True) if secret.startswith(_PREFIX) else b""
    except binascii.Error:
        key = b""
    if not _SHORTEST <= len(key) <= _LONGEST:
        raise SettingsError(
            f"the secret of the webhook must be {_PREFIX} and {_SHORTEST} to {_LONGEST} random bytes in Base64:"
            f' echo "{_PREFIX}$(openssl rand -base64 32)"'
        )
    return secret
