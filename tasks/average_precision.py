"""Average precision and its company on a weighted sample of requests, without torch.

Honest requests are sampled, so each counts as the number that it stands for (Horvitz and
Thompson 1952). For intervals and paired tests each example gets a pseudo-value: the metric plus
its influence (Jaeckel 1972, infinitesimal jackknife), whose mean over examples is the metric.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Ranking:
    """Scores (n,), whether each is positive (n,), and how many requests each stands for (n,)."""

    scores: np.ndarray
    positive: np.ndarray
    weights: np.ndarray

    def counts(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Weighted positives and negatives at each distinct score or above, best first.

        Returns (levels,), (levels,) and each example's level, int (n,).
        """
        levels, place = np.unique(-self.scores, return_inverse=True)
        sums = [
            np.cumsum(np.bincount(place, self.weights * mask, len(levels)))
            for mask in (self.positive, ~self.positive)
        ]
        return sums[0], sums[1], place

    def average_precision(self) -> float:
        """Area under precision-recall, as a step at each distinct score; 0 without a positive."""
        hits, alarms, place = self.counts()
        if hits[-1] == 0:
            return 0.0
        precision = hits / (hits + alarms)
        weights = self.weights * self.positive
        return float((weights * precision[place]).sum() / hits[-1])

    def pseudo_values(self) -> np.ndarray:
        """float64 (n,): the average precision as a mean over examples."""
        hits, alarms, place = self.counts()
        count, total = len(self.scores), hits[-1]
        if total == 0:
            return np.zeros(count)
        whole = self.average_precision()
        here = np.diff(hits, prepend=0.0) / (hits + alarms) ** 2  # by positives of each level
        below_alarm = np.cumsum((here * hits)[::-1])[::-1] / total
        below_hit = np.cumsum((here * alarms)[::-1])[::-1] / total
        precision = hits / (hits + alarms)
        own = (precision - whole) / total
        influence = np.where(self.positive, (own + below_hit)[place], -below_alarm[place])
        return np.asarray(whole + count * self.weights * influence)

    def auroc(self) -> float:
        """Chance that a positive scores above a negative, ties half."""
        hits, alarms, place = self.counts()
        if hits[-1] == 0 or alarms[-1] == 0:
            return 0.5
        lower = alarms[-1] - alarms + np.diff(alarms, prepend=0.0) / 2
        weights = self.weights * self.positive
        return float((weights * lower[place]).sum() / hits[-1] / alarms[-1])

    def recall_at(self, false_positive_rate: float) -> float:
        """The largest recall whose share of false alarms is at most the given one."""
        hits, alarms, _ = self.counts()
        able = alarms <= false_positive_rate * alarms[-1]
        return float(hits[able][-1] / hits[-1]) if able.any() and hits[-1] else 0.0


def expected_calibration_error(
    probabilities: np.ndarray, positive: np.ndarray, weights: np.ndarray, bins: int = 15
) -> float:
    """Mean gap of probability and frequency over bins of equal weight.

    Source: Guo et al. 2017, arXiv:1706.04599, section 2; equal weight, as fraud is rare.
    """
    order = np.argsort(probabilities, kind="stable")
    share = np.cumsum(weights[order]) / weights.sum()
    place = np.minimum((share * bins - 1e-9).astype(int), bins - 1)
    gaps = np.bincount(place, (weights * (positive - probabilities))[order], bins)
    return float(np.abs(gaps).sum() / weights.sum())


def figures(ranking: Ranking, probabilities: np.ndarray) -> Mapping[str, float]:
    """The figures beside average precision."""
    return {
        "AUROC": ranking.auroc(),
        "recall at 1% false alarms": ranking.recall_at(0.01),
        "expected calibration error": expected_calibration_error(
            probabilities, ranking.positive, ranking.weights
        ),
    }
