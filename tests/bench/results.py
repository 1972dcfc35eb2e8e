"""What a measurement brings: rows of figures for both sides, and the ratios between them."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tests.bench.sides import Side

#: From so many rounds on, quartiles say something.
_ENOUGH: Final = 4


@dataclass(frozen=True, kw_only=True)
class Row:
    """One thing measured on both sides, a figure a round, and where there is more to say, `details`."""

    name: str
    unit: str
    ours: Sequence[float]
    peer: Sequence[float]
    more_is_better: bool = False
    details: Mapping[Side, str] = field(default_factory=dict)

    @classmethod
    def of(cls, name: str, unit: str, measured: Mapping[Side, Sequence[float]], **more: Any) -> "Row":
        """Return the row of figures by side."""
        return cls(name=name, unit=unit, ours=measured["ours"], peer=measured["peer"], **more)

    @property
    def ratios(self) -> list[float]:
        """Ours by the peer's in each round: what slows both down for a while takes no part in it."""
        return [ours / peer for ours, peer in zip(self.ours, self.peer, strict=True) if peer]


@dataclass(frozen=True)
class Table:
    """Rows that belong together, with what a reader must know of them."""

    title: str
    rows: Sequence[Row]
    note: str = ""


def median(figures: Sequence[float]) -> float:
    return statistics.median(figures)


def quartiles(figures: Sequence[float]) -> tuple[float, float]:
    """Return the first and the third quartile; of few figures, the least and the greatest."""
    if len(figures) < _ENOUGH:
        return min(figures), max(figures)
    first, _second, third = statistics.quantiles(figures, method="inclusive")
    return first, third
