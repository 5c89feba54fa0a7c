"""Who is separable from whom: McNemar, Holm, tie groups, and the finest difference a test shows.

Source: McNemar 1947, doi:10.1007/BF02295996 (exact form); Holm 1979, Scand. J. Statist. 6:65.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

ALPHA = 0.05


def mcnemar(first: np.ndarray, second: np.ndarray) -> float:
    """Exact two-sided p-value that two models, bool (n,) right or wrong, are equally good."""
    only_first = int(np.sum(first & ~second))
    only_second = int(np.sum(second & ~first))
    discordant, fewer = only_first + only_second, min(only_first, only_second)
    if discordant == 0:
        return 1.0
    log_all = math.lgamma(discordant + 1) - discordant * math.log(2)
    tail = math.fsum(
        math.exp(log_all - math.lgamma(i + 1) - math.lgamma(discordant - i + 1))
        for i in range(fewer + 1)
    )
    return min(1.0, 2 * tail)


def bootstrap_p(differences: np.ndarray, observed: float, freedom: float = math.inf) -> float:
    """Two-sided p-value of an observed difference, from the spread of its resamples (draws,).

    The tail of Student's t with `freedom` degrees is used, not the share of draws, so that Holm
    over hundreds of rows has p-values small enough to work with.
    """
    spread = float(np.std(differences))
    if spread == 0.0:
        return 1.0 if observed == 0.0 else 0.0
    return t_tail(abs(observed) / spread, freedom)


def t_tail(t: float, freedom: float) -> float:
    """Two-sided p-value of Student's t, or of the normal for infinite `freedom`."""
    if math.isinf(freedom):
        return math.erfc(t / math.sqrt(2))
    share = freedom / (freedom + t * t)
    if share < (freedom + 2) / (freedom + 5):
        return _incomplete_beta(share, freedom / 2, 0.5)
    return 1 - _incomplete_beta(t * t / (freedom + t * t), 0.5, freedom / 2)


def _incomplete_beta(x: float, a: float, b: float) -> float:
    """The regularized incomplete beta function for x < (a + 1) / (a + b + 2).

    scipy.special has it, but its import alone is a fifth of the second that a board may take.
    Source: DLMF 8.17.22, https://dlmf.nist.gov/8.17.E22, its fraction evaluated from the end.
    """
    if x == 0.0:
        return 0.0
    value = 1.0
    for m in range(20 + 2 * math.isqrt(int(max(a, b))), -1, -1):
        even = (m + 1) * (b - m - 1) * x / ((a + 2 * m + 1) * (a + 2 * m + 2))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        value = 1 + odd / (1 + even / value)
    log_beta = math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
    return math.exp(a * math.log(x) + b * math.log1p(-x) - log_beta) / (a * value)


def holm(p_values: Sequence[float], alpha: float = ALPHA) -> list[bool]:
    """Which hypotheses are rejected when all are tested together at level `alpha`."""
    rejected = [False] * len(p_values)
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    for rank, index in enumerate(order):
        if p_values[index] > alpha / (len(p_values) - rank):
            break
        rejected[index] = True
    return rejected


def tie_groups(count: int, p_value: Callable[[int, int], float]) -> list[int]:
    """Group numbers from 1 of `count` rows given best first.

    The best row leads; every row not significantly worse than the leader joins it; the best of
    the rest leads the next group. `p_value(leader, row)` compares two rows.
    """
    groups = [0] * count
    left = list(range(count))
    number = 0
    while left:
        number += 1
        leader, rest = left[0], left[1:]
        worse = holm([p_value(leader, row) for row in rest])
        groups[leader] = number
        for row, is_worse in zip(rest, worse, strict=True):
            groups[row] = 0 if is_worse else number
        left = [row for row, is_worse in zip(rest, worse, strict=True) if is_worse]
    return groups


def resolution_floor(entry: np.ndarray, reference: np.ndarray) -> float:
    """The smallest share of the reference's quality that this paired test can show at 95%.

    `entry` and `reference` are example scores (n,) of the same examples.
    """
    differences = entry.astype(np.float64) - reference
    half_width = 1.96 * differences.std(ddof=1) / math.sqrt(len(differences))
    return float(half_width / np.mean(reference, dtype=np.float64))
