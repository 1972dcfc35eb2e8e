"""Writes the locks: the exact versions of what a package contains, with the hash of every permitted wheel.

`runtime.lock` has the dependencies of the service, and `tokens.lock` those that only a deployment with an issuer needs.
"""

import json
import re
import tempfile
import tomllib
from collections import defaultdict
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Final

from cfn.errors import CommandError
from cfn.package.checkout import ROOT
from cfn.package.pip import pip
from cfn.package.platforms import LOCKED, Platform

LOCK: Final = Path(__file__).parent / "runtime.lock"
TOKENS_LOCK: Final = Path(__file__).parent / "tokens.lock"

#: Adapter for WSGI servers, which Lambda does not use.
_NOT_DEPLOYED: Final = ("a2wsgi",)
#: Only its Swagger UI files are used; its requirements are for code that is never imported.
_WITHOUT_REQUIREMENTS: Final = ("flask-swagger-ui",)

_Pins = dict[tuple[str, str], set[str]]


def write_locks() -> dict[Path, int]:
    """Resolve the dependencies again for every platform, write the locks, and return the number of pins in each."""
    runtime = _runtime_pins()
    found = {LOCK: runtime, TOKENS_LOCK: _tokens_pins({name for name, _version in runtime})}
    for path, pins in found.items():
        path.write_text(_format(pins))
    return {path: len(pins) for path, pins in found.items()}


def _runtime_pins() -> _Pins:
    pins: _Pins = defaultdict(set)
    plain = [line for line in runtime_requirements() if _name(line) not in _WITHOUT_REQUIREMENTS]
    alone = [line for line in runtime_requirements() if _name(line) in _WITHOUT_REQUIREMENTS]
    for platform in LOCKED:
        _resolve(plain, platform, pins)
        _resolve([*alone, "--no-deps"], platform, pins)
    _require_one_version(pins)
    return pins


def _tokens_pins(runtime: AbstractSet[str]) -> _Pins:
    """Return the pins of what verifies tokens, but for the names that the runtime has."""
    pins: _Pins = defaultdict(set)
    for platform in LOCKED:
        # cryptography has no wheels for Intel Macs any more, and all others should not get an older version for them.
        if not platform.tags[0].startswith("macosx") or platform.architecture == "arm64":
            _resolve(tokens_requirements(), platform, pins)
    _require_one_version(pins)
    return {pin: hashes for pin, hashes in pins.items() if pin[0] not in runtime}


def runtime_requirements() -> list[str]:
    """Return the dependencies in pyproject.toml that the deployed service needs."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return [line for line in project["dependencies"] if _name(line) not in _NOT_DEPLOYED]


def tokens_requirements() -> list[str]:
    """Return the dependencies in pyproject.toml that only a service with an issuer needs."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    requirements: list[str] = project["optional-dependencies"]["auth"]
    return requirements


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
