"""Renders the results on the terminal, as Markdown, as JSON and as a plot."""

import json
import platform
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table as Grid

from tests.bench.results import Row, Table, median, quartiles
from tests.bench.workers import SIDES

_COLUMNS: Final = ("", "ours / peer", "quartiles", "", "ours", "", "peer", "")

_RATIO_COLUMNS: Final = 3
_THREE_DIGITS: Final = 100


def show(table: Table, console: Console) -> None:
    """Print a table."""
    grid = Grid(title=table.title, title_justify="left", title_style="bold", caption=table.note, caption_justify="left")
    for number, column in enumerate(_COLUMNS):
        grid.add_column(column, justify="right" if number else "left", no_wrap=1 <= number <= _RATIO_COLUMNS)
    for row in table.rows:
        grid.add_row(*_cells(row))
    console.print(grid)


def markdown(tables: Sequence[Table]) -> str:
    """Return the tables as Markdown."""
    return "\n\n".join(map(_markdown, tables)) + "\n"


def _markdown(table: Table) -> str:
    lines = [f"| {table.title} | ours / peer | quartiles | ours | peer |", "|---|---|---|---|---|"]
    for row in table.rows:
        name, ratio, spread, unit, *_figures = _cells(row)
        ours, peer = (
            f"{_figure(median(figures))} {unit}" + (f" ({row.details[side]})" if side in row.details else "")
            for side, figures in zip(SIDES, (row.ours, row.peer), strict=True)
        )
        lines.append(f"| {name} | {ratio} | {spread} | {ours} | {peer} |")
    return "\n".join([*lines, *(["", table.note] if table.note else [])])


def _cells(row: Row) -> tuple[str, ...]:
    ratio = (f"{median(row.ratios):.2f}", _spread(row.ratios, 2)) if row.ratios else ("", "")
    sides = [
        cell
        for side, figures in zip(SIDES, (row.ours, row.peer), strict=True)
        for cell in (_figure(median(figures)), row.details.get(side) or _spread(figures))
    ]
    return (row.name, *ratio, row.unit, *sides)


def _spread(figures: Sequence[float], digits: int | None = None) -> str:
    """Return the quartiles, or an empty text if all figures are equal."""
    if len(set(figures)) == 1:
        return ""
    return " to ".join(_figure(edge) if digits is None else f"{edge:.{digits}f}" for edge in quartiles(figures))


def _figure(number: float) -> str:
    """Return a number with three significant digits, or as an integer from 100 on."""
    if number >= _THREE_DIGITS:
        return f"{number:,.0f}"
    return f"{number:.3g}"


def save(tables: Sequence[Table], folder: Path) -> None:
    """Write the results as `bench.json`, `bench.md` and `bench.svg`."""
    folder.mkdir(parents=True, exist_ok=True)
    machine = {"python": platform.python_version(), "machine": platform.platform(), "at": f"{datetime.now(UTC):%F %TZ}"}
    content: dict[str, Any] = {"on": machine, "tables": [asdict(table) for table in tables]}
    (folder / "bench.json").write_text(json.dumps(content, indent=1))
    (folder / "bench.md").write_text(markdown(tables))
    plot(tables, folder / "bench.svg")


def load(folder: Path) -> list[Table]:
    """Read the results of a run from its folder."""
    content = json.loads((folder / "bench.json").read_text())
    return [Table(**{**table, "rows": [Row(**row) for row in table["rows"]]}) for table in content["tables"]]


def plot(tables: Sequence[Table], path: Path) -> None:
    """Plot the ratios with their quartiles: below 1, ours uses less, or, where more is better, achieves less."""
    import matplotlib as mpl  # noqa: PLC0415 - importing it takes a second, at the end of a run only
    from matplotlib import pyplot as plt  # noqa: PLC0415 - the same

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "bench"
    rows = [(table, row) for table in tables for row in table.rows if row.ratios]
    figure, axes = plt.subplots(figsize=(9, 0.3 * len(rows) + 0.35 * len(tables) + 1), layout="constrained")
    place, labels = 0.0, []
    for table in tables:
        shown = [row for row in table.rows if row.ratios]
        if not shown:
            continue
        labels.append((place, table.title, "bold"))
        for row in shown:
            place += 1
            middle, (low, high) = median(row.ratios), quartiles(row.ratios)
            better = middle >= 1 if row.more_is_better else middle <= 1
            axes.errorbar(
                middle,
                place,
                xerr=[[middle - low], [high - middle]],
                fmt="o",
                capsize=3,
                color="C0" if better else "C3",
            )
            axes.annotate(f"{middle:.2f}", (high, place), xytext=(6, 0), textcoords="offset points", va="center")
            labels.append((place, _cells(row)[0], "normal"))
        place += 1.5
    axes.axvline(1, color="grey", linewidth=1)
    axes.set_xscale("log")
    ticks = [0.25, 0.5, 0.75, 1, 1.5, 2, 4]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.set_yticks([where for where, _text, _weight in labels], [text for _where, text, _weight in labels])
    for label, (_where, _text, weight) in zip(axes.get_yticklabels(), labels, strict=True):
        label.set_fontweight(weight)
    axes.invert_yaxis()
    axes.set_xlabel("ours / peer, median and quartiles")
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
