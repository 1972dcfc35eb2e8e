"""The options of a run."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Options:
    """Number of rounds, rows to measure, and the output folder."""

    rounds: int
    quick: bool
    rows: tuple[str, ...]
    out: Path

    def wants(self, row: str) -> bool:
        """Return whether to measure a row: every row, unless `rows` selects some by a part of their names."""
        return not self.rows or any(part.lower() in row.lower() for part in self.rows)

    def few(self, count: int) -> int:
        """Return `count`, or a tenth of it in a quick run."""
        return max(1, count // 10) if self.quick else count
