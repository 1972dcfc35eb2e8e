"""An issuer of tokens on a port of its own, with discovery and keys as OpenID Connect has them."""

import json
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa_key
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

AUDIENCE: Final = "events"
ORGANIZER: Final = "events:organizer"
ADMIN: Final = "events:admin"

#: The kinds of keys, each with a function that makes one and one that turns its public part into a JWK.
_KINDS: Final[Mapping[str, Any]] = {
    "RS256": (lambda: generate_rsa_key(65537, 2048), RSAAlgorithm.to_jwk),
    "PS256": (lambda: generate_rsa_key(65537, 2048), RSAAlgorithm.to_jwk),
    "ES256": (lambda: generate_ec_key(SECP256R1()), ECAlgorithm.to_jwk),
    "EdDSA": (Ed25519PrivateKey.generate, OKPAlgorithm.to_jwk),
}


@dataclass
class Key:
    """A private key, its id and its algorithm."""

    algorithm: str = "ES256"
    key_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    private: Any = None

    def __post_init__(self) -> None:
        self.private = self.private or _KINDS[self.algorithm][0]()

    def public(self) -> dict[str, Any]:
        """Return the public part as a JWK."""
        jwk: dict[str, Any] = _KINDS[self.algorithm][1](self.private.public_key(), as_dict=True)
        return {**jwk, "kid": self.key_id, "use": "sig", "alg": self.algorithm}


class Issuer:
    """An issuer: what it publishes, how it answers, and the tokens that it signs."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.keys = [Key()]
        #: Requests for the keys so far.
        self.fetched = 0
        #: Answers wait for it: cleared, the issuer hangs.
        self.answering = threading.Event()
        self.answering.set()
        #: The status of every answer: another than 200, and the issuer is down.
        self.status = 200
        #: The content of answers by path, in place of its own.
        self.content: dict[str, bytes] = {}

    def token(self, subject: str, *roles: str, key: Key | None = None, **claims: Any) -> str:
        """Sign a token for a subject with roles, valid for ten minutes; a claim of None is left out."""
        key = key or self.keys[0]
        return jwt.encode(self.claims(subject, *roles, **claims), key.private, key.algorithm, {"kid": key.key_id})

    def claims(self, subject: str, *roles: str, **claims: Any) -> dict[str, Any]:
        now = int(time.time())
        usual = {"iss": self.url, "aud": AUDIENCE, "sub": subject, "iat": now, "exp": now + 600}
        every = {**usual, "scope": " ".join(roles), **claims}
        return {name: value for name, value in every.items() if value is not None}

    def rotate(self) -> Key:
        """Sign with a new key, publish it alone, and return the former one."""
        former, self.keys = self.keys[0], [Key()]
        return former

    @property
    def variables(self) -> dict[str, str]:
        """The settings of a service that trusts this issuer."""
        return {"JWT_ISSUER": self.url, "JWT_AUDIENCE": AUDIENCE}

    def document(self, path: str) -> bytes | None:
        """Return the content of a path."""
        documents = {
            "/.well-known/openid-configuration": {"issuer": self.url, "jwks_uri": f"{self.url}/keys"},
            "/keys": {"keys": [key.public() for key in self.keys]},
        }
        return self.content.get(path) or (json.dumps(documents[path]).encode() if path in documents else None)


def bearer(token: str) -> dict[str, str]:
    """Return the header with a token."""
    return {"Authorization": f"Bearer {token}"}


@contextmanager
def issuing() -> Iterator[Issuer]:
    """Run an issuer on a free port."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.fetched += self.path == "/keys"
            issuer.answering.wait(60)
            content = issuer.document(self.path)
            self.send_response(issuer.status if content else 404)
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        server.daemon_threads = True
        issuer = Issuer(f"http://127.0.0.1:{server.server_address[1]}")
        threading.Thread(target=server.serve_forever, args=[0.05]).start()
        try:
            yield issuer
        finally:
            issuer.answering.set()
            server.shutdown()
