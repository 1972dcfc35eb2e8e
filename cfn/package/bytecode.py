"""Compiles the package in advance, so that a cold start compiles nothing."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

#: The folder where Lambda unpacks the package; tracebacks show paths below it.
_TASK_ROOT: Final = "/var/task"


def compile_all(folder: Path, python: tuple[int, int]) -> bool:
    """Compile the folder for a minor version of Python; return False if this machine does not have that version."""
    interpreter = _interpreter(python)
    if interpreter is None:
        return False
    # Unchecked: Python opens no source to compare its date, which is fixed in the package anyway. The fixed hash seed
    # keeps the order of sets, and so the bytes, the same in every build.
    options = ["-q", "-s", str(folder), "-p", _TASK_ROOT, "--invalidation-mode", "unchecked-hash"]
    seeded = {**os.environ, "PYTHONHASHSEED": "0"}
    subprocess.run([interpreter, "-m", "compileall", *options, str(folder)], env=seeded, check=True)
    return True


def can_compile(python: tuple[int, int]) -> bool:
    """Return whether this machine can compile for a minor version of Python."""
    return _interpreter(python) is not None


def _interpreter(python: tuple[int, int]) -> str | None:
    candidates = [sys.executable, "python{}.{}".format(*python)]
    return next((candidate for candidate in candidates if _version(candidate) == python), None)


def _version(interpreter: str) -> tuple[int, int] | None:
    code = "import sys; print(*sys.version_info[:2])"
    try:
        done = subprocess.run([interpreter, "-c", code], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        # Not installed, or the shim of a version manager in which that version is not enabled.
        return None
    major, minor = done.stdout.split()
    return int(major), int(minor)
