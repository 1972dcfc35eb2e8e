"""House rules that tools can check."""

import ast
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


def test_no_file_has_a_meaningless_name() -> None:
    meaningless = {"utils.py", "util.py", "helpers.py", "manager.py", "base.py", "common.py", "misc.py"}
    found = {path.name for folder in ("handlers", "storage", "cfn") for path in (ROOT / folder).rglob("*.py")}
    assert not found & meaningless, "name each file after the one thing that it contains"


def test_no_test_module_is_imported() -> None:
    """Code that test modules share belongs in `tests/apparatus/` or a fixture, so that each runs and changes alone."""
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno} imports {name}"
        for path in sorted((ROOT / "tests").rglob("*.py"))
        if "node_modules" not in path.parts
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in _imported(node)
        if any(part.startswith("test_") for part in name.split("."))
    ]
    assert not found, f"move what is shared to tests/apparatus/ or a conftest.py: {found}"


def _imported(node: ast.Import | ast.ImportFrom) -> list[str]:
    """Return the names of the modules that a statement may import."""
    package = f"{node.module or ''}." if isinstance(node, ast.ImportFrom) else ""
    return [f"{package}{alias.name}" for alias in node.names]
