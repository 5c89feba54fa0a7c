"""One size of a task's growth in a process: `python -m harness.run.growth TASK items 100`.

Prints one JSON line: the points of record.py's ComplexityRecord, without the process's peak.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

import torch

from harness import registry
from harness.run.child import set_seeds
from harness.run.meter import counted

SECONDS, MOST_CALLS = 2.0, 50  # a part is computed again and again within these


def main(task: str, varied: str, size: int) -> None:
    """Time every part of one size on one thread."""
    torch.set_num_threads(1)
    set_seeds(0)
    growth = registry.find_task(task).growth
    assert growth is not None
    points = []
    for (phase, part), compute in growth.parts(varied, size).items():
        macs = counted(compute)  # also warms caches
        points.append(
            {"varied": varied, "size": size, "phase": phase, "part": part, "macs": macs}
            | {"ms": fastest_ms(compute)}
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    sys.stdout.write(json.dumps([point | {"peak_bytes": peak} for point in points]) + "\n")


def fastest_ms(compute: Callable[[], Any]) -> float:
    """The least time of one call in ms, of as many as fit."""
    begin = time.monotonic()
    times: list[float] = []
    while not times or (time.monotonic() - begin < SECONDS and len(times) < MOST_CALLS):
        start = time.perf_counter()
        compute()
        times.append(1000 * (time.perf_counter() - start))
    return min(times)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
