"""The requirements on a load: no fault, contention only among many clients, nothing lost, and flat memory."""

from collections import Counter
from collections.abc import Sequence
from statistics import median
from typing import Final

from tests.bench.load.run import Load

#: With fewer clients no request may be refused as contention.
CONTENTION_CLIENTS: Final = 16

#: Allowed growth from the median of the second quarter to that of the last, in loads of at least MEMORY_SECONDS.
MEMORY_GROWTH: Final = 0.03
MEMORY_SECONDS: Final = 30


def failures(load: Load) -> list[str]:
    """Return the requirements that a load failed."""
    faults = Counter(f"{sample.status} {sample.problem}" for sample in load.samples if sample.fault)
    found = [f"{count} times {fault}" for fault, count in faults.items()]
    contended = sum(sample.contention for sample in load.samples)
    if contended and load.clients < CONTENTION_CLIENTS:
        found.append(f"{contended} times 503 Contention with fewer than {CONTENTION_CLIENTS} clients")
    growth = memory_growth(load)
    if growth is not None and growth > MEMORY_GROWTH:
        found.append(f"memory grew by {growth:.1%} from the second to the last quarter")
    return found + load.disagreements


def memory_growth(load: Load) -> float | None:
    """Return the relative growth of memory from the second to the last quarter, or None for a short load."""
    if load.seconds < MEMORY_SECONDS or not load.memory:
        return None
    second = [size for moment, size in load.memory if load.seconds / 4 <= moment < load.seconds / 2]
    last = [size for moment, size in load.memory if load.seconds * 3 / 4 <= moment]
    return median(last) / median(second) - 1


def percentile(seconds: Sequence[float], share: float) -> float:
    """Return a percentile, given as a share: 0.99 is p99."""
    ordered = sorted(seconds)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
