"""The audit that a model does not know its requests: noise goes away, a cache stays."""

import numpy as np
import pytest

from harness.measure import timing
from harness.measure.runtimes import onnxruntime
from harness.submit import audits, child


@pytest.fixture
def streams(tmp_path, monkeypatch):
    """Times the streams of a pretended model; `slow(round)` says when fresh requests are slow."""
    paths = {}
    for name, value in (("single", 0.0), ("fresh", 1.0)):
        np.save(tmp_path / f"{name}.npy", np.full((8, 2), value, np.float32))
        paths[name] = {"x": str(tmp_path / f"{name}.npy")}
    job = child.Job("examine", "m.onnx", str(tmp_path), 1, 1, 1, 1, 1, inputs=paths)
    monkeypatch.setattr(child, "PAUSE_SECONDS", 0)
    monkeypatch.setattr(onnxruntime, "load", lambda path, threads: lambda inputs: None)

    def run(slow):
        calls = {"fresh": 0}

        def call_ms(model, requests):
            if requests.fresh()[1]["x"].max() == 0:
                return 1.0, None
            calls["fresh"] += 1
            return (2.0 if slow((calls["fresh"] - 1) // child.BLOCK_CALLS) else 1.0), None

        monkeypatch.setattr(timing, "call_ms", call_ms)
        return child._streams(job)

    return run


@pytest.mark.parametrize(
    ("slow", "rounds", "verdict"),
    [
        (lambda number: False, child.ROUNDS, "accepted"),
        (lambda number: number < 10, 11, "accepted"),
        (lambda number: True, child.MOST_ROUNDS, "refused"),
    ],
)
def test_rounds_go_on_while_fresh_requests_look_slow(streams, slow, rounds, verdict):
    found = streams(slow)
    assert {len(times) for times in found.values()} == {rounds}
    assert {row.verdict for row in audits.judge_streams(found)} == {verdict}


def test_one_fast_moment_of_a_jumping_clock_is_no_cache():
    slow = [2.0] * child.MOST_ROUNDS
    found = {"known": [*slow[1:], 1.0], "permuted": slow, "repeated": slow, "fresh": slow}
    assert {row.verdict for row in audits.judge_streams(found)} == {"accepted"}
