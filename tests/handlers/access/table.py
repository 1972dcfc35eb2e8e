"""Who may do what, from the contract: each operation with each caller, and the answer that it must give."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from handlers.contract import Contract
from tests.apparatus.client import Client
from tests.apparatus.issuer import ADMIN, ORGANIZER, Issuer, Key, bearer
from tests.apparatus.provoked import GOOD

CONTRACT: Final = Contract()

#: The person whom the good request of an operation is about; the organizer `olga` owns both events.
PERSON: Final = {
    "create_user": "new",
    "register_user": "bob",
    "create_registration": "bob",
}
OWNER: Final = "olga"

#: What an organizer may not do for other people, and only an administrator may.
OWN: Final = {"delete_user"}

Headers = list[tuple[str, str]]


@dataclass(frozen=True)
class Caller:
    """A caller: the headers with which it sends a request of an operation, and the status of the answer."""

    name: str
    headers: Callable[[Issuer, str], Headers]
    status: Callable[[str], int | None]


def operations() -> Iterator[str]:
    """Yield the ids of all operations; one that does not say who may call it fails here."""
    for operation in CONTRACT.operations.values():
        definition = CONTRACT.document["paths"][operation.path][operation.method.lower()]
        assert "security" in definition, f"{operation.operation_id} does not say who may call it"
        yield operation.operation_id


def roles(operation_id: str) -> set[str]:
    """Return the roles that may call an operation; none if it is public."""
    return {role for each in CONTRACT.security(CONTRACT.operations[operation_id]) for role in each}


def of_one_event(operation_id: str) -> bool:
    """Return whether an operation changes an event that exists, or is about its registrations."""
    return "{eventId}" in CONTRACT.operations[operation_id].path or operation_id == "create_registration"


def request(client: Client, operation_id: str, headers: Headers) -> Any:
    """Send the good request of an operation."""
    method, path, options = GOOD[operation_id]
    return client.request(method, path, **options, headers=headers)


def prepare(client: Client, issuer: Issuer) -> None:
    """Create what the good requests are about."""
    owner = client.sending(bearer(issuer.token(OWNER, ORGANIZER)))
    owner.create_users("ann", "bob", OWNER)
    owner.create_event(capacity=1)
    owner.create_event(eventId="empty")
    owner.register("conf", "ann")


def _refused(operation_id: str) -> int | None:
    """Return 401, or None for an operation that is public: it must be answered as without a token."""
    return 401 if roles(operation_id) else None


def _for_person(operation_id: str) -> int | None:
    return None if "person" in roles(operation_id) or not roles(operation_id) else 403


def _for_other_person(operation_id: str) -> int | None:
    return 403 if roles(operation_id) else None


def _for_other_organizer(operation_id: str) -> int | None:
    return 403 if roles(operation_id) and (of_one_event(operation_id) or operation_id in OWN) else None


def _for_owner(operation_id: str) -> int | None:
    return 403 if operation_id in OWN else None


def _token(make: Callable[[Issuer, str], str]) -> Callable[[Issuer, str], Headers]:
    return lambda issuer, person: list(bearer(make(issuer, person)).items())


def _claims(**claims: Any) -> Callable[[Issuer, str], Headers]:
    """Return a token of an administrator, who may do all, but with some claims replaced."""
    return _token(lambda issuer, person: issuer.token(person, ADMIN, **claims))


def _times(**seconds: int) -> Callable[[Issuer, str], Headers]:
    """Return such a token with times as seconds from the moment when it is sent."""

    def make(issuer: Issuer, person: str) -> str:
        claims: dict[str, Any] = {name: int(time.time()) + value for name, value in seconds.items()}
        return issuer.token(person, ADMIN, **claims)

    return _token(make)


def _encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def _unsigned(issuer: Issuer, person: str) -> str:
    header = _encoded(json.dumps({"alg": "none", "typ": "JWT", "kid": issuer.keys[0].key_id}).encode())
    return f"{header}.{_encoded(json.dumps(issuer.claims(person, ADMIN)).encode())}."


def _hmac_with_the_public_key(issuer: Issuer, person: str) -> str:
    """Sign with the public key as a shared secret, by hand: PyJWT refuses to do it."""
    secret = issuer.keys[0].private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    header = _encoded(json.dumps({"alg": "HS256", "typ": "JWT", "kid": issuer.keys[0].key_id}).encode())
    signed = f"{header}.{_encoded(json.dumps(issuer.claims(person, ADMIN)).encode())}"
    return f"{signed}.{_encoded(hmac.digest(secret, signed.encode(), hashlib.sha256))}"


def _forged(issuer: Issuer, person: str) -> str:
    """Sign with a key of one's own, under the id of the issuer's."""
    return issuer.token(person, ADMIN, key=replace(Key(), key_id=issuer.keys[0].key_id))


def _changed(issuer: Issuer, person: str) -> str:
    """Take the signature of another token."""
    signature = issuer.token(person).rpartition(".")[2]
    return f"{issuer.token(person, ADMIN).rpartition('.')[0]}.{signature}"


def _with_type(token_type: str) -> Callable[[Issuer, str], Headers]:
    def make(issuer: Issuer, person: str) -> str:
        key = issuer.keys[0]
        headers = {"kid": key.key_id, "typ": token_type}
        return jwt.encode(issuer.claims(person, ADMIN), key.private, key.algorithm, headers)

    return _token(make)


def _with_header(**fields: Any) -> Callable[[Issuer, str], Headers]:
    """Return what looks like a token, with these fields in its header and no signature."""
    return _token(
        lambda issuer, person: ".".join(
            [_encoded(json.dumps(fields).encode()), _encoded(json.dumps(issuer.claims(person, ADMIN)).encode()), "AAAA"]
        )
    )


def _longer_than_any(issuer: Issuer, person: str) -> str:
    return issuer.token(person, ADMIN, more="x" * 8192)


def _of_another_kind_of_key(issuer: Issuer, person: str) -> str:
    """Sign with a key of RSA, under the id of the issuer's, which is on a curve."""
    return issuer.token(person, ADMIN, key=replace(Key("RS256"), key_id=issuer.keys[0].key_id))


def _twice(issuer: Issuer, person: str) -> Headers:
    return [*bearer(issuer.token(person, ADMIN)).items()] * 2


#: Callers without a valid token. All but those without a token claim to be an administrator.
UNKNOWN: Final = [
    Caller(name, headers, _refused)
    for name, headers in {
        "no token": lambda _issuer, _person: [],
        "an empty header": lambda _issuer, _person: [("Authorization", "")],
        "another scheme": lambda _issuer, _person: [("Authorization", "Basic YW5uOmFubg==")],
        "the scheme without a token": lambda _issuer, _person: [("Authorization", "Bearer")],
        "garbage": lambda _issuer, _person: [("Authorization", "Bearer garbage")],
        "garbage with dots": lambda _issuer, _person: [("Authorization", "Bearer gar.ba.ge")],
        "two headers": _twice,
        "a header without alg": _with_header(),
        "a header with an alg of another type": _with_header(alg=[], kid={}),
        "a header with another id and type": _with_header(alg="ES256", kid=1, typ=[]),
        "a token that is too long": _token(_longer_than_any),
        "an accepted algorithm of another kind of key": _token(_of_another_kind_of_key),
        "expired": _times(exp=-40),
        "an exp in quotes": _claims(exp="4000000000"),
        "a use of another type": _claims(token_use=["access"]),
        "another audience, and the client id": _claims(aud="other", client_id="events"),
        "not yet valid": _times(nbf=600),
        "issued in the future": _times(iat=600),
        "no exp": _claims(exp=None),
        "no sub": _claims(sub=None),
        "no iss": _claims(iss=None),
        "no aud": _claims(aud=None),
        "another issuer": _claims(iss="https://login.example.com/"),
        "another audience": _claims(aud="other"),
        "another client": _claims(aud=None, client_id="other"),
        "an ID token": _claims(token_use="id"),
        "a subject that is too long": _claims(sub="a" * 101),
        "another type": _with_type("logout+jwt"),
        "alg none": _token(_unsigned),
        "HMAC with the public key": _token(_hmac_with_the_public_key),
        "an unknown key": _token(lambda issuer, person: issuer.token(person, ADMIN, key=Key())),
        "a forged signature": _token(_forged),
        "the signature of another token": _token(_changed),
    }.items()
]

#: Callers with a valid token that does not allow everything.
LIMITED: Final = [
    Caller("the person", _token(lambda issuer, person: issuer.token(person)), _for_person),
    Caller("another person", _token(lambda issuer, _person: issuer.token("eve")), _for_other_person),
    Caller(
        "a person whose scope is only like that of an administrator",
        _token(lambda issuer, _person: issuer.token("eve", f"{ADMIN}istrator", f"x{ORGANIZER}")),
        _for_other_person,
    ),
    Caller("another organizer", _token(lambda issuer, _person: issuer.token("otto", ORGANIZER)), _for_other_organizer),
]

#: Callers who may do everything that the good requests are about.
ALLOWED: Final = [
    Caller("the owner", _token(lambda issuer, _person: issuer.token(OWNER, ORGANIZER)), _for_owner),
    Caller("an administrator", _token(lambda issuer, _person: issuer.token("root", ADMIN)), lambda _operation: None),
    Caller(
        "a client of Cognito",
        _token(lambda issuer, _person: issuer.token("root", ADMIN, aud=None, client_id="events", token_use="access")),
        lambda _operation: None,
    ),
]

ALL: Final = [*UNKNOWN, *LIMITED, *ALLOWED]
