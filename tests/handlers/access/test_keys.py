"""The issuer's keys: fetched when they are needed, while it is slow, down or changes them."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from handlers.access import keys
from handlers.access.refusals import IssuerUnavailable, Unauthenticated
from handlers.access.tokens import Tokens
from handlers.settings import Issuer as Trusted
from tests.apparatus.issuer import AUDIENCE, Issuer, Key, issuing
from tests.apparatus.patience import until


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with issuing() as running:
        yield running


class Clock:
    """The time of the module under test, in seconds."""

    now = 1000.0

    def wait(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(keys, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


def trusting(issuer: Issuer, jwks_uri: str | None = None) -> Tokens:
    return Tokens(Trusted(issuer.url, frozenset({AUDIENCE}), jwks_uri=jwks_uri))


def answer(tokens: Tokens, token: str) -> str:
    """Return the id of the caller with a token, or the reason of the refusal."""

    async def call() -> str:
        scope = {"headers": [(b"authorization", f"Bearer {token}".encode())]}
        try:
            return str((await tokens.caller(scope)).user_id)
        except Unauthenticated as refusal:
            return refusal.reason
        except IssuerUnavailable:
            return "unavailable"

    return asyncio.run(call())


UNKNOWN_KEY = "The token is signed by a key that the issuer does not have."


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "EdDSA"])
def test_a_token_is_verified_with_each_accepted_algorithm(algorithm: str, issuer: Issuer) -> None:
    issuer.keys = [Key(algorithm), Key()]

    assert answer(trusting(issuer), issuer.token("ann")) == "ann"


def test_the_keys_may_be_at_an_address_of_their_own(issuer: Issuer) -> None:
    issuer.content["/.well-known/openid-configuration"] = b"never asked"

    assert answer(trusting(issuer, f"{issuer.url}/keys"), issuer.token("ann")) == "ann"


def test_the_keys_are_fetched_once_for_many_tokens_at_a_time(issuer: Issuer) -> None:
    tokens = trusting(issuer)

    async def calls() -> set[str | None]:
        scopes = [{"headers": [(b"authorization", f"Bearer {issuer.token('ann', n=n)}".encode())]} for n in range(20)]
        return {caller.user_id for caller in await asyncio.gather(*map(tokens.caller, scopes))}

    assert asyncio.run(calls()) == {"ann"}
    assert issuer.fetched == 1


def test_a_token_signed_by_a_new_key_is_accepted_at_once(issuer: Issuer, clock: Clock) -> None:
    tokens = trusting(issuer)
    answer(tokens, issuer.token("ann"))
    clock.wait(keys.PAUSE_AFTER_SUCCESS)
    issuer.rotate()

    assert answer(tokens, issuer.token("ann")) == "ann"


def test_a_withdrawn_key_is_trusted_no_longer_than_the_lifespan_of_the_set(issuer: Issuer, clock: Clock) -> None:
    """Not even for a token that was verified before."""
    tokens = trusting(issuer)
    token = issuer.token("ann")
    assert answer(tokens, token) == "ann"
    issuer.rotate()
    assert answer(tokens, token) == "ann"

    clock.wait(keys.LIFESPAN_SECONDS)

    assert answer(tokens, token) == UNKNOWN_KEY


def test_tokens_with_invented_key_ids_do_not_make_us_fetch_without_bound(issuer: Issuer, clock: Clock) -> None:
    tokens = trusting(issuer)

    for _ in range(50):
        assert answer(tokens, issuer.token("ann", key=Key())) == UNKNOWN_KEY
    assert issuer.fetched == 1

    clock.wait(keys.PAUSE_AFTER_SUCCESS)
    for _ in range(50):
        assert answer(tokens, issuer.token("ann", key=Key())) == UNKNOWN_KEY
    assert issuer.fetched == 2


def test_the_last_set_serves_on_while_the_issuer_is_down(issuer: Issuer, clock: Clock) -> None:
    tokens = trusting(issuer)
    answer(tokens, issuer.token("ann"))
    issuer.status = HTTPStatus.BAD_GATEWAY
    clock.wait(keys.LIFESPAN_SECONDS)

    for _ in range(20):
        assert answer(tokens, issuer.token("bob")) == "bob"
    assert issuer.fetched == 1, "the discovery document failed already"

    issuer.status = HTTPStatus.OK
    issuer.rotate()
    clock.wait(keys.PAUSE_AFTER_FAILURE)
    assert answer(tokens, issuer.token("bob")) == "bob"


def test_an_issuer_that_fails_is_not_asked_by_every_request(issuer: Issuer, clock: Clock) -> None:
    tokens = trusting(issuer, f"{issuer.url}/keys")
    issuer.status = HTTPStatus.BAD_GATEWAY

    for _ in range(20):
        assert answer(tokens, issuer.token("ann")) == "unavailable"
    assert issuer.fetched == 1

    issuer.status = HTTPStatus.OK
    clock.wait(keys.PAUSE_AFTER_FAILURE)
    assert answer(tokens, issuer.token("ann")) == "ann"


def test_an_issuer_that_hangs_is_not_asked_by_every_request(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "TIMEOUT_SECONDS", 0.1)
    tokens = trusting(issuer, f"{issuer.url}/keys")
    issuer.answering.clear()

    for _ in range(20):
        assert answer(tokens, issuer.token("ann")) == "unavailable"
    assert issuer.fetched == 1


def test_who_has_a_set_does_not_wait_for_the_next_one(issuer: Issuer, clock: Clock) -> None:
    """While one request fetches a set from an issuer that hangs, the others are answered by the old set."""
    tokens = trusting(issuer, f"{issuer.url}/keys")
    answer(tokens, issuer.token("ann"))
    clock.wait(keys.LIFESPAN_SECONDS)
    issuer.answering.clear()

    async def calls() -> str | None:
        first, second = ([(b"authorization", f"Bearer {issuer.token(name)}".encode())] for name in ("ann", "bob"))
        waiting = asyncio.create_task(tokens.caller({"headers": first}))
        await asyncio.to_thread(until, lambda: issuer.fetched == 2)
        other = await tokens.caller({"headers": second})
        assert not waiting.done()
        issuer.answering.set()
        await waiting
        return other.user_id

    assert asyncio.run(calls()) == "bob"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not JSON",
        b"[]",
        b"{}",
        b'{"keys":{}}',
        b'{"keys":[]}',
        b'{"keys":[1]}',
        b'{"keys":[{"kty":"RSA","n":"x","e":"AQAB"}]}',
        b"[" * 100_000,
        b" " * (keys.MAX_BYTES + 1),
    ],
    ids=["empty", "text", "list", "no keys", "keys that are no list", "none", "number", "damaged", "nested", "large"],
)
def test_an_answer_that_is_no_set_of_keys_is_a_failure_of_the_issuer(content: bytes, issuer: Issuer) -> None:
    issuer.content["/keys"] = content or b" "

    assert answer(trusting(issuer), issuer.token("ann")) == "unavailable"


def test_a_discovery_document_of_another_issuer_is_refused(issuer: Issuer) -> None:
    issuer.content["/.well-known/openid-configuration"] = json.dumps(
        {"issuer": "https://login.example.com/", "jwks_uri": f"{issuer.url}/keys"}
    ).encode()

    assert answer(trusting(issuer), issuer.token("ann")) == "unavailable"


@pytest.mark.parametrize("uri", ["http://login.example.com/keys", "file:///etc/passwd", "ftp://127.0.0.1/keys", "keys"])
def test_keys_are_fetched_by_https_only(uri: str, issuer: Issuer) -> None:
    issuer.content["/.well-known/openid-configuration"] = json.dumps({"issuer": issuer.url, "jwks_uri": uri}).encode()

    assert answer(trusting(issuer), issuer.token("ann")) == "unavailable"


def test_no_redirect_is_followed(issuer: Issuer) -> None:
    issuer.status = HTTPStatus.FOUND

    assert answer(trusting(issuer), issuer.token("ann")) == "unavailable"


def _with(**changes: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda jwk: {**jwk, **changes}


@pytest.mark.parametrize(
    "change",
    [_with(use="enc"), _with(alg="HS256"), _with(alg="RS256"), _with(kty="oct", k="c2VjcmV0"), _with(crv="P-384")],
)
def test_a_key_for_something_else_verifies_no_token(
    change: Callable[[dict[str, Any]], dict[str, Any]], issuer: Issuer
) -> None:
    issuer.content["/keys"] = json.dumps({"keys": [change(issuer.keys[0].public()), Key().public()]}).encode()

    assert answer(trusting(issuer), issuer.token("ann")) == UNKNOWN_KEY


def test_a_short_key_of_rsa_verifies_no_token(issuer: Issuer) -> None:
    issuer.keys = [Key("RS256", private=generate_private_key(65537, 1024)), Key()]  # noqa: S505 - that is the point
    with pytest.warns(jwt.InsecureKeyLengthWarning):
        token = issuer.token("ann")

    assert answer(trusting(issuer), token) == UNKNOWN_KEY


def test_without_an_id_a_token_is_verified_by_the_only_key(issuer: Issuer) -> None:
    key = issuer.keys[0]
    token = jwt.encode(issuer.claims("ann"), key.private, key.algorithm)

    assert answer(trusting(issuer), token) == "ann"

    issuer.keys.append(Key())
    assert answer(trusting(issuer), token) == UNKNOWN_KEY


def test_a_withdrawn_key_is_forgotten_with_the_set_that_a_token_of_the_new_key_brings(
    issuer: Issuer, clock: Clock
) -> None:
    tokens = trusting(issuer)
    old = issuer.token("ann")
    assert answer(tokens, old) == "ann"
    issuer.rotate()
    clock.wait(keys.PAUSE_AFTER_SUCCESS)
    assert answer(tokens, issuer.token("bob")) == "bob"

    assert answer(tokens, old) == UNKNOWN_KEY


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        1,
        {},
        {"kty": []},
        {"kty": "EC", "crv": []},
        {"kty": "OKP", "crv": "Ed25519", "kid": []},
        {"kty": "RSA", "alg": {}},
    ],
)
def test_a_wrong_entry_does_not_take_the_others_away(wrong: Any, issuer: Issuer) -> None:
    issuer.content["/keys"] = json.dumps({"keys": [wrong, issuer.keys[0].public()]}).encode()

    assert answer(trusting(issuer), issuer.token("ann")) == "ann"


@pytest.mark.parametrize(
    "change",
    [{"alg": None}, {"use": None}, {"key_ops": ["verify"]}, {"key_ops": 1}, {"d": "AAAA"}],
    ids=["alg", "use", "verify", "no list", "private"],
)
def test_what_else_an_entry_has_does_not_take_its_key_away(change: dict[str, Any], issuer: Issuer) -> None:
    issuer.content["/keys"] = json.dumps({"keys": [{**issuer.keys[0].public(), **change}, Key().public()]}).encode()

    assert answer(trusting(issuer), issuer.token("ann")) == "ann"


def test_a_key_for_something_else_than_to_verify_is_left_out(issuer: Issuer) -> None:
    encrypting = {**issuer.keys[0].public(), "key_ops": ["encrypt"]}
    issuer.content["/keys"] = json.dumps({"keys": [encrypting, Key().public()]}).encode()

    assert answer(trusting(issuer), issuer.token("ann")) == UNKNOWN_KEY


def test_a_key_with_the_newer_name_of_its_algorithm_verifies(issuer: Issuer) -> None:
    issuer.keys = [Key("EdDSA")]
    issuer.content["/keys"] = json.dumps({"keys": [{**issuer.keys[0].public(), "alg": "Ed25519"}]}).encode()

    assert answer(trusting(issuer), issuer.token("ann")) == "ann"


def test_a_set_of_very_many_keys_is_a_failure_of_the_issuer(issuer: Issuer) -> None:
    one = issuer.keys[0].public()
    many = [{**one, "kid": str(number)} for number in range(keys.MAX_KEYS + 1)]
    issuer.content["/keys"] = json.dumps({"keys": many}).encode()

    assert answer(trusting(issuer), issuer.token("ann")) == "unavailable"


def test_an_issuer_that_hangs_has_one_thread_at_most_and_keeps_no_process_from_ending(
    issuer: Issuer, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "TIMEOUT_SECONDS", 0.1)
    monkeypatch.setattr(keys, "SOCKET_SECONDS", 60)
    tokens = trusting(issuer, f"{issuer.url}/keys")
    issuer.answering.clear()
    before = set(threading.enumerate())

    for _ in range(4):
        assert answer(tokens, issuer.token("ann")) == "unavailable"
        clock.wait(keys.PAUSE_AFTER_FAILURE)

    mine = [thread for thread in set(threading.enumerate()) - before if thread.name.startswith("read the keys")]
    assert [thread.daemon for thread in mine] == [True]
    issuer.answering.set()
    mine[0].join(60)
    assert answer(tokens, issuer.token("ann")) == "ann"


def test_an_issuer_that_drips_is_given_up(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each piece comes in time, and all of them would not."""
    monkeypatch.setattr(keys, "READING_SECONDS", 0)

    assert answer(trusting(issuer), issuer.token("ann")) == "unavailable"
