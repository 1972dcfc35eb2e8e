"""Installed from a wheel, the commands that read the checkout refuse to run, and the others work."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cfn.package.checkout import ROOT

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the Python files of `cfn` and `storage` alone, as a wheel installs them."""
    folder = tmp_path_factory.mktemp("site-packages")
    for path in (path for package in ("cfn", "storage") for path in (ROOT / package).rglob("*.py")):
        target = folder / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    return folder


@pytest.fixture
def run(installed: Path, tmp_path: Path) -> Run:
    """Return a function that runs an installed command without any AWS configuration."""

    def command(*arguments: str) -> "subprocess.CompletedProcess[str]":
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        nowhere = {name: str(tmp_path / name) for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE")}
        environ = {**inherited, **nowhere, "AWS_EC2_METADATA_DISABLED": "true", "PYTHONPATH": str(installed)}
        line = [sys.executable, "-m", "cfn", *arguments]
        return subprocess.run(line, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)

    return command


@pytest.mark.parametrize("arguments", [["package"], ["lock"], ["deploy", "--stack", "demo"], ["local"]], ids=" ".join)
def test_a_command_that_needs_a_checkout_ends_with_one_line(run: Run, installed: Path, arguments: list[str]) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"error: `{arguments[0]}` needs a checkout of the project: pyproject.toml and openapi.yaml not found in "
        f"{installed}; run it in the root folder of a clone.\n"
    )


def test_the_template_needs_no_checkout(run: Run) -> None:
    done = run("template")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Function" in json.loads(done.stdout)["Resources"]


@pytest.mark.parametrize("command", ["destroy", "logs"])
def test_destroy_and_logs_need_an_account_but_no_checkout(run: Run, command: str) -> None:
    done = run(command, "--stack", "demo")
    assert (done.returncode, done.stderr) == (
        1,
        "error: No AWS region: set AWS_DEFAULT_REGION, or give the profile a region.\n",
    )
