from __future__ import annotations

import numpy as np
import pytest
from scipy.special import stdtr
from statsmodels.stats.contingency_tables import mcnemar as reference_mcnemar
from statsmodels.stats.multitest import multipletests

from leaderboard.ties import bootstrap_p, holm, mcnemar, resolution_floor, t_tail, tie_groups


def test_mcnemar_counts_only_the_examples_on_which_two_models_disagree() -> None:
    first = np.array([True] * 8 + [False] * 2 + [True] * 90)
    second = np.array([False] * 8 + [True] * 2 + [True] * 90)
    # 10 discordant, 2 against: 2 * (1 + 10 + 45) / 2**10
    assert mcnemar(first, second) == pytest.approx(2 * 56 / 1024)


def test_mcnemar_of_equal_models_is_one() -> None:
    scores = np.array([True, False, True])
    assert mcnemar(scores, scores) == 1.0


def test_mcnemar_is_that_of_statsmodels() -> None:
    generator = np.random.default_rng(1)
    for share in (0.5, 0.9, 0.94):
        first, second = generator.random(5000) < 0.93, generator.random(5000) < share
        cells = [[np.sum(first == a) for a in (0, 1)], [0, 0]]
        cells = [[np.sum((first == a) & (second == b)) for b in (1, 0)] for a in (1, 0)]
        expected = reference_mcnemar(cells, exact=True).pvalue
        assert mcnemar(first, second) == pytest.approx(expected, rel=1e-6, abs=1e-300)


def test_holm_stops_at_the_first_p_value_it_keeps() -> None:
    # Limits are 0.05/3, 0.05/2, 0.05/1: 0.03 > 0.025 is kept, and so is the larger 0.04.
    assert holm([0.04, 0.01, 0.03]) == [False, True, False]


def test_holm_is_that_of_statsmodels() -> None:
    p_values = np.random.default_rng(2).random(50) ** 4
    assert holm(list(p_values)) == multipletests(p_values, 0.05, "holm")[0].tolist()


def test_the_leader_takes_in_the_rows_it_does_not_beat_and_the_next_row_leads_the_next_group() -> (
    None
):
    qualities = [10.0, 9.5, 7.0, 6.5, 2.0]
    groups = tie_groups(5, lambda a, b: 0.0 if qualities[a] - qualities[b] > 1 else 1.0)
    assert groups == [1, 1, 2, 2, 3]


def test_a_noisy_row_may_tie_with_the_leader_below_a_row_that_does_not() -> None:
    p_values = {(0, 1): 0.001, (0, 2): 0.5}
    assert tie_groups(3, lambda a, b: p_values[a, b]) == [1, 2, 1]


def test_the_bootstrap_p_value_is_the_two_sided_normal_tail() -> None:
    differences = np.array([-1.0, 1.0] * 100)  # standard deviation 1
    assert bootstrap_p(differences, 1.96) == pytest.approx(0.05, abs=1e-3)
    assert bootstrap_p(differences, 4.303, freedom=2) == pytest.approx(0.05, abs=1e-3)
    assert bootstrap_p(np.zeros(10), 0.0) == 1.0
    assert bootstrap_p(np.zeros(10), 0.1) == 0.0


def test_the_resolution_floor_is_the_paired_half_width_over_the_reference() -> None:
    reference = np.array([True] * 92 + [False] * 8)
    entry = reference.copy()
    entry[:2], entry[98:] = False, True  # 4 of 100 disagree and the means are equal
    half_width = 1.96 * np.sqrt(4 / 99) / 10
    assert resolution_floor(entry, reference) == pytest.approx(half_width / 0.92)


def test_the_tail_of_students_t_is_that_of_scipy() -> None:
    for degrees in (1.0, 2.0, 2.7, 7.3, 60.0, 1821.5, 1e6):
        for t in (0.0, 1e-6, 0.3, 0.99, 1.96, 4.5, 12.0, 300.0):
            expected = 2 * stdtr(degrees, -t)
            assert t_tail(t, degrees) == pytest.approx(expected, rel=1e-8, abs=1e-300)
