"""`python -m tests.bench`: compare the service with its peers in interleaved rounds, and print ratios."""

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

#: One module for each measurement, in the order of a full run.
MEASUREMENTS: Final = ("lambda_cpu", "throughput", "cold_start", "package", "cost", "tokens")

#: Minimum width of the tables, also where the output goes to a file.
WIDTH: Final = 120


def main() -> None:
    """Run the measurements, print the tables of each when it is complete, and save all of them."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Compare the service with its peers.")
    parser.add_argument("measurements", nargs="*", metavar="MEASUREMENT", help=f"any of: {', '.join(MEASUREMENTS)}")
    parser.add_argument("--row", action="append", default=[], metavar="TEXT", help="only rows whose name contains this")
    parser.add_argument("--rounds", type=int, default=15, help="rounds per figure (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="smoke test: few requests, 3 rounds")
    parser.add_argument("--out", type=Path, help="folder for JSON and Markdown (default: a new temporary folder)")
    chosen = parser.parse_args()
    if unknown := set(chosen.measurements) - set(MEASUREMENTS):
        parser.error(f"unknown measurement: {', '.join(sorted(unknown))}")
    out = chosen.out or Path(tempfile.mkdtemp(prefix="events-api-bench-"))
    options = Options(rounds=3 if chosen.quick else chosen.rounds, quick=chosen.quick, rows=tuple(chosen.row), out=out)
    console = Console(width=max(WIDTH, Console().width))
    tables: list[Table] = []
    for name in chosen.measurements or MEASUREMENTS:
        for table in _measurement(name)(options):
            tables.append(table)
            report.show(table, console)
        console.file.flush()
    report.save(tables, out)
    console.print(f"Saved in {out}")


def _measurement(name: str) -> Callable[[Options], list[Table]]:
    """Import a measurement's module, and return its function."""
    function: Callable[[Options], list[Table]] = import_module(f"tests.bench.{name}").measure
    return function


if __name__ == "__main__":
    main()
