"""`python -m tests.fuzz --url URL`: fuzz a running service, local or deployed, in all phases, with all checks.

schemathesis prints the numbers of operations, cases and links, and for each finding the requests that reproduce it.
"""

import argparse
import os
import random
import shlex
import sys

from schemathesis.cli import schemathesis
from tracecov.schemathesis import install

from handlers.contract import PATH
from tests.fuzz import checks  # noqa: F401 - the import registers the checks
from tests.fuzz.run import CONFIG


def main() -> None:
    """Run schemathesis' own command with our configuration and checks."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Fuzz a running service.")
    parser.add_argument("--url", required=True, help="URL of the service, including the stage if there is one")
    parser.add_argument("--minutes", type=int, help="duration in minutes (default: all phases once)")
    parser.add_argument("--seed", type=int, help="seed of the run (default: random)")
    parser.add_argument("--max-examples", type=int, default=100, help="cases per operation (default: %(default)s)")
    options = parser.parse_args()
    seed = random.getrandbits(32) if options.seed is None else options.seed
    arguments = ["--config-file", str(CONFIG), "run", str(PATH), "--url", options.url.rstrip("/"), "--seed", str(seed)]
    arguments += ["--max-examples", str(options.max_examples)]
    if options.minutes:
        arguments += ["--max-time", str(options.minutes * 60)]
    ours = [f"--{name.replace('_', '-')}={value}" for name, value in vars(options).items() if value is not None]
    repeat = shlex.join(
        ["python", "-m", "tests.fuzz", *(part for part in ours if "--seed" not in part), f"--seed={seed}"]
    )
    print(f"Fuzzing with seed {seed}; repeat with: {repeat}", flush=True)  # noqa: T201 - a command's output
    install()
    os.environ.setdefault("SCHEMATHESIS_COVERAGE_FORMAT", "text")
    sys.argv[1:] = arguments
    schemathesis()


if __name__ == "__main__":
    main()
