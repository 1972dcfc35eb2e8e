"""Collects the files that the service needs at run time in one folder."""

import json
import shutil
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

import yaml

from cfn.errors import CommandError
from cfn.package.checkout import ROOT
from cfn.package.lock import LOCK, TOKENS_LOCK
from cfn.package.pip import pip
from cfn.package.platforms import Platform
from cfn.package.sdk_data import trim_sdk_data

#: The service's own packages, without the files that only run on a developer's machine.
OWN_PACKAGES: Final = ("handlers", "storage")
_LOCAL_ONLY: Final = (
    "handlers/access/local_issuer.py",
    "handlers/demo.py",
    "handlers/local.py",
    "handlers/local_store.py",
    "handlers/preparation.py",
    "handlers/promotions.py",
    "handlers/reloading.py",
    "handlers/transfer.py",
    "handlers/webhooks/dead_letters.py",
    "handlers/webhooks/local.py",
    "handlers/webhooks/local_sender.py",
    "handlers/wsgi.py",
    "storage/__main__.py",
    "storage/audit/*",
    "storage/dynamodb/access.py",
    "storage/dynamodb/consumption.py",  # counts what an audit reads
    "storage/durable/*",
    "storage/embedded.py",
    "storage/place.py",
    "storage/status_line.py",
    "storage/transfer/*",
)

#: The service's modules that only verify tokens.
_FOR_TOKENS: Final = ("handlers/access/keys.py", "handlers/access/tokens.py")

#: Files that no import and no request reads, as patterns of paths below the folder.
_UNUSED: Final = (
    "bin/*",
    "*/__pycache__/*",
    "*.pyc",
    "*.pyi",
    "*/py.typed",
    "*/tests/*",
    "*/testsuite/*",
    "boto3/data/*",
    "boto3/examples/*",
    "botocore/data/*",
    "botocore/cacert.pem",  # certifi has the same file
    "dateutil/zoneinfo/*.tar.gz",
    "flask_swagger_ui/*",
    "yaml/_yaml*",  # the contract is read as JSON
    # What only `handlers.spared` would import, and what only these need.
    *("requests/*", "httpx/*", "httpcore/*", "h11/*", "charset_normalizer/*", "idna/*"),
    *("pydantic/v1/*", "pydantic/mypy.py"),
    *("cffi/*", "pycparser/*"),  # they make bindings, and cryptography has them made
    "*.dist-info/*",
)
#: Exceptions to the patterns above: the SDK's data of the services that are called, the files of Swagger UI that are
#: served, metadata for `importlib.metadata`, and the texts that the licences require.
_USED: Final = (
    "botocore/data/_retry.json",
    "botocore/data/endpoints.json",
    "botocore/data/partitions.json",
    "botocore/data/sdk-default-configuration.json",
    "botocore/data/dynamodb/*",
    *(
        f"botocore/data/{version}/{name}"
        for version in ("events/2015-10-07", "lambda/2015-03-31", "sqs/2012-11-05", "ssm/2014-11-06")
        for name in ("endpoint-rule-set-1.json.gz", "service-2.json*")
    ),
    "flask_swagger_ui/dist/index.css",
    "flask_swagger_ui/dist/swagger-ui.css",
    "flask_swagger_ui/dist/swagger-ui-bundle.js",
    "flask_swagger_ui/dist/favicon-32x32.png",
    "*.dist-info/METADATA",
    "*.dist-info/licenses/*",
    "*.dist-info/LICEN[CS]E*",
    "*/LICENSE*",
)

_START: Final = """
from handlers.app import create_app
from storage.dynamodb.tables import Tables
create_app(Tables.connect({}, region_name="us-east-1"))
"""


def collect(folder: Path, platform: Platform, *, tokens: bool = False) -> None:
    """Fill an empty folder with the locked wheels for the platform and the service's own files.

    `tokens` adds the wheels that verify tokens.
    """
    _check_contract()
    locks = [option for lock in ([LOCK, TOKENS_LOCK] if tokens else [LOCK]) for option in ("--requirement", str(lock))]
    locked = ["--require-hashes", *locks, "--no-deps", "--only-binary=:all:"]
    pip("install", "--target", str(folder), "--no-compile", *platform.pip_options, *locked)
    for name in OWN_PACKAGES:
        shutil.copytree(ROOT / name, folder / name)
    for name in () if tokens else _FOR_TOKENS:
        (folder / name).unlink()
    contract = folder / "handlers" / "openapi.yaml"
    contract.with_suffix(".rendered.json").write_text(json.dumps(yaml.safe_load(contract.read_bytes())))
    _drop_unused(folder)
    trim_sdk_data(folder / "botocore" / "data")
    # The service finds the files through the package's `__init__.py`, whose original code would import flask.
    (folder / "flask_swagger_ui" / "__init__.py").write_text("")


def _check_contract() -> None:
    """Start the service, which validates the contract and the models of it: in the package it trusts them."""
    done = subprocess.run([sys.executable, "-c", _START], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CommandError(f"The service can't start: {done.stderr.strip().splitlines()[-1]}")


def is_used(name: str) -> bool:
    """Return whether the package contains the file with this path below the folder."""
    if _matches(name, _LOCAL_ONLY):
        return False
    return _matches(name, _USED) or not _matches(name, _UNUSED)


def _drop_unused(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir():
            if not any(path.iterdir()):
                path.rmdir()
        elif not is_used(path.relative_to(folder).as_posix()):
            path.unlink()


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch(name, pattern) for pattern in patterns)
