"""Builds the Lambda package: a zip with the same bytes, given the same files and the same zlib."""

import hashlib
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cfn.package.bytecode import compile_all
from cfn.package.contents import collect
from cfn.package.platforms import Platform

#: The earliest date that a zip entry can have.
_DATE: Final = (1980, 1, 1, 0, 0, 0)
_MODE: Final = 0o100644


@dataclass(frozen=True)
class Package:
    """A built package; `compiled` is true if it contains bytecode."""

    path: Path
    sha256: str
    size: int
    compiled: bool
    platform: Platform

    @property
    def key(self) -> str:
        """Return the object key in the bucket, which is the content hash."""
        return f"{self.sha256}.zip"


def build_package(platform: Platform, output: Path) -> Package:
    """Build the package for the platform in the folder `output`."""
    output.mkdir(parents=True, exist_ok=True)
    path = output / f"events-api-{platform.name}.zip"
    with tempfile.TemporaryDirectory() as folder:
        collect(Path(folder), platform)
        compiled = compile_all(Path(folder), platform.python)
        write_zip(Path(folder), path)
    content = path.read_bytes()
    return Package(path, hashlib.sha256(content).hexdigest(), len(content), compiled, platform)


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
