"""The deployment packages: the service as `cfn` builds it, and the peer built alike and as usual."""

import re
import shutil
import tempfile
import zipfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Literal

from cfn.package.build import build_package, write_zip
from cfn.package.bytecode import compile_all
from cfn.package.contents import is_used
from cfn.package.lock import LOCK
from cfn.package.pip import pip
from cfn.package.platforms import Platform, get_platform

Variant = Literal["ours", "peer", "plain"]
VARIANTS: Final[tuple[Variant, ...]] = ("ours", "peer", "plain")

_PEER: Final = Path(__file__).parent / "peer"
#: boto3's resource needs this data; the service's client does not.
_RESOURCE: Final = "boto3/data/dynamodb/"
_REQUIREMENTS: Final = ("fastapi>=0.165,<0.166", "boto3", "mangum")


@dataclass(frozen=True)
class Packaged:
    """An unpacked package, as on Lambda."""

    folder: Path
    entry: str
    zipped_bytes: int


@cache
def packages() -> dict[Variant, Packaged]:
    """Build the packages once, for this machine's platform; the folder is deleted when the process ends."""
    platform, folder = get_platform("host"), Path(_folder().name)
    ours = build_package(platform, folder).path
    peer = _peer_built_alike(folder / "peer", platform)
    plain = _peer_as_usual(folder / "plain", platform)
    return {
        "ours": Packaged(_unpacked(ours), "handlers.aws_lambda", ours.stat().st_size),
        "peer": Packaged(_unpacked(peer), "app.main", peer.stat().st_size),
        "plain": Packaged(folder / "plain", "app.main", plain.stat().st_size),
    }


@cache
def _folder() -> "tempfile.TemporaryDirectory[str]":
    return tempfile.TemporaryDirectory(prefix="events-api-bench-")


def _peer_built_alike(folder: Path, platform: Platform) -> Path:
    """Install the peer, then delete, compile and zip files by the same rules as the service's package."""
    _install(folder, platform, "--no-compile")
    for path in sorted(folder.rglob("*"), reverse=True):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and not is_used(name) and not name.startswith(_RESOURCE):
            path.unlink()
    compile_all(folder, platform.python)
    write_zip(folder, folder.with_suffix(".zip"))
    return folder.with_suffix(".zip")


def _peer_as_usual(folder: Path, platform: Platform) -> Path:
    """Install the peer with `pip install -t`, and zip everything."""
    _install(folder, platform)
    return Path(shutil.make_archive(str(folder), "zip", folder))


def _install(folder: Path, platform: Platform, *options: str) -> None:
    """Install the peer and its requirements, in the service's locked versions where both use a package."""
    constraints = folder.with_suffix(".txt")
    constraints.write_text("\n".join(re.findall(r"^[a-z0-9-]+==[^ ]+", LOCK.read_text(), re.MULTILINE)))
    wheels = [*platform.pip_options, "--only-binary=:all:", "--constraint", str(constraints)]
    pip("install", "--target", str(folder), *options, *wheels, *_REQUIREMENTS)
    shutil.copytree(_PEER, folder / "app", ignore=shutil.ignore_patterns("__pycache__"))


def _unpacked(archive: Path) -> Path:
    folder = archive.with_suffix(".unpacked")
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(folder)
    return folder
