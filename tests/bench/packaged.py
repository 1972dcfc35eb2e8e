"""The deployment packages: the service as `cfn` builds it, and each peer trimmed and compiled by the same rules."""

import re
import shutil
import tempfile
import zipfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from cfn.package.build import build_package, write_zip
from cfn.package.bytecode import compile_all
from cfn.package.contents import is_used
from cfn.package.lock import LOCK, TOKENS_LOCK
from cfn.package.pip import pip
from cfn.package.platforms import Platform, get_platform
from cfn.package.sdk_data import trim_sdk_data
from tests.bench.workers import Side

_PEERS: Final = Path(__file__).parent / "peers"
#: The requirements of each peer besides boto3, and its modules besides the repository.
_FASTAPI: Final = (
    ("fastapi>=0.165,<0.166", "mangum"),
    ("fastapi_app.py", "fastapi_async.py", "fastapi_def.py", "models.py"),
)
_POWERTOOLS: Final = (("aws-lambda-powertools==3.37.0", "pydantic"), ("powertools.py", "models.py"))
_BARE: Final = ((), ("bare.py",))
_OWN_MODULES: Final = {*_FASTAPI[1], *_POWERTOOLS[1], *_BARE[1], "tokens.py"}
#: Used by no peer: only the service calls a function, and serves Swagger UI from its package.
_UNUSED: Final = ("botocore/data/lambda/", "aws_lambda_powertools/event_handler/openapi/swagger_ui/")


@dataclass(frozen=True)
class Packaged:
    """An unpacked package, as on Lambda."""

    folder: Path
    entry: str
    zipped_bytes: int


@cache
def packages(*, tokens: bool = False) -> dict[Side, Packaged]:
    """Build the packages once, for this machine's platform; the folder is deleted when the process ends.

    Those that verify tokens are ours and FastAPI's.
    """
    platform, folder = get_platform("host"), Path(_folder().name, "tokens" if tokens else "open")
    ours = build_package(platform, folder, tokens=tokens).path
    requirements, modules = _FASTAPI
    more = ("pyjwt[crypto]",), ("tokens.py",)
    fastapi = _built_alike(
        folder / "fastapi",
        platform,
        (*requirements, *(more[0] if tokens else ())),
        (*modules, *(more[1] if tokens else ())),
    )
    if tokens:
        return {
            "ours": _unpacked(ours, "handlers.aws_lambda"),
            "fastapi_async": _unpacked(fastapi, "peers.fastapi_async"),
        }
    powertools = _built_alike(folder / "powertools", platform, *_POWERTOOLS)
    bare = _built_alike(folder / "bare", platform, *_BARE)
    return {
        "ours": _unpacked(ours, "handlers.aws_lambda"),
        "fastapi_async": _unpacked(fastapi, "peers.fastapi_async"),
        "fastapi_def": _unpacked(fastapi, "peers.fastapi_def"),
        "powertools": _unpacked(powertools, "peers.powertools"),
        "bare": _unpacked(bare, "peers.bare"),
    }


@cache
def _folder() -> "tempfile.TemporaryDirectory[str]":
    return tempfile.TemporaryDirectory(prefix="events-api-bench-")


def _built_alike(folder: Path, platform: Platform, requirements: tuple[str, ...], modules: tuple[str, ...]) -> Path:
    """Install a peer, in the service's locked versions where both use a package, and return its zip."""
    constraints = folder.with_suffix(".txt")
    locked = LOCK.read_text() + TOKENS_LOCK.read_text()
    constraints.write_text("\n".join(re.findall(r"^[a-z0-9-]+==[^ ]+", locked, re.MULTILINE)))
    wheels = [*platform.pip_options, "--only-binary=:all:", "--constraint", str(constraints)]
    pip("install", "--target", str(folder), "--no-compile", *wheels, "boto3", *requirements)
    shutil.copytree(
        _PEERS, folder / "peers", ignore=shutil.ignore_patterns("__pycache__", *_OWN_MODULES.difference(modules))
    )
    for path in sorted(folder.rglob("*"), reverse=True):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and (not is_used(name) or name.startswith(_UNUSED)):
            path.unlink()
    trim_sdk_data(folder / "botocore" / "data")
    compile_all(folder, platform.python)
    write_zip(folder, folder.with_suffix(".zip"))
    return folder.with_suffix(".zip")


def _unpacked(archive: Path, entry: str) -> Packaged:
    folder = archive.with_suffix(".unpacked")
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(folder)
    return Packaged(folder, entry, archive.stat().st_size)
