"""How busy the machine is with other things, in cores, from /proc/stat."""

from __future__ import annotations

import os
import resource
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

STAT = Path("/proc/stat")
TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
NOTED, LOADED = 0.10, 0.50
Label = Literal["quiet", "noted", "loaded"]


@dataclass(frozen=True)
class Reading:
    """Seconds since boot that each core was busy, and those that were ours."""

    at: float
    busy: dict[int, float]
    own: float


def read_load() -> Reading:
    """A reading to compare with a later one; time stolen by other guests counts as busy."""
    own = sum(
        usage.ru_utime + usage.ru_stime
        for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )
    return Reading(time.monotonic(), _busy_seconds(), own)


def foreign_cores(before: Reading, after: Reading) -> float:
    """How many cores something else kept busy between two readings; 0 where it is unknown."""
    seconds = max(after.at - before.at, 1e-3)
    busy = sum(after.busy.values()) - sum(before.busy.values())
    return max(0.0, (busy - (after.own - before.own)) / seconds)


def label(cores: float) -> Label:
    """`quiet` up to 10% of a core, `noted` up to 50%, `loaded` above: measure again."""
    if cores <= NOTED:
        return "quiet"
    return "noted" if cores <= LOADED else "loaded"


def idlest_cpus(count: int, window_seconds: float = 0.1) -> list[int]:
    """The `count` cores of this process that were busy the least during a short window."""
    if not hasattr(os, "sched_getaffinity"):
        return []
    allowed = sorted(os.sched_getaffinity(0))
    before = _busy_seconds()
    time.sleep(window_seconds)
    after = _busy_seconds()
    busy = {cpu: after.get(cpu, 0.0) - before.get(cpu, 0.0) for cpu in allowed}
    return sorted(sorted(allowed, key=lambda cpu: (busy[cpu], cpu))[:count])


def _busy_seconds() -> dict[int, float]:
    if not STAT.exists():
        return {}
    busy = {}
    for line in STAT.read_text().splitlines():
        name, *fields = line.split()
        if name.startswith("cpu") and name != "cpu":
            user, nice, system, _idle, _wait, irq, softirq, steal = map(int, fields[:8])
            busy[int(name[3:])] = (user + nice + system + irq + softirq + steal) / TICKS
    return busy
