"""Plots acceptance, latency and refusals of a hot event over the offered rate."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from tests.bench.conflicts import Design, Outcome


def draw(
    outcomes: Mapping[tuple[Design, int, int], Outcome], designs: Sequence[Design], windows: Sequence[int], path: Path
) -> None:
    """Plot a column for each commit window, in milliseconds, with a line for each design."""
    figure = Figure(figsize=(5 * len(windows), 10), layout="constrained")
    rows = figure.subplots(3, len(windows), sharex=True, sharey="row")
    for window, (accepted, latency, refused) in zip(windows, rows.T, strict=True):
        accepted.set_title(f"commit window {window} ms")
        for design in designs:
            rates = sorted(rate for known, shown, rate in outcomes if (known, shown) == (design, window))
            found = [outcomes[design, window, rate] for rate in rates]
            (line,) = accepted.plot(rates, [outcome.accepted_rate for outcome in found], ".-", label=design.name)
            latency.plot(rates, [outcome.median * 1000 for outcome in found], ".-", color=line.get_color())
            latency.plot(rates, [outcome.slow * 1000 for outcome in found], ".--", color=line.get_color())
            refused.plot(rates, [outcome.given_up * 100 for outcome in found], ".-", color=line.get_color())
        latency.set_yscale("log")
        refused.set_xlabel("offered, a second")
        for axes in (accepted, latency, refused):
            axes.grid(alpha=0.3)
    for axes, label in zip(rows[:, 0], ("accepted, a second", "ms: p50, and p99 (dashed)", "503, %"), strict=True):
        axes.set_ylabel(label)
    rows[0, 0].legend(fontsize="small")
    figure.savefig(path)
