"""The headline: how much faster at (almost) the reference's quality.

The operating point is chosen on validation quality and reported on the hidden test; the interval
repeats the choice in every resample of seeds and timings, so it also carries the luck of choosing
among seeds. Of one seed it repeats the timings alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from leaderboard.resampling import interval, seed_weights

Verdict = Literal["met", "may meet", "missed"]


@dataclass(frozen=True)
class OperatingPoint:
    """One setting of a method; retention is quality as a share of the reference's.

    `validation` is (seeds,), `test` is (seeds,), `test_draws` is (draws, seeds) over resampled
    examples; `speedup`, `low` and `high` are ratios above 1 for faster than the reference.
    """

    name: str
    validation: np.ndarray
    test: np.ndarray
    test_draws: np.ndarray
    speedup: float
    low: float
    high: float


@dataclass(frozen=True)
class Headline:
    """The best speed-up among the settings that keep the quality, with 95% intervals."""

    name: str
    speedup: float
    low: float
    high: float
    retention: float
    retention_low: float
    verdict: Verdict


def best_speedup(points: Sequence[OperatingPoint], limit: float, seed: int = 0) -> Headline | None:
    """The fastest setting whose mean validation retention is at least `limit`, or None."""
    able = [point for point in points if point.validation.mean() >= limit]
    if not able:
        return None
    chosen = max(able, key=lambda point: point.speedup)
    speedups, retentions = _repeat_the_choice(points, limit, seed)
    low, high = interval(speedups)
    retention = float(chosen.test.mean())
    retention_low = min(interval(retentions)[0], retention)
    return Headline(
        name=chosen.name,
        speedup=chosen.speedup,
        low=min(low, chosen.speedup),
        high=max(high, chosen.speedup),
        retention=retention,
        retention_low=retention_low,
        verdict=verdict(retention, retention_low, limit),
    )


def verdict(value: float, low: float, limit: float) -> Verdict:
    """Whether a value with its lower bound is at least `limit`."""
    if value < limit:
        return "missed"
    return "met" if low >= limit else "may meet"


def _repeat_the_choice(
    points: Sequence[OperatingPoint], limit: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Speed-up and test retention of each resample's own choice, both (draws,).

    A resample in which no setting keeps the quality counts as the reference itself: 1x, 100%.
    """
    draws = len(points[0].test_draws)
    generator = np.random.default_rng(seed)
    best = np.ones(draws)
    retention = np.ones(draws)
    chosen = np.zeros(draws, dtype=bool)
    for index, point in enumerate(points):
        weights = seed_weights(len(point.validation), draws, seed + index)
        spread = math.log(point.high / point.low) / (2 * 1.96)
        speedups = point.speedup * np.exp(generator.normal(0.0, spread, draws))
        able = weights @ point.validation >= limit
        better = able & (~chosen | (speedups > best))
        best = np.where(better, speedups, best)
        retention = np.where(better, (weights * point.test_draws).sum(axis=1), retention)
        chosen |= able
    return best, retention
