"""The issuer of `events-api --auth`: a key in the data folder, and `events-api token`, which signs with it."""

import argparse
import os
import sys
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm

from handlers.access.caller import user_id_of
from handlers.access.keys import FixedKeys
from handlers.access.tokens import Tokens
from handlers.local_store import DATA
from handlers.settings import Issuer, SettingsError

#: Not a URL: nobody else can sign for it, and nothing is fetched from it.
ISSUER: Final = Issuer(name="urn:events-api:local", audiences=frozenset({"events-api"}))

_FILE: Final = "issuer.json"
_KEY_ID: Final = "local"
_DAY_SECONDS: Final = 24 * 60 * 60


class IssuerError(SettingsError):
    """The key of the local issuer can't be used; the message has the file and what to do."""


def tokens(folder: Path) -> Tokens:
    """Return the tokens of the issuer whose key is in a folder; make the key if there is none.

    Raises:
        IssuerError: The file is damaged, or can't be written.

    """
    key = _key(folder)
    public = OKPAlgorithm.to_jwk(key.public_key(), as_dict=True)
    keys = FixedKeys({"keys": [{**public, "kid": _KEY_ID}]})
    return Tokens(ISSUER, keys, "that `events-api token USER` prints")


def main(words: Sequence[str]) -> None:
    """Print a token.

    Raises:
        IssuerError: The file with the key is damaged, or can't be written.

    """
    options = _options(words)
    if not (options.data / _FILE).exists():
        text = f"There was no key in {options.data}: it is new, for a service that starts with --auth on this folder."
        print(text, file=sys.stderr)  # noqa: T201 - the output of the command
    roles = {ISSUER.organizer: options.organizer, ISSUER.admin: options.admin}
    print(sign(options.data, options.user, " ".join(role for role, has in roles.items() if has), options.days))  # noqa: T201 - the output of the command


def sign(folder: Path, user_id: str, scope: str = "", days: float = 1) -> str:
    """Return a token for a user, signed by the key in a folder.

    Raises:
        IssuerError: The file is damaged, or can't be written.

    """
    now = int(time.time())
    claims = {
        "iss": ISSUER.name,
        "aud": next(iter(ISSUER.audiences)),
        "sub": user_id,
        "scope": scope,
        "iat": now,
        "exp": now + int(days * _DAY_SECONDS),
    }
    return jwt.encode(claims, _key(folder), algorithm="EdDSA", headers={"kid": _KEY_ID})


def _options(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="events-api token", description="Print a token for a service that runs with --auth on this machine."
    )
    parser.add_argument("user", type=_user, metavar="USER", help="the userId of the person")
    parser.add_argument("--organizer", action="store_true", help="the person is an organizer")
    parser.add_argument(
        "--admin", action="store_true", help="an organizer of every event, also of those that belong to nobody"
    )
    parser.add_argument("--days", type=_days, default=1, help="time until it expires (default: %(default)s)")
    parser.add_argument(
        "--data", type=Path, default=DATA, metavar="DIR", help="data folder of the service (default: %(default)s)"
    )
    return parser.parse_args(words[1:])


def _user(text: str) -> str:
    if user_id_of(text) != text:
        raise argparse.ArgumentTypeError(f"{text!r} is not a userId: use letters, digits and . _ ~ @ : + -")
    return text


def _days(text: str) -> float:
    with suppress(ValueError):
        if 0 < (days := float(text)) <= 3650:  # noqa: PLR2004 - ten years
            return days
    raise argparse.ArgumentTypeError(f"{text!r} is not a number of days up to 3650")


def _key(folder: Path) -> Ed25519PrivateKey:
    """Return the key in a folder; make it if there is none, for the eyes of this user alone."""
    path = folder / _FILE
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileExistsError):
            _write(path, OKPAlgorithm.to_jwk(Ed25519PrivateKey.generate()))
        key = OKPAlgorithm.from_jwk(path.read_text())
    except OSError as error:
        raise IssuerError(f"the key of the issuer can't be kept in {path}: {error.strerror}") from error
    except (ValueError, jwt.InvalidKeyError):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise IssuerError(f"{path} is not the key of an issuer: delete it, and start again")
    return key


def _write(path: Path, text: str) -> None:
    """Write a file that appears complete or not at all, and only if it does not exist."""
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        path.hardlink_to(draft)
    finally:
        draft.unlink()
