"""Identifies what a package is built from, in a moment: the build itself takes much longer."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from cfn.package.bytecode import can_compile
from cfn.package.checkout import ROOT
from cfn.package.contents import OWN_PACKAGES, is_used
from cfn.package.platforms import Platform

_BUILDER: Final = Path("cfn", "package")


def sources_id(platform: Platform, *, tokens: bool = False) -> str:
    """Return a hash of the service's own files, the locks, the code that builds, the platform, and `tokens`.

    Packages of the same id do the same. Their bytes may differ, as compression depends on the build machine's zlib.
    """
    digest = hashlib.sha256(repr((platform, can_compile(platform.python), tokens)).encode())
    for path in _files():
        content = (ROOT / path).read_bytes()
        digest.update(f"\n{path.as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:16]


def _files() -> Iterator[Path]:
    own = (path.relative_to(ROOT) for folder in OWN_PACKAGES for path in (ROOT / folder).rglob("*"))
    yield from sorted(path for path in own if (ROOT / path).is_file() and is_used(path.as_posix()))
    builder = (path.relative_to(ROOT) for path in (ROOT / _BUILDER).iterdir() if path.is_file())
    yield from sorted(builder)
