"""`python -m tests.bench.load`: put a load on the service, and check its answers, its data and its memory.

Required with 64 clients for 60 s, on one hot event and on many: no 5xx other than 503 `contention`, and that only with
16 clients or more; nothing lost; flat memory. The command starts the service on an embedded store, prints and plots the
measurements, and exits with 1 if a requirement is not met.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from storage import audit
from tests.bench.load import plot
from tests.bench.load.findings import failures, memory_growth, percentile
from tests.bench.load.generator import Sample
from tests.bench.load.run import Load, run
from tests.bench.load.server import ROOT, Server, started

SHARES: Final = (0.5, 0.9, 0.99, 1.0)


def main() -> None:
    """Run all loads on one server, one after the other."""
    options = _options()
    options.out.mkdir(parents=True, exist_ok=True)
    console = Console()
    loads, failed = [], []
    with _server(options) as server:
        for events in options.events:
            for clients in options.clients:
                load = _run(server, Load(clients, events, options.seconds, options.seed), console)
                loads.append(load)
                failed += [f"{load}: {finding}" for finding in failures(load)]
                console.print(_table(load), _memory(load))
        if server.tables:
            findings = list(audit.audit(server.tables))
            failed += [f"{finding.key}: {finding.finding}" for finding in findings]
            console.print(f"The audit of the tables found {len(findings)} violations.")
    for path in plot.draw(loads, options.out):
        console.print(f"Plotted: {path}", soft_wrap=True)
    for failure in failed:
        console.print(f"FAILED {failure}", style="red", soft_wrap=True, markup=False)
    sys.exit(1 if failed else 0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.load", description="Put a load on the service.")
    parser.add_argument(
        "--clients", type=_numbers, default=[64], help="numbers of clients, such as 1,8,15,16,32,64 (default: 64)"
    )
    parser.add_argument("--events", type=_numbers, default=[1, 50], help="numbers of events (default: 1,50)")
    parser.add_argument("--seconds", type=float, default=60, help="duration of each load (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the requests (default: %(default)s)")
    parser.add_argument("--url", help="a running service, which is not audited (default: start one)")
    parser.add_argument(
        "--out", type=Path, default=ROOT / "build" / "load", help="folder for the plots and the service's log"
    )
    return parser.parse_args()


def _numbers(text: str) -> list[int]:
    numbers = [int(number) for number in text.split(",")]
    if min(numbers) < 1:
        raise argparse.ArgumentTypeError("each number must be at least 1")
    return numbers


@contextmanager
def _server(options: argparse.Namespace) -> Iterator[Server]:
    if options.url:
        yield Server(options.url)
        return
    with started(options.out / "server.log") as server:
        yield server


def _run(server: Server, load: Load, console: Console) -> Load:
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task(str(load), total=load.seconds)
        return run(server, load, lambda seconds: progress.update(task, completed=seconds))


def _memory(load: Load) -> str:
    if not load.memory:
        return "The memory of the service is unknown on this system."
    sizes = [size for _moment, size in load.memory]
    growth = memory_growth(load)
    change = "" if growth is None else f", {growth:+.1%} from the second to the last quarter"
    return f"Memory of the service: {sizes[0]:.0f} MB at the start, {sizes[-1]:.0f} MB at the end{change}."


def _table(load: Load) -> Table:
    title = f"\n{load} for {load.seconds:g} s"
    table = Table(title=title, title_justify="left", box=None, header_style="dim")
    for column in ("operation", "requests", "a second", "p50", "p90", "p99", "max ms", "contention", "faults"):
        table.add_column(column, justify="left" if column == "operation" else "right")
    for operation in sorted({sample.operation for sample in load.samples}):
        samples = [sample for sample in load.samples if sample.operation == operation]
        table.add_row(operation, *_row(samples, load.seconds))
    table.add_row("all", *_row(load.samples, load.seconds))
    return table


def _row(samples: Sequence[Sample], seconds: float) -> list[str]:
    latencies = [sample.seconds * 1000 for sample in samples]
    counts = sum(sample.contention for sample in samples), sum(sample.fault for sample in samples)
    return [
        f"{len(samples)}",
        f"{len(samples) / seconds:.1f}",
        *(f"{percentile(latencies, share):.0f}" for share in SHARES),
        *(f"{count}" for count in counts),
    ]


if __name__ == "__main__":
    main()
