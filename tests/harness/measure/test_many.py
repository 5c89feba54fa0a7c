"""Quick latencies on a machine whose clock jumps between two speeds."""

from pathlib import Path

import numpy as np
import pytest

from harness.measure import many
from harness.measure.profile import load_profile

PROFILE = load_profile("ort-1t-xeon-amx")
TRUE_MS = {f"{number}.onnx": 0.1 * 1.3**number for number in range(12)}


class Machine:
    """Slow by half in every other block; an odd memory layout now and then."""

    def __init__(self, seed, slow=0.5):
        self.random, self.slow, self.timed = np.random.default_rng(seed), slow, []

    def __call__(self, paths, anchor, profile):
        self.timed.append(len(paths))
        return [(0.05 * self.state(), TRUE_MS[path.name] * self.model()) for path in paths]

    def state(self):
        self.last = 1.5 if self.random.random() < self.slow else 1.0
        return self.last * (1 + 0.01 * self.random.random())

    def model(self):
        odd = 1.2 if self.random.random() < 0.1 else 1.0
        return self.last * odd * (1 + 0.01 * self.random.random())


@pytest.mark.parametrize("seed", range(5))
def test_slow_minutes_and_odd_starts_do_not_count(monkeypatch, seed):
    machine = Machine(seed)
    monkeypatch.setattr(many, "_one_process", machine)
    paths = [Path(name) for name in TRUE_MS]
    found = np.array(many.latencies_ms(paths, Path("anchor.onnx"), PROFILE))
    right = np.abs(found / list(TRUE_MS.values()) - 1) < 0.025
    assert right.sum() >= len(paths) - 1  # two odd starts may agree


def test_models_that_agree_are_not_timed_again(monkeypatch):
    machine = Machine(0, slow=0.0)
    monkeypatch.setattr(many, "_one_process", machine)
    many.latencies_ms([Path(name) for name in TRUE_MS], Path("anchor.onnx"), PROFILE)
    assert machine.timed[:2] == [12, 12]
    assert sum(machine.timed) < 12 * 6


def test_a_machine_that_never_settles_still_gives_its_fastest(monkeypatch):
    calls = iter(range(100))
    monkeypatch.setattr(many, "_one_process", lambda *_: [(1.0, 2.0 * 1.1 ** -next(calls))])
    (found,) = many.latencies_ms([Path("m.onnx")], Path("anchor.onnx"), PROFILE)
    assert found == pytest.approx(2.0 * 1.1 ** (1 - many.MOST_STARTS))
