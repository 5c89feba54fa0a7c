"""One figure over several tasks: performance profiles and geometric means of speed-ups.

Source: Dolan and More 2002, doi:10.1007/s101070100263 (performance profile). A task on which a
method has no valid speed-up counts against it: ratio infinity in the profile, 1x in the mean.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

Speedups = Mapping[str, Mapping[str, float | None]]  # method -> task -> speed-up


def performance_profile(
    speedups: Speedups, factors: Sequence[float]
) -> dict[str, tuple[float, ...]]:
    """For each method, the share of tasks on which it is within each factor of the best."""
    tasks = sorted({task for by_task in speedups.values() for task in by_task})
    best = {task: max(_value(by_task, task) for by_task in speedups.values()) for task in tasks}
    return {
        method: tuple(_share_within(by_task, best, factor) for factor in factors)
        for method, by_task in speedups.items()
    }


def _share_within(
    by_task: Mapping[str, float | None], best: Mapping[str, float], factor: float
) -> float:
    within = [
        _value(by_task, task) > 0 and best[task] / _value(by_task, task) <= factor for task in best
    ]
    return sum(within) / len(within)


def _value(by_task: Mapping[str, float | None], task: str) -> float:
    return by_task.get(task) or 0.0


def geometric_mean(
    speedups: Sequence[tuple[float, float, float] | None],
) -> tuple[float, float, float]:
    """(value, low, high) of (value, low, high) speed-ups, one a task; None counts as 1x, certain.

    The tasks' errors are independent, so their log-normal spreads add in squares.
    """
    known = [one or (1.0, 1.0, 1.0) for one in speedups]
    centre = sum(math.log(value) for value, _, _ in known) / len(known)
    spread = math.sqrt(sum(math.log(high / low) ** 2 for _, low, high in known)) / 2 / len(known)
    return math.exp(centre), math.exp(centre - spread), math.exp(centre + spread)
