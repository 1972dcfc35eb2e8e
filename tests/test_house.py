"""The rules of the house, which tools can check."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    "command",
    [
        ["ruff", "check"],
        ["ruff", "format", "--check"],
        ["mypy"],
        ["importlinter.cli", "lint"],
    ],
    ids=" ".join,
)
def test_a_tool_finds_nothing(command: list[str]) -> None:
    module, *arguments = command
    program = (
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()"]
        if module == "importlinter.cli"
        else [sys.executable, "-m", module, *arguments]
    )
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_name_says_nothing() -> None:
    """A file called so holds whatever had no other place."""
    nothing = {"utils.py", "util.py", "helpers.py", "manager.py", "base.py", "common.py", "misc.py"}
    found = {path.name for folder in ("handlers", "storage", "cfn") for path in (ROOT / folder).rglob("*.py")}
    assert not found & nothing
