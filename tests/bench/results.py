"""The results of a measurement: rows of figures by side, and their ratios."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from tests.bench.workers import Side

#: Minimum number of rounds for quartiles.
_QUARTILE_ROUNDS: Final = 4


@dataclass(frozen=True)
class Row:
    """A quantity measured on several sides: one figure per round, and optional details by side."""

    name: str
    unit: str
    figures: Mapping[Side, Sequence[float]]
    details: Mapping[Side, str] = field(default_factory=dict)

    def ratios(self, peer: Side) -> list[float]:
        """Return ours divided by the peer's in each round, so that a slow phase of the machine cancels out."""
        pairs = zip(self.figures["ours"], self.figures.get(peer, []), strict=False)
        return [ours / theirs for ours, theirs in pairs if theirs]


@dataclass(frozen=True)
class Table:
    """The rows of a measurement, in which either lower or higher figures are better."""

    title: str
    rows: Sequence[Row]
    note: str = ""
    higher_is_better: bool = False

    def is_ahead(self, peer: Side, row: Row) -> bool:
        """Return whether the peer is better than ours: by the median, and by both quartiles."""
        ratios = row.ratios(peer)
        return bool(ratios) and (max(quartiles(ratios)) < 1 if self.higher_is_better else min(quartiles(ratios)) > 1)


def median(figures: Sequence[float]) -> float:
    return statistics.median(figures)


def quartiles(figures: Sequence[float]) -> tuple[float, float]:
    """Return the first and the third quartile, or of fewer than 4 figures the minimum and the maximum."""
    if len(figures) < _QUARTILE_ROUNDS:
        return min(figures), max(figures)
    first, _second, third = statistics.quantiles(figures, method="inclusive")
    return first, third
