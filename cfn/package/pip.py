"""Runs pip as a program of its own, which is the only interface that it promises."""

import subprocess
import sys

from cfn.errors import CommandError


def pip(*arguments: str) -> None:
    """Run one pip command; raise `CommandError` with the last line that pip said about its failure."""
    command = [sys.executable, "-m", "pip", "--quiet", "--no-input", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        complaints = [line for line in done.stderr.splitlines() if not line.startswith(("WARNING", "[notice]"))]
        raise CommandError(f"pip {arguments[0]} failed: {complaints[-1] if complaints else done.stderr.strip()}")
