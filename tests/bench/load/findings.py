"""What a load promises: contention is the only fault, and none with few clients; nothing is lost; memory is flat."""

from collections import Counter
from collections.abc import Sequence
from statistics import median
from typing import Final

from tests.bench.load.run import Load

#: With fewer clients than these nobody is refused because of the others.
CONTENTION_CLIENTS: Final = 16

#: Memory may be larger in the last quarter of a load than in the second by this share; medians of each are compared,
#: and only where a quarter is long enough to have one.
MEMORY_GROWTH: Final = 0.03
MEMORY_SECONDS: Final = 30


def broken(load: Load) -> list[str]:
    """Return what of the promise a load has broken."""
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
    """Return by what share memory grew from the second to the last quarter; None where that can't be said."""
    if load.seconds < MEMORY_SECONDS or not load.memory:
        return None
    second = [size for moment, size in load.memory if load.seconds / 4 <= moment < load.seconds / 2]
    last = [size for moment, size in load.memory if load.seconds * 3 / 4 <= moment]
    return median(last) / median(second) - 1


def percentile(seconds: Sequence[float], share: float) -> float:
    """Return the time that this share of the requests did not exceed."""
    ordered = sorted(seconds)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
