"""Plots acceptance and latency of a hot event over the offered rate."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from matplotlib.figure import Figure

from tests.bench.conflicts import Design, Outcome

_COLORS: Final = {"one item": "C0", "8 shards": "C1", "a stream": "C2"}
_TITLES: Final = ("seats are free", "the event is full, everybody joins the queue")


def draw(
    outcomes: Mapping[tuple[Design, int, int], Outcome], names: Sequence[Sequence[str]], window: int, path: Path
) -> None:
    """Plot a column for free seats and one for a full event, with a line for each design of these names.

    `window` is the commit window in milliseconds.
    """
    figure = Figure(figsize=(10, 6), layout="constrained")
    columns = figure.subplots(2, len(names), sharex=True, sharey="row").T
    for column, designs, title in zip(columns, names, _TITLES, strict=True):
        accepted, latency = column
        accepted.set_title(title)
        for name in designs:
            found = {
                rate: found for (design, at, rate), found in outcomes.items() if (design.name, at) == (name, window)
            }
            rates = sorted(found)
            label = name.removeprefix("full, ")
            accepted.plot(rates, [found[rate].accepted_rate for rate in rates], ".-", label=label, color=_COLORS[label])
            latency.plot(rates, [found[rate].slow * 1000 for rate in rates], ".-", color=_COLORS[label])
        latency.set_yscale("log")
        latency.set_xlabel("offered per second")
        accepted.legend(fontsize="small")
        for axes in column:
            axes.grid(alpha=0.3)
    for axes, label in zip(columns[0], ("accepted per second", "p99, ms"), strict=True):
        axes.set_ylabel(label)
    figure.savefig(path)
