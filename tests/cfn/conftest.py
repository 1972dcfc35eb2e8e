"""Fixtures: an emulator for the whole test run, and packages that take no time to build."""

import hashlib
import io
import uuid
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from rich.console import Console

from cfn.package.build import Package, build_package
from cfn.package.platforms import get_platform
from cfn.stack import lookup
from cfn.stack.aws import Aws, emulator_account
from cfn.stack.destroy import destroy
from cfn.stack.settings import StackSettings
from storage.embedded import EMULATOR_ACCESS, emulator
from storage.embedded import free_port as _free_port

#: The smallest service: its health response contains a word that identifies the package.
HEALTHY = """
import json, os
def handler(event, context):
    answer = {"status": "healthy", "word": %r, "stage": os.environ["STAGE"], "tables": os.environ["EVENTS_TABLE"]}
    print(json.dumps({"message": "answered", "path": event["rawPath"]}))
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": json.dumps(answer)}
"""


@pytest.fixture
def free_port() -> int:
    return _free_port()


@pytest.fixture(scope="session")
def aws() -> Iterator[Aws]:
    """Yield the account of an emulator that runs for the whole test run."""
    with emulator(_free_port()) as endpoint:
        yield emulator_account(endpoint)


class Recorded(Aws):
    """An account whose calls are recorded, with the service, the operation and its arguments."""

    def __init__(self, endpoint: str) -> None:
        super().__init__(boto3.Session(**EMULATOR_ACCESS), endpoint)
        self.calls: list[tuple[str, str, dict[str, Any]]] = []

    def client(self, service: str) -> Any:
        client = super().client(service)
        client.meta.events.register("provide-client-params", self._record)
        return client

    def _record(self, model: Any, params: dict[str, Any], **_: Any) -> None:
        self.calls.append((model.service_model.signing_name, model.name, params))


@pytest.fixture
def recorded(aws: Aws) -> Recorded:
    """Return the emulator's account with its calls recorded."""
    assert aws.emulator_url is not None
    return Recorded(aws.emulator_url)


@pytest.fixture
def stack(aws: Aws, console: Console) -> Iterator[StackSettings]:
    """Yield the settings of a stack that is deleted after the test."""
    settings = StackSettings(f"test-{uuid.uuid4().hex[:8]}", throw_away=True)
    yield settings
    if lookup.find_stack(aws, settings.name):
        destroy(aws, settings.name, console, confirmed=True)


@pytest.fixture(scope="session")
def host_package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    """Build the real package for this machine, once."""
    return build_package(get_platform("host"), tmp_path_factory.mktemp("host"))


@pytest.fixture
def console() -> Console:
    """Return a console that is not a terminal and keeps its output for `printed`."""
    return Console(file=io.StringIO(), width=200)


@pytest.fixture
def printed(console: Console) -> Callable[[], str]:
    """Return a function that reads the output of `console`."""

    def read() -> str:
        assert isinstance(console.file, io.StringIO)
        return console.file.getvalue()

    return read


@pytest.fixture
def service(tmp_path: Path) -> Callable[..., Package]:
    """Return a function that makes a package whose service responds with a word, or runs a source."""

    def make(word: str = "hello", source: str = HEALTHY) -> Package:
        path = tmp_path / f"{word}.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(zipfile.ZipInfo("handlers/__init__.py"), "")
            archive.writestr(zipfile.ZipInfo("handlers/aws_lambda.py"), source % word if "%r" in source else source)
        content = path.read_bytes()
        return Package(path, content, True, get_platform("host"), hashlib.sha256(content).hexdigest()[:16])  # noqa: FBT003 - compiled

    return make
