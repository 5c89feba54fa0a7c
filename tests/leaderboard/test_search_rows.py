"""Rows of table tasks, against numbers worked by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from board_records import method_block
from scipy.stats import ttest_ind
from search_records import (
    case_block,
    failed_seed,
    lines,
    searched,
    table_record,
    task_block,
    write,
)

from harness.errors import UsageError
from leaderboard import load
from leaderboard.search import attained, curve, limits_of, welch
from leaderboard.search_hits import hit_queries, share_at_test_optimum

GOOD = [lines(seed, [(1, 0), (3 + seed, 2)], [2]) for seed in range(3)]
POOR = [lines(seed, [(1, 0), (2, 1)], [1]) for seed in range(3)]


def test_means_regret_and_hits_of_one_method(tmp_path: Path) -> None:
    mixed = [*GOOD[:2], lines(2, [(2, 3)], [3])]
    board = load(write(tmp_path, searched("m", case_block(), mixed)))
    (row,) = board.search("toys").rows
    assert row["test"] == pytest.approx((0.8 + 0.8 + 0.9) / 3)
    assert row["regret"] == pytest.approx(0.9 - 2.5 / 3)
    assert row["validation"] == pytest.approx((0.9 + 0.9 + 0.7) / 3)
    assert row["hit_share"] == pytest.approx(2 / 3)
    assert (row["hit_median"], row["hit_p90"]) == (4.0, None)  # 3, 4 and never
    assert row["test_std"] == pytest.approx(np.std([0.8, 0.8, 0.9], ddof=1))


def test_a_short_training_of_the_best_is_no_hit() -> None:
    trace = lines(0, [(1, 2)], [2], fidelity=12)
    assert hit_queries(case_block(), trace, 1).tolist() == [np.inf]
    assert hit_queries(case_block(), GOOD[1], 1).tolist() == [4.0]


def test_where_nobody_may_train_in_full_nobody_can_find_the_best(tmp_path: Path) -> None:
    short = case_block(fidelities=[12])
    board = load(write(tmp_path, searched("m", short, [lines(0, [(1, 2)], [2], fidelity=12)])))
    (row,) = board.search("toys").rows
    assert row["hit_share"] is None


def test_rows_come_best_first_with_tie_groups(tmp_path: Path) -> None:
    also_good = [lines(seed, [(1, 2)], [2]) for seed in range(3)]
    found = [searched("poor", case_block(), POOR), searched("good", case_block(), GOOD)]
    board = load(write(tmp_path, *found, searched("too", case_block(), also_good)))
    rows = board.search("toys").rows
    groups = {row["method"]: row["tie_group"] for row in rows}
    assert rows[-1]["method"] == "poor"
    assert groups == {"good": 1, "too": 1, "poor": 2}


def test_fewer_than_three_seeds_are_shown_but_not_ranked(tmp_path: Path) -> None:
    board = load(write(tmp_path, searched("m", case_block(), GOOD[:2])))
    (row,) = board.search("toys").rows
    assert (row["seeds"], row["tie_group"]) == (2, None)


def test_a_search_without_any_answer_is_a_row_with_its_cause(tmp_path: Path) -> None:
    failures = [failed_seed(0), failed_seed(1)]
    good = searched("good", case_block(), GOOD)
    board = load(write(tmp_path, good, searched("bad", case_block(), [], failures=failures)))
    row = board.search("toys").rows[-1]
    assert (row["method"], row["seeds"], row["failed"]) == ("bad", 0, 2)
    assert row["cause"] == "RuntimeError: gave up"


def test_hypervolume_is_the_share_of_the_exact_fronts(tmp_path: Path) -> None:
    # reference (0, 4): exact 3 x 0.1 + 2 x 0.5 + 1 x 0.3 = 1.6; answers 1 and 3: 2 x 0.6 + 0.3
    case = case_block("phone", device="phone")
    parts = [lines(seed, [(1, 1), (2, 3)], [1, 3]) for seed in range(3)]
    board = load(write(tmp_path, searched("m", case, parts), table=table_record()))
    (row,) = board.search("toys").rows
    assert row["hypervolume"] == pytest.approx(1.5 / 1.6)
    assert [one["limit"] for one in row["within_limits"]] == [1.0, 2.0, 3.0]
    assert [one["met"] for one in row["within_limits"]] == [0, 3, 3]
    assert [one["test"] for one in row["within_limits"][1:]] == pytest.approx([0.6, 0.9])
    assert [one["exact"] for one in row["within_limits"]] == [0.1, 0.6, 0.9]


def test_limits_are_quarters_of_the_exact_front() -> None:
    front = [(float(cost), 0.5, 0.1 * cost) for cost in range(1, 10)]
    assert limits_of(front) == [3.0, 5.0, 7.0]
    assert limits_of([]) == []


def test_the_best_within_a_limit_is_chosen_by_validation(tmp_path: Path) -> None:
    # Within 4 ms both are able; 2 is better by validation (0.9 against 0.7), worse by test.
    case = case_block("phone", device="phone")
    front = {"phone": [(4.0, 0.7, 0.9)]}
    found = searched("m", case, [lines(0, [(1, 2), (2, 3)], [2, 3])])
    board = load(write(tmp_path, found, table=table_record(fronts=front)))
    assert board.search("toys").rows[0]["within_limits"][0]["test"] == pytest.approx(0.8)


def test_the_curve_is_the_mean_of_the_best_so_far() -> None:
    trace = {
        name: np.concatenate([first, second])
        for (name, first), second in zip(
            lines(0, [(1, 0), (4, 2)], [2]).items(), lines(1, [(2, 1)], [1]).values(), strict=True
        )
    }
    mean, low, high = curve(trace, "cifar10", "queries", np.array([1.0, 2.0, 4.0]))
    assert np.isnan(mean[0])  # seed 1 has asked nothing yet
    assert mean[1:].tolist() == pytest.approx([(0.1 + 0.6) / 2, (0.8 + 0.6) / 2])
    assert (low[1:] <= mean[1:]).all() and (mean[1:] <= high[1:]).all()


def test_attained_quality_is_the_median_over_seeds() -> None:
    parts = [lines(0, [], [0, 3]), lines(1, [], [1]), lines(2, [], [1, 3])]
    trace = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    found = attained(trace, "cifar10", np.array([0.5, 1.0, 2.0, 3.0]))
    assert np.isnan(found[:2]).all()  # two of three have nothing within 1
    assert found[2:].tolist() == pytest.approx([0.6, 0.9])


def test_of_the_answers_within_a_cost_the_best_by_validation_counts() -> None:
    trace = lines(0, [], [2, 3])  # 2 is better by validation and costs 4, 3 is better by test
    assert attained(trace, "cifar10", np.array([3.0, 4.0])).tolist() == pytest.approx([0.9, 0.8])


def test_only_the_newest_version_of_a_method_is_on_the_board(tmp_path: Path) -> None:
    old, (record, trace) = (searched("m", case_block(), parts) for parts in (GOOD, POOR))
    block = method_block("m", version=2, family="search")
    new = record.model_copy(update={"method": block, "key": "newer"}), trace
    other = searched("other", case_block(), GOOD)
    found = load(write(tmp_path, old, new, other, table=table_record())).search("toys")
    versions = {row["method"]: row["method_version"] for row in found.rows}
    assert versions == {"m": 2, "other": 1}
    assert len(found.rows) == 2


def test_what_was_run_again_counts_once_as_it_was_run_last(tmp_path: Path) -> None:
    old = searched("m", case_block(), GOOD)
    record, trace = searched("m", case_block(), POOR, created="2026-11-22T10:00:00Z")
    found = load(write(tmp_path, old, (record.model_copy(update={"key": "again"}), trace)))
    (row,) = found.search("toys").rows
    assert row["key"] == "again"


def test_two_tables_are_never_mixed_on_one_board(tmp_path: Path) -> None:
    newer = task_block(table_sha256="u" * 64)
    old = searched("old", case_block(), GOOD)
    new = searched("new", case_block(), POOR, task=newer, created="2026-11-22T10:00:00Z")
    found = load(write(tmp_path, old, new, table=table_record())).search("toys")
    assert [row["method"] for row in found.rows] == ["new"]
    assert found.table is None


def test_a_missing_or_exchanged_trace_is_refused(tmp_path: Path) -> None:
    record, trace = searched("m", case_block(), GOOD)
    write(tmp_path, (record, {}))
    with pytest.raises(UsageError, match="the trace is missing; restore the Parquet file"):
        load(tmp_path).search("toys")
    trace["validation"][0] = 0.99
    write(tmp_path, (record, trace))
    with pytest.raises(UsageError, match="is not the one the record was written with"):
        load(tmp_path).search("toys")


def test_smoke_and_standard_stay_apart(tmp_path: Path) -> None:
    board = load(write(tmp_path, searched("m", case_block(), GOOD, scale="smoke")))
    assert board.search("toys") is None
    assert len(board.search("toys", "smoke").rows) == 1


def test_welchs_test_is_that_of_scipy() -> None:
    random = np.random.default_rng(0)
    for size, shift in ((3, 0.0), (50, 0.1), (500, 0.3)):
        first, second = random.normal(0, 1, size), random.normal(shift, 3, size + 2)
        expected = ttest_ind(first, second, equal_var=False).pvalue
        assert welch(first, second) == pytest.approx(expected, rel=1e-9)


def test_the_share_that_answers_the_best_by_test_is_known_where_validation_hides_it() -> None:
    found = np.array([0.8, 0.9, 0.9, 0.8], np.float32)
    assert share_at_test_optimum(case_block(), found) == 0.5
    assert share_at_test_optimum(case_block(best_test=0.8), found) is None
