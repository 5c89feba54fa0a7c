from __future__ import annotations

import moocore
import numpy as np
import pytest

from leaderboard.fronts import hypervolume, hypervolume_interval, pareto_front


def test_a_row_that_another_row_beats_in_both_values_is_off_the_front() -> None:
    points = [(0.90, 1.0), (0.95, 2.0), (0.94, 3.0), (0.95, 2.0), (0.90, 1.5)]
    assert pareto_front(points) == [True, True, False, True, False]


def test_the_front_of_no_rows_is_empty() -> None:
    assert pareto_front([]) == []


def test_the_hypervolume_is_the_area_worked_by_hand() -> None:
    # From (0, 10): a 0.5 x 6 rectangle for (0.5, 4), then (0.8 - 0.5) x 2 for (0.8, 8).
    points = [(0.5, 4.0), (0.8, 8.0), (0.4, 5.0), (0.9, 11.0)]
    assert hypervolume(points, (0.0, 10.0)) == pytest.approx(0.5 * 6 + 0.3 * 2)


def test_the_hypervolume_is_that_of_moocore_on_random_points() -> None:
    generator = np.random.default_rng(3)
    for _ in range(20):
        points = generator.random((30, 2))
        ours = hypervolume([(q, c) for q, c in points.tolist()], (0.2, 0.9))
        theirs = moocore.hypervolume(points * (-1, 1), ref=(-0.2, 0.9))
        assert ours == pytest.approx(float(theirs), rel=1e-12)


def test_the_front_is_that_of_moocore_on_random_points() -> None:
    points = np.round(np.random.default_rng(4).random((200, 2)), 2)
    theirs = moocore.is_nondominated(points * (-1, 1), keep_weakly=True)
    assert pareto_front([(q, c) for q, c in points.tolist()]) == theirs.tolist()


def test_the_hypervolume_interval_is_narrow_without_spread_and_wide_with_it() -> None:
    same = np.tile([0.5, 0.8], (50, 1))
    assert hypervolume_interval(same, [4.0, 8.0], (0.0, 10.0)) == pytest.approx((3.6, 3.6))
    low, high = hypervolume_interval(
        same + np.linspace(-0.1, 0.1, 50)[:, None], [4.0, 8.0], (0, 10)
    )
    assert low < 3.1 and high > 4.1
