"""The results of a measurement: rows of figures for both sides, and their ratios."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tests.bench.workers import Side

#: Minimum number of rounds for quartiles.
_QUARTILE_ROUNDS: Final = 4


@dataclass(frozen=True, kw_only=True)
class Row:
    """A quantity measured on both sides: one figure per round, and optional details by side."""

    name: str
    unit: str
    ours: Sequence[float]
    peer: Sequence[float]
    more_is_better: bool = False
    details: Mapping[Side, str] = field(default_factory=dict)

    @classmethod
    def of(cls, name: str, unit: str, measured: Mapping[Side, Sequence[float]], **more: Any) -> "Row":
        """Make a row from the figures by side."""
        return cls(name=name, unit=unit, ours=measured["ours"], peer=measured["peer"], **more)

    @property
    def ratios(self) -> list[float]:
        """Ours divided by the peer's in each round, so that a slow phase of the machine cancels out."""
        return [ours / peer for ours, peer in zip(self.ours, self.peer, strict=True) if peer]


@dataclass(frozen=True)
class Table:
    """The rows of a measurement, with a note for their reader."""

    title: str
    rows: Sequence[Row]
    note: str = ""


def median(figures: Sequence[float]) -> float:
    return statistics.median(figures)


def quartiles(figures: Sequence[float]) -> tuple[float, float]:
    """Return the first and the third quartile, or of fewer than 4 figures the minimum and the maximum."""
    if len(figures) < _QUARTILE_ROUNDS:
        return min(figures), max(figures)
    first, _second, third = statistics.quantiles(figures, method="inclusive")
    return first, third
