"""Importing a module does no work: the entry points build the application on first access to it."""

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.apparatus.new_copy import new_copy
from tests.apparatus.server import ROOT

#: Imports every module of the three packages, and fails on a boto3 client, a connection or a process.
IMPORT_ALL: Final = """
import importlib, pkgutil, sys
import botocore.session

def refuse(event, arguments):
    if event in {"socket.connect", "socket.bind", "socket.getaddrinfo", "subprocess.Popen", "os.posix_spawn"}:
        raise AssertionError(f"{event} {arguments}")

def no_client(*arguments, **options):
    raise AssertionError("a client is made")

sys.path.insert(0, sys.argv[1])
sys.addaudithook(refuse)
botocore.session.Session.create_client = no_client
for name in ("handlers", "storage", "cfn"):
    package = importlib.import_module(name)
    for module in pkgutil.walk_packages(package.__path__, f"{name}."):
        importlib.import_module(module.name)
        print(module.name)
"""

ENTRY_POINTS: Final = [("handlers.aws_lambda", "handler"), ("handlers.wsgi", "app")]


def run(code: str, folder: Path, *arguments: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    """Run code in a fresh interpreter that has only these variables, and an empty folder as home and directory."""
    command = [sys.executable, "-c", code, str(ROOT), *arguments]
    return subprocess.run(
        command, env={"HOME": str(folder), **environ}, cwd=folder, capture_output=True, text=True, check=False
    )


def test_every_module_can_be_imported_without_settings_and_makes_no_client(tmp_path: Path) -> None:
    done = run(IMPORT_ALL, tmp_path)
    assert done.returncode == 0, done.stderr
    expected = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for package in ("handlers", "storage", "cfn")
        for path in (ROOT / package).rglob("*.py")
        if path.name != "__init__.py"
    }
    assert expected <= set(done.stdout.split())


@pytest.fixture
def builds(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count the applications that the entry points build, without building one."""
    made: list[int] = []

    def build(*_arguments: object, **_options: object) -> None:
        made.append(1)

    monkeypatch.setattr("handlers.app.app_from", build)
    for adapter in ("mangum.Mangum", "a2wsgi.ASGIMiddleware"):
        monkeypatch.setattr(adapter, lambda _app, **_options: str)
    return made


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize(("module", "name"), ENTRY_POINTS)
def test_the_first_access_builds_the_application_and_later_ones_return_it(
    builds: list[int], module: str, name: str
) -> None:
    entry = new_copy(module)
    assert builds == []
    first = getattr(entry, name)
    assert callable(first)
    assert getattr(entry, name) is first
    assert builds == [1]


@pytest.mark.parametrize(("module", "name"), ENTRY_POINTS)
def test_other_names_are_missing_as_in_any_module(builds: list[int], module: str, name: str) -> None:
    entry = new_copy(module)
    with pytest.raises(AttributeError, match=f"module '{module}' has no attribute '{name}s'"):
        getattr(entry, f"{name}s")
    assert builds == []


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize(("module", "name"), ENTRY_POINTS)
def test_a_mistake_in_building_is_not_taken_for_a_missing_name(
    monkeypatch: pytest.MonkeyPatch, module: str, name: str
) -> None:
    """With a missing handler the runtime of Lambda starts all the same, and refuses every request."""

    def mistaken(*_arguments: object, **_options: object) -> None:
        raise AttributeError("mistake")

    monkeypatch.setattr("handlers.app.app_from", mistaken)
    with pytest.raises(RuntimeError, match=f"{module}.{name} can't be built"):
        getattr(new_copy(module), name, None)


@pytest.mark.parametrize(("module", "name"), ENTRY_POINTS)
def test_a_missing_region_stops_the_start(tmp_path: Path, module: str, name: str) -> None:
    load = "import sys; sys.path.insert(0, sys.argv[1]); from importlib import import_module; "
    done = run(load + "getattr(import_module(sys.argv[2]), sys.argv[3])", tmp_path, module, name)
    assert done.returncode == 1
    assert "StorageUnavailable: no call to the store: NoRegionError" in done.stderr
