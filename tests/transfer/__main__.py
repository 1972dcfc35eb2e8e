"""Prints the figures of a round trip: `python -m tests.transfer --users 10000 --events 500 --registrations 50000`."""

import argparse
import sys
import tempfile
import time
from pathlib import Path
from random import Random

from tests.transfer.run import Done, Sizes, audited, command, fill_directly, killed, log_size


def main() -> None:
    """Run a round trip of the given size."""
    parser = argparse.ArgumentParser(prog="python -m tests.transfer", description=__doc__)
    parser.add_argument("--users", type=int, default=1_000)
    parser.add_argument("--events", type=int, default=50)
    parser.add_argument("--registrations", type=int, default=5_000)
    parser.add_argument("--kills", type=int, default=0, help="kills of the import at random moments")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    random = Random(options.seed)  # noqa: S311 - reproducible, not secret
    with tempfile.TemporaryDirectory() as place:
        _round_trip(Path(place), options, random)


def _round_trip(place: Path, options: argparse.Namespace, random: Random) -> None:
    source, target, torn = (place / name for name in ("source", "target", "torn"))
    files = [place / f"{number}.jsonl" for number in range(3)]
    start = time.monotonic()
    fill_directly(source, Sizes(options.users, options.events, options.registrations), random)
    _say(f"filled in {time.monotonic() - start:.0f} s")
    _show(command("export", "--data", str(source), str(files[0])))
    _say(f"{files[0].stat().st_size / 1e6:.1f} MB")
    _show(command("import", "--data", str(target), str(files[0])))
    whole = log_size(target)
    _show(audited(target))
    _show(command("export", "--data", str(target), str(files[1])))
    _show(command("import", "--data", str(target), str(files[0])))
    if options.kills:
        sizes = sorted(random.randrange(whole) for _ in range(options.kills))
        for number, audit in enumerate(killed(torn, files[0], sizes), 1):
            _say(f"kill {number}, at {100 * sizes[number - 1] // whole} %:")
            _show(audit)
        _show(command("import", "--data", str(torn), str(files[0])))
        _show(command("export", "--data", str(torn), str(files[2])))
    exports = [file.read_bytes() for file in files if file.exists()]
    equal = len(set(exports)) == 1
    _say(f"the {len(exports)} exports are equal" if equal else "THE EXPORTS DIFFER")
    sys.exit(not equal)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _show(done: Done) -> None:
    _say(f"{done.said.splitlines()[-1]} [{done.seconds:.1f} s, {done.megabytes:.0f} MB]")
    if done.code:
        sys.exit(done.said)


if __name__ == "__main__":
    main()
