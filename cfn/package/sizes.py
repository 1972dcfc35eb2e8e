"""Reports what a cold start depends on: the size of each part of the package and the import time."""

import os
import subprocess
import sys
import tempfile
import zipfile
from collections import Counter
from pathlib import Path
from typing import Final

from rich.console import Console

from cfn.package.build import Package, build_package
from cfn.package.platforms import get_platform
from storage.schema import TABLE_VARIABLES

_RUNS: Final = 5
_TIMED: Final = """
import sys, time
sys.path.insert(0, sys.argv[1])
start = time.perf_counter()
from handlers.aws_lambda import handler  # which builds the application
print(time.perf_counter() - start)
"""


def print_package(package: Package, console: Console) -> None:
    """Print the path, size and hash of a package, and whether it lacks bytecode."""
    console.print(f"{package.path}  {package.size:,} bytes  sha256 {package.sha256}", soft_wrap=True, highlight=False)
    if not package.compiled:
        version = "{}.{}".format(*package.platform.python)
        text = f"Without bytecode: Python {version} is not on the PATH to compile it, so cold starts take longer."
        console.print(text, soft_wrap=True, highlight=False)


def print_report(package: Package, console: Console) -> None:
    """Print the compressed size of each part in bytes, largest first, and the import time of the entry point."""
    for part, size in _sizes(package.path).most_common():
        console.print(f"{size:>12,}  {part}", highlight=False)
    with tempfile.TemporaryDirectory() as folder:
        runnable = (
            package
            if package.platform.name == "host"
            else build_package(get_platform("host"), Path(folder), tokens=package.tokens)
        )
        seconds = import_seconds(runnable)
    version = "{}.{}".format(*sys.version_info[:2])
    console.print(f"{seconds:.2f} s to import the entry point here, Python {version}, best of {_RUNS}", highlight=False)


def import_seconds(package: Package) -> float:
    """Return the shortest of five import times of the entry point, in new interpreters that see only the package."""
    # `-S` hides what is installed on this machine, so that a missing module fails here as it would on Lambda.
    variables = {**dict.fromkeys(TABLE_VARIABLES.values(), "table"), "CORS_ORIGINS": "*", "STAGE": "prod"}
    keys = {"AWS_DEFAULT_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none"}
    with tempfile.TemporaryDirectory() as folder:
        zipfile.ZipFile(package.path).extractall(folder)
        command = [sys.executable, "-I", "-S", "-c", _TIMED, folder]
        runs = [
            subprocess.run(command, env={**os.environ, **variables, **keys}, capture_output=True, text=True, check=True)
            for _ in range(_RUNS)
        ]
    return min(float(run.stdout) for run in runs)


def _sizes(path: Path) -> Counter[str]:
    sizes: Counter[str] = Counter()
    for entry in zipfile.ZipFile(path).infolist():
        part = entry.filename.partition("/")[0].partition("-")[0].removesuffix(".py")
        sizes["single modules" if part == "__pycache__" else part] += entry.compress_size
    return sizes
