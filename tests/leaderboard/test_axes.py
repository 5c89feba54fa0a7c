"""Where a plot puts values, and which values it names."""

import pytest

from leaderboard.pages.axes import BOTTOM, HEIGHT, LEFT, axes_for, cost_ticks, quality_ticks


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0.9, 1100, [1, 10, 100, 1000]),
        (0.9, 22, [1, 2, 5, 10, 20]),
        (2.5, 7.0, [3, 4, 5, 6]),
    ],
)
def test_cost_ticks_are_powers_over_decades_and_finer_in_a_few(low, high, ticks):
    assert cost_ticks(low, high) == pytest.approx(ticks)


def test_quality_ticks_are_round_and_within_the_range():
    assert quality_ticks(0.893, 0.952) == pytest.approx([0.9, 0.91, 0.92, 0.93, 0.94, 0.95])


def test_quality_far_below_the_reference_is_drawn_on_the_lower_edge():
    axes = axes_for([1.0, 100.0], [0.40, 0.93], 0.94)
    assert axes.is_below(0.40)
    assert axes.y(0.40) == HEIGHT - BOTTOM
    assert not axes.is_below(0.93)


def test_a_cost_of_nothing_lies_on_the_left_edge_and_stretches_nothing():
    axes = axes_for([0.0, 10.0, 100.0], [0.9, 0.9, 0.9], None)
    assert axes.x(0.0) == LEFT
    assert axes.cost_low > 5
    assert LEFT < axes.x(10.0) < axes.x(100.0)
