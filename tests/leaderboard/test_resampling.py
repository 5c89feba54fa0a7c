from __future__ import annotations

import math

import numpy as np
import pytest

from leaderboard.resampling import freedom, interval, resampled_means, seed_weights


def test_resampled_means_spread_like_the_standard_error() -> None:
    scores = (np.arange(2500) < 2000).astype(np.float32)[:, None]  # p = 0.8, error 0.008
    draws = resampled_means(scores)
    assert draws.shape == (1000, 1)
    assert draws.mean() == pytest.approx(0.8, abs=0.001)
    assert draws.std() == pytest.approx(0.008, rel=0.1)


def test_two_columns_are_resampled_with_the_same_examples() -> None:
    scores = np.random.default_rng(0).random((500, 1), dtype=np.float32)
    draws = resampled_means(np.hstack([scores, scores + 0.25]))
    assert np.ptp(draws[:, 1] - draws[:, 0]) < 1e-5


def test_seed_weights_sum_to_one_and_give_the_unbiased_variance_of_the_mean() -> None:
    qualities = np.array([0.90, 0.92, 0.97])
    weights = seed_weights(3, draws=20_000)
    assert np.allclose(weights.sum(axis=1), 1)
    assert (weights @ qualities).std() == pytest.approx(qualities.std(ddof=1) / 3**0.5, rel=0.03)


def test_one_seed_always_weighs_one() -> None:
    assert seed_weights(1, draws=4).tolist() == [[1.0]] * 4


def test_the_interval_is_the_middle_95_percent() -> None:
    assert interval(np.arange(1001) / 1000) == pytest.approx((0.025, 0.975))


def test_few_seeds_leave_few_degrees_of_freedom() -> None:
    assert freedom([(4.0, 3)], total=4.0) == pytest.approx(2)  # all of it is between seeds
    assert freedom([(1.0, 3)], total=4.0) == pytest.approx(32)  # a quarter of it is
    assert freedom([(1.0, 3), (1.0, 3)], total=2.0) == pytest.approx(4)  # Welch, equal variances
    assert freedom([(0.0, 1)], total=4.0) == math.inf


def test_an_interval_of_three_seeds_is_as_wide_as_student_s_t() -> None:
    draws = np.random.default_rng(0).normal(10.0, 1.0, 100_000)
    low, high = interval(draws, center=10.0, degrees=2.0)
    assert (low, high) == pytest.approx((10 - 4.303, 10 + 4.303), rel=0.02)


def test_three_seeds_cover_the_truth_as_often_as_the_interval_says() -> None:
    random = np.random.default_rng(0)
    covered = []
    for trial in range(400):
        test = random.normal(0.0, 1.0, 3)
        draws = seed_weights(3, 1000, trial) @ test
        degrees = freedom([(float(test.var(ddof=1)) / 3, 3)], float(draws.var()))
        low, high = interval(draws, float(test.mean()), degrees)
        covered.append(low <= 0.0 <= high)
    assert 0.92 < np.mean(covered) < 0.98
