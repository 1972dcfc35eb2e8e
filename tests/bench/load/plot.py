"""Plots throughput, latency and memory over time, and latency and throughput over the number of clients."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from matplotlib.figure import Figure

from tests.bench.load.findings import percentile
from tests.bench.load.generator import Sample
from tests.bench.load.run import Load

PERCENTILES: Final = {"p50": 0.5, "p90": 0.9, "p99": 0.99}


def draw(loads: Sequence[Load], folder: Path) -> list[Path]:
    """Plot the loads with the most clients over time, and all over the number of clients; return the files."""
    largest = [load for load in loads if load.clients == max(other.clients for other in loads)]
    drawn = [_save(_over_time(largest), folder / "load.svg")]
    if len(loads) > len(largest):
        drawn.append(_save(_over_clients(loads), folder / "load-clients.svg"))
    return drawn


def _over_time(loads: Sequence[Load]) -> Figure:
    figure = Figure(figsize=(6 * len(loads), 8), layout="constrained")
    for column, load in zip(figure.subplots(3, len(loads), sharex="col", squeeze=False).T, loads, strict=True):
        throughput, latency, memory = column
        step = max(1.0, load.seconds / 60)
        edges = [number * step for number in range(int(load.seconds / step) + 1)]
        slices = [_between(load, *pair) for pair in pairwise(edges)]
        moments = edges[1:]
        throughput.set_title(str(load))
        throughput.plot(moments, [len(samples) / step for samples in slices], label="answers")
        refused = [sum(sample.contention for sample in samples) / step for samples in slices]
        throughput.plot(moments, refused, label="503 contention")
        _finish(throughput, "a second")
        for name, share in PERCENTILES.items():
            known = [(moment, samples) for moment, samples in zip(moments, slices, strict=True) if samples]
            latency.plot(
                [moment for moment, _ in known], [_milliseconds(samples, share) for _, samples in known], label=name
            )
        latency.set_yscale("log")
        _finish(latency, "ms")
        memory.plot([moment for moment, _ in load.memory], [size for _, size in load.memory], label="memory")
        memory.set_xlabel("seconds")
        _finish(memory, "MB")
    return figure


def _over_clients(loads: Sequence[Load]) -> Figure:
    figure = Figure(figsize=(10, 4), layout="constrained")
    latency, throughput = figure.subplots(1, 2)
    for events in sorted({load.events for load in loads}):
        chosen = sorted((load for load in loads if load.events == events), key=lambda load: load.clients)
        name, clients = "hot event" if events == 1 else f"{events} events", [load.clients for load in chosen]
        for label, share in PERCENTILES.items():
            latency.plot(
                clients, [_milliseconds(load.samples, share) for load in chosen], "o-", label=f"{label}, {name}"
            )
        throughput.plot(clients, [len(load.samples) / load.seconds for load in chosen], "o-", label=name)
    latency.set_yscale("log")
    for axes, unit in ((latency, "ms"), (throughput, "answers a second")):
        axes.set_xlabel("clients")
        _finish(axes, unit)
    return figure


def _between(load: Load, start: float, end: float) -> list[Sample]:
    """Return the requests that ended between two times."""
    return [sample for sample in load.samples if start <= sample.start + sample.seconds < end]


def _milliseconds(samples: Sequence[Sample], share: float) -> float:
    return 1000 * percentile([sample.seconds for sample in samples], share)


def _finish(axes: Any, unit: str) -> None:
    axes.set_ylabel(unit)
    if axes.get_yscale() == "linear":
        axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend()


def _save(figure: Figure, path: Path) -> Path:
    figure.savefig(path)
    return path
