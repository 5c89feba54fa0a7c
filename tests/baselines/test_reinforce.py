"""REINFORCE's baseline is the mean of the rewards from its first step on."""

from random import Random
from types import SimpleNamespace

import numpy as np

from baselines.search.reinforce import solve
from harness.types import Space


def drawn(steps: int, reward) -> list[tuple[int, ...]]:
    """What the policy draws, step by step, where `reward(step)` is what it gets."""
    asked: list[tuple[int, ...]] = []

    def query(one: tuple[int, ...]) -> float:
        asked.append(one)
        return reward(len(asked))

    problem = SimpleNamespace(
        space=Space("toy", (tuple("abcd"),) * 3, tuple, str, np.asarray),
        random=Random(0),
        exhausted=lambda: len(asked) >= steps,
        query=query,
        best=lambda: asked[-1],
    )
    solve(problem, learning_rate=0.5)
    return asked


def test_equal_rewards_move_nothing():
    """A baseline that started at 0 would push towards the first draws, whatever their worth."""
    nothing, much = drawn(60, lambda _: 0.0), drawn(60, lambda _: 0.9)
    assert nothing == much
    assert len(set(much)) > 20


def test_rewards_that_differ_move_the_policy():
    assert drawn(60, lambda _: 0.9) != drawn(60, lambda step: 0.9 if step % 2 else 0.1)
