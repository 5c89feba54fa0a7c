"""Average precision and its company against figures worked by hand."""

import numpy as np
import pytest

from tasks.average_precision import Ranking, expected_calibration_error


def ranking(scores, positive, weights=None):
    ones = np.ones(len(scores)) if weights is None else np.array(weights, float)
    return Ranking(np.array(scores, float), np.array(positive, bool), ones)


def random_ranking(seed=0, count=200):
    random = np.random.default_rng(seed)
    positive = random.random(count) < 0.3
    scores = np.round(random.normal(positive, 1.0), 1)  # with ties
    return Ranking(scores, positive, np.where(positive, 1.0, random.choice([2.0, 9.0], count)))


def test_average_precision_by_hand():
    # hits at ranks 1 and 3: (1/1 + 2/3) / 2
    assert ranking([9, 8, 7, 6], [1, 0, 1, 0]).average_precision() == pytest.approx(5 / 6)
    # the false alarm between them stands for 4 requests: (1/1 + 2/6) / 2
    weighted = ranking([9, 8, 7, 6], [1, 0, 1, 0], [1, 4, 1, 1])
    assert weighted.average_precision() == pytest.approx(2 / 3)


def test_equal_scores_count_as_one_step():
    assert ranking([5, 5, 5, 5], [1, 0, 0, 0]).average_precision() == 0.25


def test_weights_are_as_good_as_copies():
    one = random_ranking()
    times = one.weights.astype(int)
    many = Ranking(*(np.repeat(each, times) for each in (one.scores, one.positive)), 1.0)
    many = Ranking(many.scores, many.positive, np.ones(len(many.scores)))
    assert one.average_precision() == pytest.approx(many.average_precision())
    assert one.auroc() == pytest.approx(many.auroc())
    assert one.recall_at(0.1) == pytest.approx(many.recall_at(0.1))


def test_scikit_learn_agrees():
    metrics = pytest.importorskip("sklearn.metrics")
    one = random_ranking(3)
    options = {"sample_weight": one.weights}
    expected = metrics.average_precision_score(one.positive, one.scores, **options)
    assert one.average_precision() == pytest.approx(expected)
    expected = metrics.roc_auc_score(one.positive, one.scores, **options)
    assert one.auroc() == pytest.approx(expected)


def test_pseudo_values_have_the_metric_as_their_mean():
    one = random_ranking()
    assert one.pseudo_values().mean() == pytest.approx(one.average_precision(), abs=1e-12)


def test_a_pseudo_value_is_the_influence_of_its_example():
    one = random_ranking(1)
    values = one.pseudo_values()
    whole, count, step = one.average_precision(), len(one.scores), 1e-6
    for example in (0, 7, 50, 199):
        weights = one.weights.copy()
        weights[example] *= 1 + step
        moved = Ranking(one.scores, one.positive, weights).average_precision()
        influence = (moved - whole) / step
        assert values[example] == pytest.approx(whole + count * influence, abs=1e-3)


def test_pseudo_values_spread_as_the_bootstrap_does():
    one = random_ranking(2, 2000)
    random = np.random.default_rng(0)
    draws = []
    for _ in range(300):
        rows = random.integers(0, 2000, 2000)
        drawn = Ranking(one.scores[rows], one.positive[rows], one.weights[rows])
        draws.append(drawn.average_precision())
    expected = one.pseudo_values().std() / np.sqrt(2000)
    assert np.std(draws) == pytest.approx(expected, rel=0.15)


def test_without_a_positive_the_figures_say_nothing():
    none = ranking([1, 2], [0, 0])
    assert (none.average_precision(), none.auroc(), none.recall_at(0.01)) == (0, 0.5, 0)
    assert none.pseudo_values().tolist() == [0, 0]


def test_auroc_and_recall_by_hand():
    one = ranking([4, 3, 2, 1], [1, 0, 1, 0])
    assert one.auroc() == 0.75
    assert (one.recall_at(0.0), one.recall_at(0.5)) == (0.5, 1.0)


def test_calibration_error_is_the_gap_of_frequency_and_probability():
    positive = np.arange(1000) % 4 == 0
    assert expected_calibration_error(np.full(1000, 0.25), positive, np.ones(1000), 5) < 0.01
    wrong = expected_calibration_error(np.full(1000, 0.75), positive, np.ones(1000), 5)
    assert wrong == pytest.approx(0.5)
