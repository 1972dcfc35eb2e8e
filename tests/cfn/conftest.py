"""An emulator for the whole run, and packages small enough to build in no time."""

import hashlib
import io
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rich.console import Console

from cfn.package.build import Package, build_package
from cfn.package.platforms import named
from cfn.stack.aws import Aws, emulated
from storage.embedded import emulator
from storage.embedded import free_port as _free_port

#: What a package needs at the least: an entry point that says what it is.
HEALTHY = """
import json, os
def handler(event, context):
    answer = {"status": "healthy", "says": %r, "stage": os.environ["STAGE"], "tables": os.environ["EVENTS_TABLE"]}
    print(json.dumps({"message": "answered", "path": event["rawPath"]}))
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": json.dumps(answer)}
"""


@pytest.fixture
def free_port() -> int:
    return _free_port()


@pytest.fixture(scope="session")
def aws() -> Iterator[Aws]:
    """Yield an account that an emulator plays for the whole test run."""
    with emulator(_free_port()) as endpoint:
        yield emulated(endpoint)


@pytest.fixture(scope="session")
def host_package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    """Build the real package for this machine, once."""
    return build_package(named("host"), tmp_path_factory.mktemp("host"))


@pytest.fixture
def console() -> Console:
    """Return a console that is no terminal and keeps what is printed; `said` reads it."""
    return Console(file=io.StringIO(), width=200)


@pytest.fixture
def said(console: Console) -> Callable[[], str]:
    def read() -> str:
        assert isinstance(console.file, io.StringIO)
        return console.file.getvalue()

    return read


@pytest.fixture
def service(tmp_path: Path) -> Callable[..., Package]:
    """Make a package whose service says the given word, or runs the given source."""

    def make(word: str = "hello", source: str = HEALTHY) -> Package:
        path = tmp_path / f"{word}.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(zipfile.ZipInfo("handlers/__init__.py"), "")
            archive.writestr(zipfile.ZipInfo("handlers/aws_lambda.py"), source % word if "%r" in source else source)
        content = path.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        return Package(path, digest, len(content), compiled=True, platform=named("host"))

    return make
