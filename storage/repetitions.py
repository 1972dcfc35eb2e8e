"""Repetitions of a request with a key, recognized by what the resource that the first one made has kept of it.

A key is a text without spaces that no other caller has. The resource keeps it in the attribute `request`, behind it a
digest of what its maker sent, as a later change must not make a repetition look like another request. So a key costs
no call and no write unit, and lives as long as its resource.
"""

import json
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256
from typing import Any, Final

from storage.dynamodb.attributes import Item
from storage.errors import KeyReused, Refusal

_IDS: Final = uuid.UUID("6f1bb2b5-0f3c-4d0c-9c57-3f5f6a4f0f3e")


class Repeated(Refusal):
    """The resource exists, and this very request has made it: an answer of its own module, never seen outside."""

    def __init__(self, item: Item) -> None:
        super().__init__()
        self.item = item


def digest(text: str) -> str:
    """Return 22 characters that stand for a text: 128 bits of its SHA-256."""
    return urlsafe_b64encode(sha256(text.encode()).digest()[:16])[:22].decode()


def new_id(key: str | None) -> str:
    """Return the id of a new resource, which a repetition of the request with the key finds again."""
    return str(uuid.uuid4() if key is None else uuid.uuid5(_IDS, key))


def request_of(key: str | None, sent: Any) -> str | None:
    """Return what a new resource keeps of the request that makes it, None without a key; `sent` is JSON."""
    return None if key is None else f"{key} {digest(json.dumps(sent))}"


def unless_repeated(request: str | None, taken: Callable[[], Refusal]) -> Callable[[Item | None], Refusal]:
    """Return the refusal of a step that makes a resource where there is one: `taken`, unless its request is the same.

    It is `Repeated` for the same request, and `KeyReused` for another one with the same key.
    """

    def refusal(image: Item | None) -> Refusal:
        kept = image.get("request") if image else None
        if image is None or request is None or not isinstance(kept, str) or kept.split()[:1] != request.split()[:1]:
            return taken()
        return Repeated(image) if kept == request else KeyReused()

    return refusal
