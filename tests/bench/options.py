"""What of it is to be measured, and how thoroughly."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Options:
    """What the command was told."""

    rounds: int
    quick: bool
    rows: tuple[str, ...]
    out: Path

    def wants(self, row: str) -> bool:
        """Tell whether a row is to be measured: all are, unless some are named by a part of their names."""
        return not self.rows or any(part.lower() in row.lower() for part in self.rows)

    def few(self, count: int) -> int:
        """Return a count, or a tenth of it in a quick run, whose figures only show that it works."""
        return max(1, count // 10) if self.quick else count
