"""Renders the results on the terminal, as Markdown and as JSON."""

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
from tests.bench.workers import SIDES, Side

_THREE_DIGITS: Final = 100


def show(table: Table, console: Console) -> None:
    """Print a table."""
    head, *rows = _grid(table)
    grid = Grid(title=head[0], title_justify="left", title_style="bold", caption=table.note, caption_justify="left")
    for number, column in enumerate(["", *head[1:]]):
        grid.add_column(column, justify="right" if number else "left")
    for row in rows:
        grid.add_row(*(f"[bold]{cell.strip('*')}[/]" if cell.startswith("**") else cell for cell in row))
    console.print(grid)


def markdown(tables: Sequence[Table]) -> str:
    """Return the tables as Markdown."""
    return "\n\n".join(map(_markdown, tables)) + "\n"


def _markdown(table: Table) -> str:
    head, *rows = (f"| {' | '.join(cells)} |" for cells in _grid(table))
    rule = "|---" * (len(_peers(table)) + 2) + "|"
    return "\n".join([head, rule, *rows, *(["", table.note] if table.note else [])])


def _grid(table: Table) -> list[list[str]]:
    """Return the head and the rows: our figure, and its ratio to that of each peer, in bold if the peer is ahead."""
    peers = _peers(table)
    title = f"{table.title} ({'higher' if table.higher_is_better else 'lower'} is better)"
    grid = [[title, "ours", *(f"ours ÷ {peer}" for peer in peers)]]
    for row in table.rows:
        ratios = [f"**{_ratio(row, peer)}**" if table.is_ahead(peer, row) else _ratio(row, peer) for peer in peers]
        grid.append([row.name, _own(row), *ratios])
    return grid


def _peers(table: Table) -> list[Side]:
    return [side for side in SIDES if side != "ours" and any(side in row.figures for row in table.rows)]


def _own(row: Row) -> str:
    details = f" ({row.details['ours']})" if "ours" in row.details else ""
    return f"{_figure(median(row.figures['ours']))} {row.unit}{details}"


def _ratio(row: Row, peer: Side) -> str:
    """Return the median of the ratios, and their quartiles unless all are equal."""
    ratios = row.ratios(peer)
    if not ratios:
        return "-"
    low, high = quartiles(ratios)
    spread = f" ({low:.2f} to {high:.2f})" if low < high else ""
    details = f" ({row.details[peer]})" if peer in row.details else ""
    return f"{median(ratios):.2f}{spread}{details}"


def _figure(number: float) -> str:
    """Return a number with three significant digits, or as an integer from 100 on."""
    return f"{number:,.0f}" if number >= _THREE_DIGITS else f"{number:.3g}"


def save(tables: Sequence[Table], folder: Path) -> None:
    """Write the results as `bench.json` and `bench.md`."""
    folder.mkdir(parents=True, exist_ok=True)
    machine = {"python": platform.python_version(), "machine": platform.platform(), "at": f"{datetime.now(UTC):%F %TZ}"}
    content: dict[str, Any] = {"on": machine, "tables": [asdict(table) for table in tables]}
    (folder / "bench.json").write_text(json.dumps(content, indent=1))
    (folder / "bench.md").write_text(markdown(tables))


def load(folder: Path) -> list[Table]:
    """Read the results of a run from its folder."""
    content = json.loads((folder / "bench.json").read_text())
    return [Table(**{**table, "rows": [Row(**row) for row in table["rows"]]}) for table in content["tables"]]
