"""Builds the Lambda package: a zip with the same bytes for the same files, given the same zlib."""

import hashlib
import tempfile
import zipfile
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Final, Protocol

from cfn.errors import CommandError
from cfn.package.bytecode import compile_all
from cfn.package.contents import collect
from cfn.package.platforms import Platform
from cfn.package.sources import sources_id

#: The earliest date that a zip entry can have.
_DATE: Final = (1980, 1, 1, 0, 0, 0)
_MODE: Final = 0o100644


@dataclass(frozen=True)
class Package:
    """A built package; `compiled` is true if it contains bytecode.

    `content` is what is hashed and uploaded: the file at `path` may meanwhile be that of another build. `sources` is
    the id of what it was built from; `tokens` is true if it contains what verifies tokens.
    """

    path: Path
    content: bytes = field(repr=False)
    compiled: bool
    platform: Platform
    sources: str
    tokens: bool = False

    @cached_property
    def sha256(self) -> str:
        """Return the hash of the content in hexadecimal."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def size(self) -> int:
        """Return the size in bytes."""
        return len(self.content)

    def build(self) -> "Package":
        """Return the package itself, which is built."""
        return self

    def for_tokens(self, *, needed: bool) -> "Package":
        """Return the package itself; raise `CommandError` if it can't verify tokens that need to be."""
        if needed and not self.tokens:
            raise CommandError("This package can't verify tokens: build it with --tokens.")
        return self


class Code(Protocol):
    """A package, or what one is built from."""

    @property
    def platform(self) -> Platform:
        """Return the platform that it is for."""

    @property
    def sources(self) -> str:
        """Return the id of what the package is built from."""

    def build(self) -> Package:
        """Return the package, built if necessary."""

    def for_tokens(self, *, needed: bool) -> "Code":
        """Return the code with what verifies tokens if that is needed, and without it otherwise."""


@dataclass(frozen=True)
class Recipe:
    """A package that is built on demand, in the folder `output`; with `tokens`, it can verify tokens."""

    platform: Platform
    output: Path
    tokens: bool = False

    @cached_property
    def sources(self) -> str:
        """Return the id of what the package is built from."""
        return sources_id(self.platform, tokens=self.tokens)

    def build(self) -> Package:
        """Build the package."""
        return build_package(self.platform, self.output, tokens=self.tokens)

    def for_tokens(self, *, needed: bool) -> "Recipe":
        """Return the recipe of a package with what verifies tokens, or without it."""
        return replace(self, tokens=needed)


def build_package(platform: Platform, output: Path, *, tokens: bool = False) -> Package:
    """Build the package for the platform in the folder `output`, where other builds may run at the same time."""
    output.mkdir(parents=True, exist_ok=True)
    path = output / f"events-api-{platform.name}{'-tokens' if tokens else ''}.zip"
    sources = sources_id(platform, tokens=tokens)
    # Within the output folder, as a file can be replaced at once only on the same file system.
    with tempfile.TemporaryDirectory(prefix="build-", dir=output) as work:
        folder, archive = Path(work, "content"), Path(work, path.name)
        folder.mkdir()
        collect(folder, platform, tokens=tokens)
        compiled = compile_all(folder, platform.python)
        write_zip(folder, archive)
        content = archive.read_bytes()
        archive.replace(path)
    return Package(path, content, compiled, platform, sources, tokens)


def write_zip(folder: Path, path: Path) -> None:
    """Zip the files of the folder, sorted, with fixed dates and modes, so that equal files give equal bytes."""
    names = sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file())
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            entry = zipfile.ZipInfo(name, date_time=_DATE)
            entry.external_attr = _MODE << 16
            entry.create_system = 3  # Unix, on every build machine.
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, (folder / name).read_bytes(), compresslevel=9)
