import numpy as np
import pytest
from latency_spread import Experiment, read_rows, summary

from harness.paired import speedup

RANDOM = np.random.default_rng(0)


def row(condition, method, value, noise):
    ratios = value * np.exp(RANDOM.normal(0, noise, size=8))
    pairs = [[(float(ratio), 1.0)] for ratio in ratios]
    found = {"condition": condition, "method": method, "speedup": speedup(pairs).value}
    return found | {"pairs": pairs, "seconds": 1.0, "processes": 9}


def test_the_summary_compares_with_the_best_rival():
    rows = [row("quiet", "paired", 3.0, 0.003) for _ in range(30)]
    rows += [row("quiet", "sequential_median", 3.0, 0.03) for _ in range(30)]
    rows += [row("quiet", "ort_perf_test", 3.0, 0.3) for _ in range(30)]
    found = summary(rows)["quiet"]
    assert found["best_rival"] == "sequential_median"
    value, low, high = found["ratio"]
    assert low < value < high
    assert 5 < value < 20
    assert found["held"][0] >= 25


def test_the_summary_counts_identical_models_called_different():
    rows = [row("identical", "paired", 1.0, 0.01) for _ in range(100)]
    found = summary(rows)["identical"]
    assert found["pairs"] == 100
    assert found["called_different"] <= 12


@pytest.mark.slow
def test_an_experiment_goes_on_where_its_file_ends(tmp_path):
    experiment = Experiment(tmp_path, tmp_path / "out.jsonl", 4.0)
    experiment.identical(1)
    first = read_rows(tmp_path / "out.jsonl")
    experiment.identical(1)
    assert read_rows(tmp_path / "out.jsonl") == first
    experiment.repeat("quiet", 1)
    assert len(read_rows(tmp_path / "out.jsonl")) == 1 + 6
