from __future__ import annotations

import math

import pytest

from leaderboard.across import geometric_mean, performance_profile


def test_the_performance_profile_is_the_share_of_tasks_within_a_factor_of_the_best() -> None:
    speedups = {"a": {"x": 4.0, "y": 1.0}, "b": {"x": 2.0, "y": 3.0}}
    profile = performance_profile(speedups, (1.0, 2.0, 3.0))
    assert profile == {"a": (0.5, 0.5, 1.0), "b": (0.5, 1.0, 1.0)}


def test_a_missing_task_counts_against_in_the_profile() -> None:
    profile = performance_profile(
        {"a": {"x": 4.0, "y": 2.0}, "b": {"x": 4.0, "y": None}}, (1.0, 99.0)
    )
    assert profile["b"] == (0.5, 0.5)


def test_the_geometric_mean_counts_a_missing_task_as_no_speed_up() -> None:
    value, low, high = geometric_mean([(4.0, 4.0, 4.0), None])
    assert (value, low, high) == pytest.approx((2.0, 2.0, 2.0))


def test_spreads_of_independent_tasks_add_in_squares() -> None:
    value, low, high = geometric_mean([(2.0, 1.0, 4.0), (8.0, 4.0, 16.0)])
    half = math.sqrt(2 * (2 * math.log(2)) ** 2) / 2 / 2
    assert value == pytest.approx(4.0)
    assert (low, high) == pytest.approx((4 * math.exp(-half), 4 * math.exp(half)))
