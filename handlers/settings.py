"""Settings of the service from environment variables; boto3 reads its own (AWS_REGION, AWS_PROFILE and others)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

#: The usual names of the roles in tokens.
ORGANIZER: Final = "events:organizer"
ADMIN: Final = "events:admin"


class SettingsError(Exception):
    """The settings can't be used; the message names the variable and the reason."""


@dataclass(frozen=True, slots=True)
class Issuer:
    """An issuer of tokens, the audiences that they are for, and the names of its roles."""

    name: str
    audiences: frozenset[str]
    organizer: str = ORGANIZER
    admin: str = ADMIN
    jwks_uri: str | None = None

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "Issuer | None":
        """Read JWT_ISSUER and what belongs to it; without an issuer, tokens are off.

        Raises:
            SettingsError: Tokens would be off by mistake, or could never be verified.

        """
        name = environ.get("JWT_ISSUER", "")
        audiences = frozenset(_listed(environ.get("JWT_AUDIENCE", "")))
        jwks_uri = environ.get("JWT_JWKS_URI") or None
        if not name:
            if audiences or jwks_uri:
                raise SettingsError("JWT_AUDIENCE or JWT_JWKS_URI is set without JWT_ISSUER: tokens would be off.")
            return None
        if not audiences:
            raise SettingsError("JWT_AUDIENCE is missing: the audience, or the client id, in the tokens.")
        organizer, admin = environ.get("JWT_ORGANIZER") or ORGANIZER, environ.get("JWT_ADMIN") or ADMIN
        if organizer == admin:
            raise SettingsError("JWT_ORGANIZER and JWT_ADMIN are the same: every organizer would be an administrator.")
        variable, url = ("JWT_JWKS_URI", jwks_uri) if jwks_uri else ("JWT_ISSUER", name)
        if not is_trustworthy(url):
            raise SettingsError(f"{variable} must be an https URL, or an http URL of this machine: {url}")
        return cls(name, audiences, organizer, admin, jwks_uri)


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of the HTTP service."""

    cors_origins: tuple[str, ...]
    stage: str
    issuer: Issuer | None = None

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "Settings":
        """Read CORS_ORIGINS (comma-separated, all by default), STAGE (a path segment) and those of an issuer.

        Raises:
            SettingsError: Those of the issuer can't be used.

        """
        return cls(
            cors_origins=tuple(_listed(environ.get("CORS_ORIGINS", "*"))),
            stage=f"/{environ.get('STAGE', '')}",
            issuer=Issuer.of(environ),
        )


def is_trustworthy(url: str) -> bool:
    """Return whether keys may be fetched from a URL: by https, or by http on this machine."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    local = parts.hostname in {"localhost", "127.0.0.1", "::1"}
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and local))


def _listed(text: str) -> list[str]:
    return [word for part in text.split(",") if (word := part.strip())]
