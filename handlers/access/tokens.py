"""Tokens: verified once (JWT by RFC 7519, with the advice of RFC 8725), and remembered until they expire."""

import time
from collections.abc import Iterable, Mapping
from typing import Any, Final

import jwt
from jwt.exceptions import (
    ExpiredSignatureError,
    ImmatureSignatureError,
    InvalidIssuerError,
    InvalidSignatureError,
    MissingRequiredClaimError,
    PyJWTError,
)
from starlette.types import Scope

from handlers.access.caller import Caller, user_id_of
from handlers.access.keys import ALGORITHMS, FetchedKeys, Keys
from handlers.access.refusals import Unauthenticated
from handlers.settings import Issuer

#: Clocks of the issuer and of this machine may differ by this.
LEEWAY_SECONDS: Final = 30

#: Maximum length of the header. Tokens of real issuers have about 1,000 bytes.
MAX_BYTES: Final = 8192

#: Maximum number of remembered tokens: usually 1 MB, and 8 MB if all are as long as they may be.
MAX_REMEMBERED: Final = 1000

_ACCEPTED: Final = frozenset().union(*ALGORITHMS.values())

#: Types of tokens that are for APIs; RFC 9068 has the second.
_TYPES: Final = {"jwt", "at+jwt", "application/at+jwt"}

#: What Cognito's access tokens are for; its ID tokens have the same audience.
_USES: Final = ("access",)

#: The claims in which issuers list what a caller may do: OAuth and Cognito, Microsoft and Okta, Auth0, and groups.
_ROLE_CLAIMS: Final = ("scope", "scp", "permissions", "roles", "groups", "cognito:groups")

_REASONS: Final[Mapping[type[Exception], str]] = {
    ExpiredSignatureError: "The token has expired. Get a new one.",
    ImmatureSignatureError: "The token is not valid yet.",
    InvalidIssuerError: "The token is of another issuer.",
    InvalidSignatureError: "The signature of the token is wrong.",
}


class Tokens:
    """The tokens of one issuer."""

    def __init__(self, issuer: Issuer, keys: Keys | None = None, source: str | None = None) -> None:
        """Take the issuer, its keys unless they are fetched from it, and words for where its tokens come from."""
        self._issuer = issuer
        self._missing = f"This needs a token {source or f'of {issuer.name}'}: send `Authorization: Bearer TOKEN`."
        self._keys = keys or FetchedKeys(issuer.name, issuer.jwks_uri)
        self._remembered: dict[str, tuple[Caller, float]] = {}
        self._version = self._keys.version

    async def caller(self, scope: Scope) -> Caller:
        """Return who sends a request.

        Raises:
            Unauthenticated: The request has no valid token.
            IssuerUnavailable: The keys of the issuer can't be had.

        """
        token = self._token(self._header(scope))
        if self._keys.outdated():
            await self._keys.refresh()
        if self._version != self._keys.version:
            # The key of a remembered token may have been withdrawn.
            self._remembered.clear()
            self._version = self._keys.version
        caller, expiry = self._remembered.get(token, (None, 0.0))
        if caller and time.time() < expiry:
            return caller
        self._remembered.pop(token, None)
        caller, expiry = await self._verified(token)
        if len(self._remembered) >= MAX_REMEMBERED:
            del self._remembered[next(iter(self._remembered))]
        self._remembered[token] = caller, expiry
        return caller

    def _header(self, scope: Scope) -> bytes:
        given: list[bytes] = [value for name, value in scope["headers"] if name == b"authorization"]
        if not given:
            raise Unauthenticated(self._missing)
        if len(given) > 1:
            raise Unauthenticated("There is more than one Authorization header.", "invalid_request")
        return given[0]

    def _token(self, header: bytes) -> str:
        scheme, _, token = header.decode("latin-1").partition(" ")
        if scheme.lower() != "bearer":
            raise Unauthenticated(self._missing)
        if len(header) > MAX_BYTES:
            raise Unauthenticated(f"The token is longer than {MAX_BYTES} bytes.", "invalid_token")
        return token.strip(" ")

    async def _verified(self, token: str) -> tuple[Caller, float]:
        """Return the caller of a token, and until when it is valid, as seconds since 1970."""
        try:
            header = jwt.get_unverified_header(token)
            algorithm = str(header.get("alg"))
            if algorithm not in _ACCEPTED or str(header.get("typ", "JWT")).lower() not in _TYPES:
                raise _invalid("The token has an algorithm or a type that is not accepted.")
            key_id = header.get("kid")
            key = await self._keys.find(None if key_id is None else str(key_id))
            if key is None or algorithm not in key.algorithms:
                raise _invalid("The token is signed by a key that the issuer does not have.")
            claims = jwt.decode(
                token,
                key.value,
                algorithms=[algorithm],
                issuer=self._issuer.name,
                leeway=LEEWAY_SECONDS,
                # Cognito's access tokens have no `aud`: it is compared below.
                options={"require": ["exp", "iss", "sub"], "verify_aud": False},
            )
        except MissingRequiredClaimError as error:
            raise _invalid(f"The token has no {error.claim}.") from None
        except (PyJWTError, RecursionError) as error:  # A token may be nested JSON.
            raise _invalid(_REASONS.get(type(error), "The token can't be read.")) from None
        if not isinstance(claims["exp"], int | float):
            raise _invalid("The exp of the token is not a number.")
        return self._caller(claims), claims["exp"] + LEEWAY_SECONDS

    def _caller(self, claims: Mapping[str, Any]) -> Caller:
        if not _listed(claims.get("aud", claims.get("client_id"))) & self._issuer.audiences:
            raise _invalid("The token is for another audience.")
        if claims.get("token_use", "access") not in _USES:
            raise _invalid("This is not an access token.")
        user_id = user_id_of(claims["sub"])
        if user_id is None:
            raise _invalid("The subject of the token is empty, or too long for a userId.")
        roles = {role for name in _ROLE_CLAIMS for role in _listed(claims.get(name), split=True)}
        admin = self._issuer.admin in roles
        return Caller(user_id, organizer=admin or self._issuer.organizer in roles, admin=admin)


def _listed(claim: Any, *, split: bool = False) -> set[str]:
    """Return the values of a claim that is a string, or a list of strings."""
    if isinstance(claim, str):
        return set(claim.split()) if split else {claim}
    values: Iterable[Any] = claim if isinstance(claim, list) else ()
    return {value for value in values if isinstance(value, str)}


def _invalid(reason: str) -> Unauthenticated:
    return Unauthenticated(reason, "invalid_token")
