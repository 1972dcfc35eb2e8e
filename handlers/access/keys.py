"""The public keys of an issuer: fetched when a token needs them, and kept."""

import asyncio
import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any, Final, Protocol
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from anyio import fail_after, to_thread
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from handlers.access.refusals import IssuerUnavailable
from handlers.settings import is_trustworthy

logger = logging.getLogger(__name__)

#: Age at which a set of keys is fetched again. A key that the issuer has withdrawn is trusted no longer than this.
LIFESPAN_SECONDS: Final = 300

#: Time for the issuer to answer, its discovery document included.
TIMEOUT_SECONDS: Final = 3

#: Minimum time between two fetches: after a failure, and when a token names a key that the set does not have. Tokens
#: with invented key ids can't make us fetch more often.
PAUSE_AFTER_FAILURE: Final = 30
PAUSE_AFTER_SUCCESS: Final = 10

MAX_BYTES: Final = 512 * 1024
MIN_RSA_BITS: Final = 2048

#: The accepted algorithms by kind of key: `kty`, and `crv` if it has one. Never `none`, and none with a shared secret.
ALGORITHMS: Final[Mapping[tuple[str, str | None], frozenset[str]]] = {
    ("RSA", None): frozenset({"RS256", "PS256"}),
    ("EC", "P-256"): frozenset({"ES256"}),
    ("OKP", "Ed25519"): frozenset({"EdDSA"}),
}


@dataclass(frozen=True, slots=True)
class Key:
    """A public key, and the algorithms that it may be used with."""

    value: Any
    algorithms: frozenset[str]


#: Keys by `kid`.
KeySet = Mapping[str | None, Key]


class Keys(Protocol):
    """Where keys come from."""

    def outdated(self) -> bool:
        """Return whether the set should be fetched again now."""

    async def refresh(self) -> bool:
        """Fetch the set if nobody else has just tried; return whether it is another one than before.

        Raises:
            IssuerUnavailable: There is no set, from before or now.

        """

    async def find(self, key_id: str | None) -> Key | None:
        """Return the key with an id; without an id, the only key."""


class FixedKeys:
    """Keys that never change: those of the local issuer."""

    def __init__(self, document: Any) -> None:
        """Take the keys of a JWK set."""
        self._keys = key_set(document)

    def outdated(self) -> bool:
        """Return False."""
        return False

    async def refresh(self) -> bool:
        """Return False."""
        return False

    async def find(self, key_id: str | None) -> Key | None:
        """Return the key with an id."""
        return self._keys.get(key_id)


class FetchedKeys:
    """Keys at a URL. While it can't be reached, the last set serves on."""

    def __init__(self, issuer: str, jwks_uri: str | None) -> None:
        """Take the issuer and the URL of its keys, by default that of its discovery document."""
        self._issuer, self._jwks_uri = issuer, jwks_uri
        self._keys: KeySet = {}
        self._fetched: Any = None
        self._fresh_until = self._paused_until = float("-inf")
        self._fetching = asyncio.Lock()

    def outdated(self) -> bool:
        """Return whether the set has reached its lifespan, and it is time to try again."""
        now = time.monotonic()
        # Those who have a set need not wait while another request fetches the next one.
        return now >= self._fresh_until and now >= self._paused_until and not (self._keys and self._fetching.locked())

    async def refresh(self) -> bool:
        """Fetch the set if nobody else has just tried; return whether it is another one than before.

        Raises:
            IssuerUnavailable: There is no set, from before or now.

        """
        before = self._keys
        async with self._fetching:
            if time.monotonic() >= self._paused_until:
                await self._fetch()
        if not self._keys:
            raise IssuerUnavailable
        return self._keys is not before

    async def find(self, key_id: str | None) -> Key | None:
        """Return the key with an id; without an id, the only key.

        Raises:
            IssuerUnavailable: There is no set, from before or now.

        """
        if not self._keys or (key_id not in self._keys and time.monotonic() >= self._paused_until):
            await self.refresh()
        return self._keys.get(key_id)

    async def _fetch(self) -> None:
        try:
            with fail_after(TIMEOUT_SECONDS):
                # Not on the event loop, where every other request would wait too.
                document = await to_thread.run_sync(self._document, abandon_on_cancel=True)
            keys = key_set(document)
        except (OSError, HTTPException, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            logger.error("the keys of the issuer can't be fetched: %s", _short(error))  # noqa: TRY400 - its traceback says nothing more
            self._paused_until = time.monotonic() + PAUSE_AFTER_FAILURE
            return
        now = time.monotonic()
        self._fresh_until, self._paused_until = now + LIFESPAN_SECONDS, now + PAUSE_AFTER_SUCCESS
        if document != self._fetched:
            self._fetched, self._keys = document, keys

    def _document(self) -> Any:
        return _read(self._jwks_uri or self._discovered())

    def _discovered(self) -> str:
        """Return the URL of the keys in the discovery document (OpenID Connect Discovery 1.0, 4.3)."""
        found = _read(f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
        if found["issuer"] != self._issuer:
            raise ValueError(f"the discovery document is of the issuer {found['issuer']}")
        jwks_uri: str = found["jwks_uri"]
        return jwks_uri


def key_set(document: Any) -> KeySet:
    """Return those keys of a JWK set that can verify tokens; without an id, the key of a set with one key only.

    Raises:
        ValueError: None of them can.

    """
    keys = {jwk.get("kid"): key for jwk in document["keys"] if (key := _key(jwk))}
    if not keys:
        raise ValueError("the set has no key that can verify tokens")
    return keys | {None: next(iter(keys.values()))} if len(keys) == 1 else keys


def _key(jwk: Mapping[str, Any]) -> Key | None:
    algorithms = ALGORITHMS.get((jwk.get("kty", ""), jwk.get("crv")), frozenset())
    if "alg" in jwk:
        algorithms &= {jwk["alg"]}
    if not algorithms or jwk.get("use", "sig") != "sig":
        return None
    try:
        value = PyJWK({"alg": min(algorithms), **jwk}).key
    except (PyJWTError, ValueError) as error:
        logger.warning("a key of the issuer can't be read: %s", type(error).__name__)
        return None
    weak = jwk["kty"] == "RSA" and value.key_size < MIN_RSA_BITS
    return None if weak else Key(value, algorithms)


def _read(url: str) -> Any:
    if not is_trustworthy(url):
        raise ValueError(f"{url} is not https")
    request = Request(url, headers={"Accept": "application/json"})  # noqa: S310 - its scheme was checked
    try:
        with _opener.open(request, timeout=TIMEOUT_SECONDS) as response:
            content = response.read(MAX_BYTES + 1)
    except HTTPError as error:
        error.close()
        raise
    if len(content) > MAX_BYTES:
        raise ValueError(f"{url} has more than {MAX_BYTES} bytes")
    return json.loads(content)


class _NoRedirects(HTTPRedirectHandler):
    """Follows no redirect, which could lead from https to http, or into the network of the service."""

    def redirect_request(self, req: Request, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> None:  # noqa: ARG002, PLR0913 - as in the library
        raise HTTPError(req.full_url, code, f"redirects to {newurl}", headers, fp)


_opener: Final = build_opener(_NoRedirects)


def _short(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:300]
