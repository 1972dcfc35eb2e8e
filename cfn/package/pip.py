"""Runs pip as a subprocess: its command line is its only supported interface."""

import subprocess
import sys

from cfn.errors import CommandError


def pip(*arguments: str) -> None:
    """Run one pip command; if it fails, raise `CommandError` with the last line of its error output."""
    command = [sys.executable, "-m", "pip", "--quiet", "--no-input", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if not line.startswith(("WARNING", "[notice]"))]
        raise CommandError(f"pip {arguments[0]} failed: {errors[-1] if errors else done.stderr.strip()}")
