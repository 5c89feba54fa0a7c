"""Standard errors of the figures beside quality, against what is known of them."""

from types import SimpleNamespace

import numpy as np
import pytest

from harness.run.scoring import beside_quality


def test_a_mean_has_its_textbook_standard_error_and_a_count_of_distinct_answers_none():
    random = np.random.default_rng(0)
    targets = random.integers(1000, size=2000)
    predictions = np.where(random.random(2000) < 0.3, targets, -1)

    def figures(predictions, targets):
        hits = predictions == targets
        return {"hit rate": float(hits.mean()), "items shown": float(len(set(predictions)))}

    task = SimpleNamespace(slices=None, figures=figures)
    found = beside_quality(task, predictions, targets)
    rate = found["figures_test"]["hit rate"]
    assert found["figures_error_test"].keys() == {"hit rate"}
    known = (rate * (1 - rate) / 2000) ** 0.5
    assert found["figures_error_test"]["hit rate"] == pytest.approx(known, rel=0.15)
