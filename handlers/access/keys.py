"""The public keys of an issuer: fetched when a token needs them, and kept."""

import asyncio
import json
import logging
import time
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from threading import Thread
from typing import Any, Final, Protocol
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from jwt import PyJWK
from jwt.exceptions import PyJWTError

from handlers.access.refusals import IssuerUnavailable
from handlers.settings import is_trustworthy

logger = logging.getLogger(__name__)

#: Age at which a set of keys is fetched again. A key that the issuer has withdrawn is trusted no longer than this.
LIFESPAN_SECONDS: Final = 300

#: Time for the issuer to answer, its discovery document included.
TIMEOUT_SECONDS: Final = 3

#: Time for each piece of its answer, and for all of them, after which the thread that waits for it ends.
SOCKET_SECONDS: Final = 3
READING_SECONDS: Final = 30

#: Minimum time between two fetches: after a failure, and when a token names a key that the set does not have. Tokens
#: with invented key ids can't make us fetch more often.
PAUSE_AFTER_FAILURE: Final = 30
PAUSE_AFTER_SUCCESS: Final = 10

MAX_BYTES: Final = 512 * 1024
MAX_KEYS: Final = 100
MIN_RSA_BITS: Final = 2048

#: The accepted algorithms by kind of key: `kty`, and `crv` if it has one. Never `none`, and none with a shared secret.
ALGORITHMS: Final[Mapping[tuple[str | None, str | None], frozenset[str]]] = {
    ("RSA", None): frozenset({"RS256", "PS256"}),
    ("EC", "P-256"): frozenset({"ES256"}),
    ("OKP", "Ed25519"): frozenset({"EdDSA"}),
}

#: Newer names of algorithms (RFC 9864).
_NAMES: Final = {"Ed25519": "EdDSA"}


@dataclass(frozen=True, slots=True)
class Key:
    """A public key, and the algorithms that it may be used with."""

    value: Any
    algorithms: frozenset[str]


#: Keys by `kid`.
KeySet = Mapping[str | None, Key]


class Keys(Protocol):
    """Where keys come from; `version` is another one for each other set."""

    @property
    def version(self) -> int:
        """The number of the set."""

    def outdated(self) -> bool:
        """Return whether the set should be fetched again now."""

    async def refresh(self) -> None:
        """Fetch the set if nobody else has just tried.

        Raises:
            IssuerUnavailable: There is no set, from before or now.

        """

    async def find(self, key_id: str | None) -> Key | None:
        """Return the key with an id; without an id, the only key."""


class FixedKeys:
    """Keys that never change: those of the local issuer."""

    version = 0

    def __init__(self, document: Any) -> None:
        """Take the keys of a JWK set."""
        self._keys = key_set(document)

    def outdated(self) -> bool:
        """Return False."""
        return False

    async def refresh(self) -> None:
        """Do nothing."""

    async def find(self, key_id: str | None) -> Key | None:
        """Return the key with an id."""
        return self._keys.get(key_id)


class FetchedKeys:
    """Keys at a URL. While it can't be reached, the last set serves on."""

    def __init__(self, issuer: str, jwks_uri: str | None) -> None:
        """Take the issuer and the URL of its keys, by default that of its discovery document."""
        self._issuer, self._jwks_uri = issuer, jwks_uri
        self.version = 0
        self._keys: KeySet = {}
        self._fetched: Any = None
        self._reading: Future[tuple[Any, KeySet]] | None = None
        self._fresh_until = self._paused_until = float("-inf")
        self._fetching = asyncio.Lock()

    def outdated(self) -> bool:
        """Return whether the set has reached its lifespan, and it is time to try again."""
        now = time.monotonic()
        # Those who have a set need not wait while another request fetches the next one.
        return now >= self._fresh_until and now >= self._paused_until and not (self._keys and self._fetching.locked())

    async def refresh(self) -> None:
        """Fetch the set if nobody else has just tried.

        Raises:
            IssuerUnavailable: There is no set, from before or now.

        """
        async with self._fetching:
            if time.monotonic() >= self._paused_until:
                await self._fetch()
        if not self._keys:
            raise IssuerUnavailable

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
            async with asyncio.timeout(TIMEOUT_SECONDS):
                document, keys = await self._read_on_thread()
        except (OSError, HTTPException, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            logger.error("the keys of the issuer can't be fetched: %s", _short(error))  # noqa: TRY400 - its traceback says nothing more
            self._paused_until = time.monotonic() + PAUSE_AFTER_FAILURE
            return
        now = time.monotonic()
        self._fresh_until, self._paused_until = now + LIFESPAN_SECONDS, now + PAUSE_AFTER_SUCCESS
        if document != self._fetched:
            self._fetched, self._keys = document, keys
            self.version += 1

    async def _read_on_thread(self) -> tuple[Any, KeySet]:
        """Fetch and read the set while the event loop serves other requests.

        An issuer that sends a byte now and then can keep the thread for long: there is one at most, and as a daemon it
        keeps no process from ending.
        """
        if self._reading and not self._reading.done():
            raise TimeoutError("the issuer is still sending its answer to the last request")
        found: Future[tuple[Any, KeySet]] = Future()
        found.set_running_or_notify_cancel()  # From here on, it can't be cancelled.
        self._reading = found

        def read() -> None:
            try:
                document = _read(self._jwks_uri or self._discovered())
                found.set_result((document, key_set(document)))
            except Exception as error:  # noqa: BLE001 - the caller raises it
                found.set_exception(error)

        Thread(target=read, name="read the keys of the issuer", daemon=True).start()
        return await asyncio.wrap_future(found)

    def _discovered(self) -> str:
        """Return the URL of the keys in the discovery document (OpenID Connect Discovery 1.0, 4.3)."""
        found = _read(f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
        if found["issuer"] != self._issuer:
            raise ValueError(f"the discovery document is of the issuer {found['issuer']}")
        jwks_uri: str = found["jwks_uri"]
        return jwks_uri


def key_set(document: Any) -> KeySet:
    """Return those keys of a JWK set that can verify tokens; without an id, the key of a set with one key only.

    An entry that can't be read is left out, as one of a kind that is not accepted.

    Raises:
        ValueError: None of them can, or there are too many.

    """
    entries = document["keys"]
    if len(entries) > MAX_KEYS:
        raise ValueError(f"the set has more than {MAX_KEYS} keys")
    keys = {jwk.get("kid"): key for jwk in entries if isinstance(jwk, dict) and (key := _key(jwk))}
    if not keys:
        raise ValueError("the set has no key that can verify tokens")
    return keys | {None: next(iter(keys.values()))} if len(keys) == 1 else keys


def _key(jwk: dict[str, Any]) -> Key | None:
    kind, curve, algorithm, key_id = (jwk.get(name) for name in ("kty", "crv", "alg", "kid"))
    if not all(isinstance(each, str | None) for each in (kind, curve, algorithm, key_id)):
        return None
    algorithms = ALGORITHMS.get((kind, curve), frozenset())
    if algorithm is not None:
        algorithms &= {_NAMES.get(algorithm, algorithm)}
    operations = jwk.get("key_ops")
    verifies = jwk.get("use") in (None, "sig") and (not isinstance(operations, list) or "verify" in operations)
    if not algorithms or not verifies:
        return None
    # Only the public numbers: an issuer that publishes its private ones must not change what is verified.
    numbers: dict[str, Any] = {name: jwk[name] for name in ("kty", "crv", "n", "e", "x", "y") if name in jwk}
    try:
        value = PyJWK({**numbers, "alg": min(algorithms)}).key
    except (PyJWTError, ValueError, TypeError, AttributeError) as error:
        logger.warning("a key of the issuer can't be read: %s", type(error).__name__)
        return None
    weak = kind == "RSA" and value.key_size < MIN_RSA_BITS
    return None if weak else Key(value, algorithms)


def _read(url: str) -> Any:
    if not is_trustworthy(url):
        raise ValueError(f"{url} is not https")
    request = Request(url, headers={"Accept": "application/json"})  # noqa: S310 - its scheme was checked
    try:
        with _opener.open(request, timeout=SOCKET_SECONDS) as response:
            content = _content(response)
    except HTTPError as error:
        error.close()
        raise
    return json.loads(content)


def _content(response: HTTPResponse) -> bytes:
    """Return the content of an answer that is neither large nor slow; the socket's timeout is for each piece of it."""
    content, end = b"", time.monotonic() + READING_SECONDS
    while piece := response.read1(65_536):
        content += piece
        if len(content) > MAX_BYTES:
            raise ValueError(f"the answer has more than {MAX_BYTES} bytes")
        if time.monotonic() > end:
            raise TimeoutError(f"the answer takes more than {READING_SECONDS} seconds")
    return content


class _NoRedirects(HTTPRedirectHandler):
    """Follows no redirect, which could lead from https to http, or into the network of the service."""

    def redirect_request(self, req: Request, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> None:  # noqa: ARG002, PLR0913 - as in the library
        raise HTTPError(req.full_url, code, f"redirects to {newurl}", headers, fp)


_opener: Final = build_opener(_NoRedirects)


def _short(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:300]
