from __future__ import annotations

from itertools import product
from pathlib import Path
from random import Random
from typing import Any

import pytest
from board_records import counts, measured, run, write

from harness.errors import UsageError
from leaderboard import load, recommend, recommend_jointly


@pytest.fixture
def rows(tmp_path: Path) -> list[dict[str, Any]]:
    speeds = {"slow": (0.95, 1.0), "middle": (0.93, 2.0), "fast": (0.90, 4.0)}
    for name, (quality, speedup) in speeds.items():
        one = run(name, quality, counts=counts(size_bytes=int(8e6 / speedup)))
        write(tmp_path, one, measured(one, speedup))
    return load(tmp_path).rows("toy")


def test_the_best_row_within_the_limits_comes_first(rows: list[dict[str, Any]]) -> None:
    found = recommend(rows, {"max_latency_ms": 5, "max_size_mb": 5})
    assert [row["method"] for row in found.rows] == ["middle", "fast"]
    assert found.unmet is None


def test_a_limit_that_no_row_meets_is_named_with_the_nearest_row(
    rows: list[dict[str, Any]],
) -> None:
    found = recommend(rows, {"max_latency_ms": 1, "min_quality": 0.5})
    assert (found.rows, found.unmet) == ([], "max_latency_ms")
    assert found.nearest is not None and found.nearest["method"] == "fast"
    assert not found.unknown


def test_limits_that_fail_only_together_are_told_apart(rows: list[dict[str, Any]]) -> None:
    found = recommend(rows, {"max_latency_ms": 2.1, "min_quality": 0.94})
    assert (found.rows, found.unmet) == ([], "")


def test_rows_of_equal_standing_come_cheapest_first(rows: list[dict[str, Any]]) -> None:
    rows[0] |= {"quality_low": 0.92, "quality_high": 0.97}
    found = recommend(rows, {"min_quality": 0.5})
    assert [row["method"] for row in found.rows] == ["middle", "slow", "fast"]


def test_a_row_with_pending_latency_does_not_meet_a_latency_limit(tmp_path: Path) -> None:
    rows = load(write(tmp_path, run())).rows("toy")
    found = recommend(rows, {"min_quality": 0.99, "max_latency_ms": 1e9})
    assert found.unmet == "max_latency_ms"
    assert (found.unknown, found.nearest) == (True, None)


def test_an_unknown_constraint_lists_what_may_be_constrained(rows: list[dict[str, Any]]) -> None:
    with pytest.raises(UsageError, match="'max_joy' names no column"):
        recommend(rows, {"max_joy": 1})


def test_no_rows_give_no_recommendation() -> None:
    found = recommend([], {"max_latency_ms": 1})
    assert (found.rows, found.nearest) == ([], None)


def _row(latency: float, size: float, retention: float) -> dict[str, Any]:
    return {
        "usable": True,
        "latency_ms_p50": latency,
        "size_bytes": size * 1e6,
        "retention": retention,
    }


def test_a_joint_budget_picks_one_row_a_task() -> None:
    # 10 ms for both: the text model keeps its quality, the image model gives some up.
    tasks = {
        "image": [_row(8, 5, 1.0), _row(3, 2, 0.98)],
        "text": [_row(7, 9, 1.0), _row(2, 3, 0.9)],
    }
    found = recommend_jointly(tasks, total_latency_ms=10)
    assert found == {"image": tasks["image"][1], "text": tasks["text"][0]}
    assert recommend_jointly(tasks, total_latency_ms=4) is None
    small = recommend_jointly(tasks, total_latency_ms=10, total_size_mb=8)
    assert small == {"image": tasks["image"][0], "text": tasks["text"][1]}


def test_a_joint_budget_finds_what_trying_every_combination_finds() -> None:
    random = Random(5)
    tasks = {
        name: [_row(random.random(), random.random(), random.random()) for _ in range(8)]
        for name in "abc"
    }
    able = [
        rows
        for rows in product(*tasks.values())
        if sum(r["latency_ms_p50"] for r in rows) <= 1.2
        and sum(r["size_bytes"] for r in rows) <= 1.2e6
    ]
    best = max(
        able, key=lambda rows: rows[0]["retention"] * rows[1]["retention"] * rows[2]["retention"]
    )
    found = recommend_jointly(tasks, total_latency_ms=1.2, total_size_mb=1.2)
    assert found is not None and tuple(found.values()) == best
