"""Pareto fronts and hypervolumes of (quality, cost) points; quality is better high, cost low."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

Point = tuple[float, float]  # (quality, cost)


def pareto_front(points: Sequence[Point]) -> list[bool]:
    """Which points no other point beats in one value without losing in the other."""
    order = sorted(range(len(points)), key=lambda i: (points[i][1], -points[i][0]))
    on_front = [False] * len(points)
    best: Point | None = None
    for index in order:
        quality, cost = points[index]
        if best is None or quality > best[0] or (quality, cost) == best:
            on_front[index] = True
            best = (quality, cost)
    return on_front


def hypervolume(points: Sequence[Point], reference: Point) -> float:
    """Area that the points dominate, up to the `reference` point (least quality, most cost)."""
    floor, limit = reference
    area = 0.0
    best = floor
    for quality, cost in sorted(points, key=lambda point: (point[1], -point[0])):
        if cost >= limit:
            break
        if quality > best:
            area += (limit - cost) * (quality - best)
            best = quality
    return area


def hypervolume_interval(
    quality_draws: np.ndarray, costs: Sequence[float], reference: Point
) -> tuple[float, float]:
    """The 95% interval of the hypervolume over resampled qualities (draws, points)."""
    areas = [
        hypervolume(list(zip(row, costs, strict=True)), reference) for row in quality_draws.tolist()
    ]
    low, high = np.quantile(areas, (0.025, 0.975))
    return float(low), float(high)
