"""Ranking scores against numbers worked by hand."""

import numpy as np
import pytest

from harness.errors import SlimbenchError
from tasks import ranking

# Right items 7, 7, 7 at place 1, place 3 and nowhere.
ANSWERS = np.array(
    [[7, 1, 2, 3, 4, 5, 6, 8, 9, 10], [1, 2, 7, 3, 4, 5, 6, 8, 9, 10], range(11, 21)]
)
TARGETS = np.array([[7, 4, 0], [7, 6, 12], [7, 20, 50]])


def test_ndcg_is_one_over_log2_of_one_plus_the_rank():
    assert ranking.ndcg(ANSWERS, TARGETS) == pytest.approx([1.0, 0.5, 0.0])


def test_the_tenth_place_still_counts_and_the_eleventh_does_not():
    last = np.array([[1, 2, 3, 4, 5, 6, 8, 9, 10, 7]])
    assert ranking.ndcg(last, TARGETS[:1]) == pytest.approx([0.289065], abs=1e-6)  # 1 / log2 11


def test_figures_are_hit_rate_reciprocal_rank_and_coverage():
    found = ranking.figures(ANSWERS, TARGETS)
    assert found["HR@10"] == pytest.approx(2 / 3)
    assert found["MRR@10"] == pytest.approx((1 + 1 / 3) / 3)
    assert found["HR@5"] == pytest.approx(2 / 3)
    assert found["NDCG@5"] == pytest.approx(0.5)
    assert found["items shown"] == 20


def test_slices_are_by_history_and_by_how_often_the_item_was_seen():
    masks = ranking.by_history_and_item(TARGETS)
    assert masks["histories of 4"].tolist() == [True, False, False]
    assert masks["of 5 to 7"].tolist() == [False, True, False]
    assert masks["of 16+"].tolist() == [False, False, True]
    assert masks["items never trained on"].tolist() == [True, False, False]
    assert masks["seen 10 to 49 times"].tolist() == [False, True, False]
    assert masks["seen 50+ times"].tolist() == [False, False, True]


@pytest.mark.parametrize("wrong", [-1, 70_000])
def test_an_answer_that_is_no_item_is_refused(wrong):
    with pytest.raises(SlimbenchError, match=f"answers {wrong}, which is no item"):
        ranking.ranked_ids([np.array([[1, wrong]])])


def test_ids_are_kept_as_they_are():
    kept = ranking.ranked_ids([np.array([[12_101, 1]])])
    assert kept.dtype == np.uint16
    assert kept.tolist() == [[12_101, 1]]
