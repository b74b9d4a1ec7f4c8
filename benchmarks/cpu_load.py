"""CPU use by other processes, which disturbs timings."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

QUIET = 0.05  # share of all cores that others may take before a timing counts as disturbed


@dataclass(frozen=True)
class Reading:
    """CPU seconds since boot: busy (including stolen by the host), and total."""

    busy: float
    total: float


def reading() -> Reading | None:
    """The current reading; None where /proc/stat is missing."""
    try:
        with Path("/proc/stat").open(encoding="ascii") as file:
            ticks = [int(v) / os.sysconf("SC_CLK_TCK") for v in file.readline().split()[1:9]]
    except (OSError, ValueError):
        return None
    idle = ticks[3] + ticks[4]  # idle, iowait
    return Reading(sum(ticks) - idle, sum(ticks))


def others(before: Reading | None, after: Reading | None, own: float) -> float:
    """Share of all cores used by other processes. own: CPU seconds used by ours in between."""
    if before is None or after is None or after.total - before.total < 0.2:  # under 0.2 s the ticks are too coarse
        return 0.0
    return max(0.0, (after.busy - before.busy - own) / (after.total - before.total))


def now(seconds: float = 3.0) -> float:
    """Share of all cores used by other processes now."""
    before = reading()
    time.sleep(seconds)
    return others(before, reading(), 0.0)
