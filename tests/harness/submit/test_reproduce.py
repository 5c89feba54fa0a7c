"""The verdict on fresh seeds: drawn worlds in which the truth is known, and one real method."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest

from harness import registry
from harness.errors import UsageError
from harness.run.matrix import plan, run_all
from harness.submit.history import find_rows
from harness.submit.reproduce import (
    NOT_REPRODUCED,
    REPRODUCED,
    TOO_FEW,
    compare,
    fresh_seeds,
    reproduce,
    run_again,
)

EXAMPLES = 10_000


def seeds(count, quality, spread, random):
    """Example scores of `count` seeds whose true quality varies by `spread` (1 sd)."""
    easy = np.linspace(0, 1, EXAMPLES)  # how hard each example is, the same for every seed
    chance = 1 / (1 + np.exp(-40 * (easy - (1 - quality))))
    drawn = []
    for _ in range(count):
        right = random.random(EXAMPLES) < chance
        shift = random.normal(0, spread)
        flip = random.random(EXAMPLES) < abs(shift)
        drawn.append(np.where(flip, shift > 0, right).astype(float))
    return drawn


def verdicts(published, fresh, quality, spread=0.001, worlds=60):
    random = np.random.default_rng(0)
    return [
        compare(seeds(3, 0.9, spread, random), seeds(fresh, quality, spread, random), 0.93).verdict
        for _ in range(worlds)
    ]


def test_the_same_method_is_reproduced_and_rarely_called_worse():
    found = verdicts(3, 3, quality=0.9)
    assert found.count(REPRODUCED) >= 55
    assert found.count(NOT_REPRODUCED) <= 3


def test_a_method_three_points_worse_is_not_reproduced():
    assert verdicts(3, 3, quality=0.87).count(NOT_REPRODUCED) >= 57


def test_where_seeds_vary_much_nothing_is_said():
    found = verdicts(3, 3, quality=0.9, spread=0.03)
    assert found.count(TOO_FEW) >= 50


def test_one_seed_on_either_side_is_too_few_even_when_the_scores_are_equal():
    scores = np.arange(EXAMPLES) % 10 != 0
    found = compare([scores], [scores], 0.93)
    assert (found.verdict, found.floor) == (TOO_FEW, float("inf"))


def test_the_floor_is_the_larger_of_both_spreads():
    """By hand: two seeds a side, means 0.5 and 0.5 / 0.6 and 0.6: no spread between seeds.

    d is +1 on 10% of the examples, so its sd is 0.3 and the paired half-width
    1.96 * 0.3 / sqrt(1000) = 0.0186.
    """
    half = np.arange(1000) % 2 == 0
    more = half | (np.arange(1000) % 10 == 1)
    found = compare([half, half], [more, more], 0.5)
    assert found.floor == pytest.approx(1.96 * 0.3 / 1000**0.5, rel=1e-3)
    assert found.fresh - found.published == pytest.approx(0.1)


def test_lower_can_be_better():
    half = np.arange(EXAMPLES) % 2 == 0
    fewer = np.arange(EXAMPLES) % 4 == 0
    assert compare([half, half], [fewer, fewer], 0.5, False).verdict != NOT_REPRODUCED
    assert compare([fewer, fewer], [half, half], 0.5, False).verdict == NOT_REPRODUCED


def test_fresh_seeds_are_none_of_the_rows(honest):
    (path,) = honest.runs.rglob("record.json")
    from harness.record import parse_line

    row = parse_line(path.read_text())
    rows = [row, row.model_copy(update={"seed": 2})]
    assert fresh_seeds(rows, 3) == [1, 3, 4]
    with pytest.raises(UsageError, match="made the row itself"):
        run_again(rows, registry.read_listing(honest.method, "submitted"), honest.place, [2])


@pytest.fixture
def published(digits, place, tmp_path):
    """Two seeds of a method in a results folder of their own."""
    method = registry.find_method("static_int8")
    own = replace(place, results=tmp_path / "results")
    runs = plan(digits, [method], own, seeds=[0, 1], settings="0")
    list(run_all(runs))
    return own, method


def test_a_published_row_is_run_again_on_fresh_seeds(published):
    place, method = published
    rows = [run for _, run in find_rows("mnist_mlp_microcontroller/static_int8", place.results)]
    assert len(rows) == 2
    found = reproduce(rows, place.results, method, place, [2, 3])
    assert found.verdict in (REPRODUCED, TOO_FEW)
    assert found.fresh == pytest.approx(found.published, abs=0.05)


def test_a_row_that_is_not_there_is_said(published):
    place, _ = published
    with pytest.raises(UsageError, match="TASK/METHOD/key=value"):
        find_rows("mnist_mlp_microcontroller/no_such", place.results)
    shutil.rmtree(place.results)
    with pytest.raises(UsageError, match="no published row"):
        find_rows("mnist_mlp_microcontroller/static_int8", place.results)
