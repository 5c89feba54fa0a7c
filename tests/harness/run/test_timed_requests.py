"""Which test requests are timed: spread evenly, or over the traffic that they stand for."""

from types import SimpleNamespace

import numpy as np

from harness.run import timing
from harness.types import Split


def chosen(monkeypatch, targets: np.ndarray, stands_for) -> np.ndarray:
    split = Split({"x": np.arange(len(targets))}, targets)
    monkeypatch.setattr(timing.data, "load_split", lambda *_: split)
    task = SimpleNamespace(stands_for=stands_for)
    inputs, index = timing.spread_inputs(SimpleNamespace(data=None, task=task))
    assert inputs["x"].tolist() == index.tolist()
    return index


def test_requests_are_spread_evenly_from_the_first_to_the_last(monkeypatch):
    index = chosen(monkeypatch, np.zeros(5000), None)
    assert (len(index), index[0], index[-1]) == (timing.REQUESTS, 0, 4999)
    assert set(np.diff(index)) <= {9, 10}


def test_requests_are_drawn_by_what_they_stand_for(monkeypatch):
    targets = np.array([1] * 1000 + [0] * 1000)  # each honest one stands for 99 fraudulent ones
    index = chosen(monkeypatch, targets, lambda labels: np.where(labels == 1, 1, 99))
    assert len(index) == timing.REQUESTS
    assert (targets[index] == 1).sum() in (5, 6)  # 1% of 512


def test_all_requests_of_a_small_test_are_timed(monkeypatch):
    assert chosen(monkeypatch, np.zeros(7), None).tolist() == list(range(7))
