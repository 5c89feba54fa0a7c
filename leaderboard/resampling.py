"""The two-level bootstrap: test examples are drawn once for all rows, seeds once for each row.

Drawing the same examples for every row keeps each comparison paired. Seed weights are rescaled
so that the variance over three seeds is not a third too small.
Source: Rao and Wu 1988, doi:10.1080/01621459.1988.10478591, section 2 (rescaled bootstrap).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from harness.paired import student_quantile

NORMAL = student_quantile(10**6)
DRAWS = 1000
CHUNK = 100  # draws whose example weights are in memory at once


def resampled_means(scores: np.ndarray, draws: int = DRAWS, seed: int = 0) -> np.ndarray:
    """Means of `scores` float32 (examples, columns) over resampled examples: (draws, columns).

    On one thread: beside other work, threads that wait for each other take longer, 6.1 CPU
    seconds against 1.8 for `slimbench board beauty_graph_recommendation` beside two trainers.
    """
    examples = len(scores)
    generator = np.random.default_rng(seed)
    with threadpool_limits(1, user_api="blas"):
        means = [
            _example_counts(generator, examples, min(CHUNK, draws - start)) @ scores / examples
            for start in range(0, draws, CHUNK)
        ]
    return np.concatenate(means).astype(np.float64)


def _example_counts(generator: np.random.Generator, examples: int, draws: int) -> np.ndarray:
    """How often each draw takes each example, float32 (draws, examples)."""
    taken = generator.integers(0, examples, (draws, examples))
    return np.stack([np.bincount(row, minlength=examples) for row in taken]).astype(np.float32)


def seed_weights(seeds: int, draws: int = DRAWS, seed: int = 0) -> np.ndarray:
    """Weights of each seed in each resample, (draws, seeds), each row of sum 1."""
    if seeds == 1:
        return np.ones((draws, 1))
    generator = np.random.default_rng(seed)
    shares = generator.multinomial(seeds, [1 / seeds] * seeds, draws) / seeds
    return np.asarray(1 / seeds + (shares - 1 / seeds) * np.sqrt(seeds / (seeds - 1)))


def freedom(parts: Sequence[tuple[float, int]], total: float) -> float:
    """Degrees of freedom of a variance `total`, of which few seeds estimate some parts.

    `parts` are (variance of a mean over seeds, seeds); the rest is over many examples. Source:
    Satterthwaite 1946, doi:10.2307/3002019.
    """
    known = sum(part**2 / (seeds - 1) for part, seeds in parts if seeds > 1)
    return total**2 / known if known else math.inf


def interval(
    draws: np.ndarray, center: float = 0.0, degrees: float = math.inf
) -> tuple[float, float]:
    """The middle 95% of the draws, as much wider around `center` as Student's t is."""
    low, high = np.quantile(draws, (0.025, 0.975))
    wider = 1.0 if math.isinf(degrees) else student_quantile(max(1, int(degrees))) / NORMAL
    return float(center + wider * (low - center)), float(center + wider * (high - center))
