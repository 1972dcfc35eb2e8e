"""`python -m tests.bench`: measure the service beside the peer, in turns, and print ratios."""

import argparse
import tempfile
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Final

from rich.console import Console

from tests.bench import report
from tests.bench.options import Options
from tests.bench.results import Table

#: The measurements, each in a module of its own, in the order of a full run.
MEASUREMENTS: Final = ("lambda_cpu", "framework", "throughput", "cold_start", "package", "cost")

#: No table is narrower, also where the output goes to a file.
WIDTH: Final = 120


def main() -> None:
    """Measure what is wanted, print each table as it comes, and save all of them."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure the service beside the peer.")
    parser.add_argument("measurements", nargs="*", metavar="MEASUREMENT", help=f"some of: {', '.join(MEASUREMENTS)}")
    parser.add_argument("--row", action="append", default=[], metavar="TEXT", help="only rows with this in their name")
    parser.add_argument("--rounds", type=int, default=15, help="how often each figure is taken (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="show that it works: few requests, 3 rounds")
    parser.add_argument("--out", type=Path, help="write JSON, Markdown and SVG here (default: a new temporary folder)")
    given = parser.parse_args()
    if unknown := set(given.measurements) - set(MEASUREMENTS):
        parser.error(f"there is no measurement {', '.join(sorted(unknown))}")
    out = given.out or Path(tempfile.mkdtemp(prefix="events-api-bench-"))
    options = Options(rounds=3 if given.quick else given.rounds, quick=given.quick, rows=tuple(given.row), out=out)
    console = Console(width=max(WIDTH, Console().width))
    tables = []
    for name in given.measurements or MEASUREMENTS:
        tables.append(_measurement(name)(options))
        report.show(tables[-1], console)
        console.file.flush()
    report.save(tables, out)
    console.print(f"Saved in {out}")


def _measurement(name: str) -> Callable[[Options], Table]:
    """Return the function of a module, which only a run that needs it loads."""
    function: Callable[[Options], Table] = import_module(f"tests.bench.{name}").measure
    return function


if __name__ == "__main__":
    main()
