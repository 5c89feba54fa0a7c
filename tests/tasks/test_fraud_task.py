"""How the fraud task scores: weighted requests, kinds of fraud, calibration at the true rate."""

import numpy as np
import pytest

import leaderboard
from harness.run.scoring import beside_quality
from tasks.datasets import fraud
from tasks.fraud_late_fusion.task import PRIOR, TASK, ranking

TARGETS = np.array([fraud.CARD, fraud.HONEST, fraud.FORGED, fraud.LOOK_ALIKE], np.int8)


def logits(*margins):
    return np.array([[0, margin] for margin in margins], np.float16)


def test_an_honest_request_counts_as_the_number_that_it_stands_for():
    # precision is 1 at the card, then 2 hits among 2 + 27.4 requests
    expected = (1 + 2 / (2 + 27.4)) / 2
    assert TASK.aggregate(logits(3, 2, 1, 0), TARGETS) == pytest.approx(expected)
    # a look-alike in the same place costs less
    expected = (1 + 2 / (2 + 4.2)) / 2
    assert TASK.aggregate(logits(3, 0, 1, 2), TARGETS) == pytest.approx(expected)


def test_example_scores_have_the_quality_as_their_mean():
    scores = TASK.example_scores(logits(3, 2, 1, 0), TARGETS)
    assert scores.mean() == pytest.approx(TASK.aggregate(logits(3, 2, 1, 0), TARGETS))


def test_a_slice_holds_one_kind_of_fraud_and_every_honest_request():
    masks = TASK.slices(TARGETS)
    assert masks["stolen card"].tolist() == [True, True, False, True]
    assert masks["forged document"].tolist() == [False, True, True, True]


def test_only_the_margin_of_the_logits_counts():
    shifted = logits(3, 2, 1, 0) + np.float16(4)
    assert np.array_equal(ranking(shifted, TARGETS).scores, [3, 2, 1, 0])


def test_no_single_modality_comes_near_the_best_fusion_on_the_board():
    rows = [row for row in leaderboard.load().rows(TASK.name) if row["usable"]]
    alone = [
        row["quality"]
        for row in rows
        if row["setting"].get("kept") in ("transaction", "log", "document")
        or row["setting"].get("features") == "transaction"
    ]
    fused = [row["quality"] for row in rows if row["method"] == "late_fusion"]
    assert len(alone) >= 3
    assert max(alone) < 0.7 * max(fused)


def test_logits_at_even_odds_are_calibrated_at_the_true_rate():
    whole = np.repeat(TARGETS[[0, 1, 3]], [1000, 3000, 4000])
    targets = np.random.default_rng(0).permutation(whole)  # equal scores keep their order
    found = TASK.figures(logits(*np.zeros(8000)), targets)
    assert found["expected calibration error"] < 2e-3
    assert pytest.approx(0.01) == 1 / (1 + np.exp(-PRIOR))


def test_figures_beside_average_precision_have_standard_errors():
    random = np.random.default_rng(0)
    targets = np.repeat(TARGETS[[0, 1, 3]], [500, 1500, 2000])
    predictions = logits(*(random.normal(size=4000) + 1.5 * (targets % 2)))
    found = beside_quality(TASK, predictions, targets)
    assert found["figures_error_test"].keys() <= found["figures_test"].keys()
    area = found["figures_test"]["AUROC"]
    assert found["figures_error_test"]["AUROC"] == pytest.approx(_hanley(area, 500, 3500), rel=0.3)


def _hanley(area, positives, negatives):
    """Hanley and McNeil 1982, doi:10.1148/radiology.143.1.7063747, equation 1."""
    first, second = area / (2 - area), 2 * area**2 / (1 + area)
    varied = (positives - 1) * (first - area**2) + (negatives - 1) * (second - area**2)
    return ((area * (1 - area) + varied) / (positives * negatives)) ** 0.5
