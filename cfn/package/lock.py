"""Writes `runtime.lock`: the exact versions of the runtime dependencies, with the hash of every permitted wheel."""

import json
import re
import tempfile
import tomllib
from collections import defaultdict
from pathlib import Path
from typing import Final

from cfn.errors import CommandError
from cfn.package.checkout import ROOT
from cfn.package.pip import pip
from cfn.package.platforms import LOCKED, Platform

LOCK: Final = Path(__file__).parent / "runtime.lock"

#: Adapter for WSGI servers, which Lambda does not use.
_NOT_DEPLOYED: Final = ("a2wsgi",)
#: Only its Swagger UI files are used; its requirements are for code that is never imported.
_WITHOUT_REQUIREMENTS: Final = ("flask-swagger-ui",)

_Pins = dict[tuple[str, str], set[str]]


def write_lock() -> int:
    """Resolve the runtime dependencies again for every platform, write the lock, and return the number of pins."""
    pins: _Pins = defaultdict(set)
    plain = [line for line in runtime_requirements() if _name(line) not in _WITHOUT_REQUIREMENTS]
    alone = [line for line in runtime_requirements() if _name(line) in _WITHOUT_REQUIREMENTS]
    for platform in LOCKED:
        _resolve(plain, platform, pins)
        _resolve([*alone, "--no-deps"], platform, pins)
    _require_one_version(pins)
    LOCK.write_text(_format(pins))
    return len(pins)


def runtime_requirements() -> list[str]:
    """Return the dependencies in pyproject.toml that the deployed service needs."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return [line for line in project["dependencies"] if _name(line) not in _NOT_DEPLOYED]


def _name(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found is not None
    return re.sub(r"[-_.]+", "-", found[0]).lower()


def _resolve(requirements: list[str], platform: Platform, pins: _Pins) -> None:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        options = ["--dry-run", "--ignore-installed", "--only-binary=:all:", "--target", folder]
        pip("install", *options, "--report", str(report), *platform.pip_options, *requirements)
        for found in json.loads(report.read_text())["install"]:
            pin = _name(found["metadata"]["name"]), found["metadata"]["version"]
            pins[pin].add(found["download_info"]["archive_info"]["hashes"]["sha256"])


def _require_one_version(pins: _Pins) -> None:
    names = [name for name, _ in pins]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise CommandError(
            f"No single version of {', '.join(twice)} has wheels for every platform: restrict it in pyproject.toml."
        )


def _format(pins: _Pins) -> str:
    lines = ["# Written by `python -m cfn lock`; the package is built from this file alone."]
    for (name, version), hashes in sorted(pins.items()):
        lines.append(
            " \\\n    ".join([f"{name}=={version}", *(f"--hash=sha256:{digest}" for digest in sorted(hashes))])
        )
    return "\n".join(lines) + "\n"
