from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from board_records import (
    REFERENCE,
    counts,
    failed,
    measured,
    method_block,
    profile_block,
    right_or_wrong,
    run,
    task_block,
    write,
    write_scores,
)

from harness.errors import UsageError
from harness.record import LimitBlock
from harness.record_row import MetricBlock
from leaderboard import load
from leaderboard.choose import recommend
from leaderboard.pages.board_table import badges


def test_a_row_is_the_mean_over_seeds_and_keeps_each_seed(tmp_path: Path) -> None:
    write(tmp_path, *(run(quality=q, seed=s) for s, q in enumerate((0.93, 0.94, 0.92))))
    (row,) = load(tmp_path).rows("toy")
    assert row["seeds"] == [0, 1, 2]
    assert row["quality"] == pytest.approx(0.93)
    assert row["quality_seeds"] == [0.93, 0.94, 0.92]
    assert row["retention"] == pytest.approx(0.93 / 0.95)
    assert row["retention_validation"] == pytest.approx(0.93 / 0.94)
    assert (row["macs"], row["flops"], row["size_bytes"]) == (500, 1000, 1000)
    assert row["quality_low"] < 0.93 < row["quality_high"]


def test_settings_versions_scales_and_task_versions_are_never_mixed(tmp_path: Path) -> None:
    write(
        tmp_path,
        run(setting={"sparsity": 0.5}),
        run(setting={"sparsity": 0.9}),
        run(method_block=method_block("pruning", version=2)),
        run(scale="full"),
        run(task=task_block(version=0)),
    )
    rows = load(tmp_path).rows("toy")
    assert sorted((r["method_version"], r["setting"]["sparsity"]) for r in rows) == [
        (1, 0.5),
        (1, 0.9),
        (2, 0.5),
    ]
    assert [row["superseded"] for row in rows if row["method_version"] == 2] == [False]
    assert len(load(tmp_path).rows("toy", scale="full")) == 1
    assert load(tmp_path).rows("toy", scale="smoke") == []


def test_superseded_rows_lead_nothing(tmp_path: Path) -> None:
    old = run(quality=0.949, method_block=method_block("pruning", version=1))
    new = run(quality=0.945, method_block=method_block("pruning", version=2))
    write(tmp_path, old, new, measured(old, 8.0), measured(new, 2.0))
    found = load(tmp_path).table("toy")
    assert found is not None
    assert [(row["method_version"], row["usable"], row["pareto"]) for row in found.rows] == [
        (2, True, True),
        (1, False, False),
    ]
    assert {one.name for one in found.summary.headlines.values()} == {found.rows[0]["row_id"]}
    assert [row["method_version"] for row in recommend(found.rows, {}).rows] == [2]


def test_a_failed_run_is_a_row_with_its_cause_at_the_end(tmp_path: Path) -> None:
    write(tmp_path, run("good"), failed("bad"))
    rows = load(tmp_path).rows("toy")
    assert [row["method"] for row in rows] == ["good", "bad"]
    assert rows[1]["status"] == "out_of_memory"
    assert rows[1]["cause"] == "seed 0: ran out of memory"
    assert (rows[1]["quality"], rows[1]["macs"], rows[1]["limits_met"]) == (None, None, "missed")


def test_a_row_with_one_failed_seed_says_so(tmp_path: Path) -> None:
    write(tmp_path, run(seed=0), failed(seed=1))
    (row,) = load(tmp_path).rows("toy")
    assert (row["status"], row["seeds"], row["seeds_failed"]) == ("partly_failed", [0], [1])
    assert row["runs_tried"] == 2


def test_speed_up_and_nominal_latency_come_from_the_raw_pairs(tmp_path: Path) -> None:
    one = run()
    write(tmp_path, one, measured(one, speedup=2.0))
    (row,) = load(tmp_path).rows("toy")
    assert row["profile"] == "desk_cpu"
    assert row["speedup"] == pytest.approx(2.0, rel=1e-3)
    assert row["speedup_low"] < 2.0 < row["speedup_high"]
    assert row["latency_ms_p50"] == pytest.approx(4.0, rel=1e-3)  # nominal 8 ms over 2
    assert row["latency_ms_p99"] == pytest.approx(6.0, rel=1e-2)
    assert row["settled"] is True
    # 0.36 dollars an hour for 4 ms each: a million takes 4,000 s.
    assert row["usd_per_million"] == pytest.approx(0.36 * 4000 / 3600, rel=1e-3)


def test_a_graph_that_takes_ways_is_rated_by_its_mean_request(tmp_path: Path) -> None:
    one = run()
    requests = [5.0] * 40 + [15.0] * 60  # the quick ones, which the pairs are of, and the slow ones
    write(tmp_path, one, measured(one, speedup=2.0, by_request=True, request_ms=requests))
    (row,) = load(tmp_path).rows("toy")
    assert row["speedup"] == pytest.approx(2.0 / 2.2, rel=1e-3)  # the mean request takes 11 ms
    assert row["latency_ms_p50"] == pytest.approx(8.8, rel=1e-3)  # nominal 8 ms over that
    assert row["latency_ms_low"] < 8.8 < row["latency_ms_high"]
    assert row["latency_ms_p99"] == pytest.approx(12.0, rel=1e-3)
    assert row["usd_per_million"] == pytest.approx(0.36 * 8800 / 3600, rel=1e-3)


def test_one_old_record_does_not_hide_that_a_graph_takes_ways(tmp_path: Path) -> None:
    one, two = run(), run(seed=1)
    requests = [5.0] * 40 + [15.0] * 60
    old = measured(one, speedup=2.0, request_ms=requests)
    new = measured(two, speedup=2.0, by_request=True, request_ms=requests)
    (row,) = load(write(tmp_path, one, two, old, new)).rows("toy")
    assert row["speedup"] == pytest.approx(2.0 / 2.2, rel=1e-3)


def test_a_row_says_how_many_of_its_artifacts_were_timed(tmp_path: Path) -> None:
    seeds = [run(seed=seed) for seed in range(3)]
    (row,) = load(write(tmp_path, *seeds, measured(seeds[0]))).rows("toy")
    assert row["timed"] == 1
    assert '<span class="sb-badge">timed 1 of 3</span>' in badges(row)
    (row,) = load(write(tmp_path, *map(measured, seeds[1:]), *seeds)).rows("toy")
    assert row["timed"] == 3
    assert "timed" not in badges(row)


def test_ways_that_were_not_timed_alone_have_no_speed_up(tmp_path: Path) -> None:
    one = run()
    write(tmp_path, one, measured(one, by_request=True, request_ms=[]))
    (row,) = load(tmp_path).rows("toy")
    assert row["speedup"] is None
    assert "none was timed alone" in row["latency_cause"]


def test_a_row_without_measurement_has_latency_pending(tmp_path: Path) -> None:
    (row,) = load(write(tmp_path, run())).rows("toy")
    assert (row["speedup"], row["latency_ms_p50"], row["settled"]) == (None, None, None)


def test_an_operator_the_profile_lacks_is_the_cause_of_a_missing_latency(tmp_path: Path) -> None:
    one = run()
    gone = measured(one, status="not_runnable", cause="not runnable on desk_cpu: Einsum", pairs=[])
    (row,) = load(write(tmp_path, one, gone)).rows("toy")
    assert row["latency_cause"] == "not runnable on desk_cpu: Einsum"
    assert row["speedup"] is None


def test_profiles_are_never_mixed_not_even_two_versions_of_one(tmp_path: Path) -> None:
    one = run()
    newer = profile_block(sha256="q" * 64)
    phone = profile_block("phone")
    write(
        tmp_path,
        one,
        measured(one, 2.0),
        measured(one, 3.0, profile=newer, created="2026-12-01T00:00:00Z"),
        measured(one, 5.0, profile=phone),
    )
    board = load(tmp_path)
    assert board.rows("toy", profile="desk_cpu")[0]["speedup"] == pytest.approx(3.0, rel=1e-3)
    assert board.rows("toy", profile="phone")[0]["speedup"] == pytest.approx(5.0, rel=1e-3)


def test_a_run_that_was_made_again_is_one_try(tmp_path: Path) -> None:
    again = run(key="a" * 64, created="2026-07-01T00:00:00+00:00")
    older = run(method_block=method_block("pruning", version=0))
    write(tmp_path, run(), again, older)
    assert [row["runs_tried"] for row in load(tmp_path).rows("toy")] == [2, 2]


def test_the_reference_has_the_frozen_latency_of_its_own_anchor(tmp_path: Path) -> None:
    reference = run("reference", method_block=method_block("reference"), artifact_sha256="r" * 64)
    other = run("other")
    write(tmp_path, reference, other, measured(other, 2.0))
    row = next(row for row in load(tmp_path).rows("toy") if row["is_reference"])
    assert (row["speedup"], row["latency_ms_p50"], row["latency_ms_p99"]) == (1.0, 8.0, None)
    assert row["usd_per_million"] == pytest.approx(0.36 * 8000 / 3600)
    other = measured(other, 2.0, environment={"anchor_frozen": False})
    write(tmp_path / "drifting", reference, other)
    rows = load(tmp_path / "drifting").rows("toy")
    assert [row["speedup"] for row in rows if row["is_reference"]] == [None]


def test_a_later_folder_replaces_the_same_run_and_adds_others(tmp_path: Path) -> None:
    write(tmp_path / "a", run(quality=0.5))
    write(tmp_path / "b", run(quality=0.9), run("other"))
    rows = load([tmp_path / "a", tmp_path / "b"]).rows("toy")
    assert {row["method"]: row["quality"] for row in rows} == {"pruning": 0.9, "other": 0.94}


def test_limits_are_met_only_when_the_lower_bound_is_within(tmp_path: Path) -> None:
    limits = [
        LimitBlock(quantity="quality", kind="at_least", bound=0.9),
        LimitBlock(quantity="params", kind="at_most", bound=300),
    ]
    task = task_block(limits=limits)
    sure = run("sure", 0.98, task=task)
    close = run("close", 0.91, task=task)
    big = run("big", 0.98, task=task, counts=counts(params=301))
    write(tmp_path, sure, close, big)
    for one, right in ((sure, 98), (close, 91), (big, 98)):
        write_scores(tmp_path, one, right_or_wrong(right))
    states = {row["method"]: row["limits_met"] for row in load(tmp_path).rows("toy")}
    assert states == {"sure": "met", "close": "may meet", "big": "missed"}
    worst = {row["method"]: row["limits_worst"] for row in load(tmp_path).rows("toy")}
    assert worst == {"sure": [], "close": ["quality"], "big": ["params"]}


def test_a_limit_on_an_unknown_quantity_names_it(tmp_path: Path) -> None:
    task = task_block(limits=[LimitBlock(quantity="joy", kind="at_least", bound=1)])
    with pytest.raises(UsageError, match="'joy' of task toy"):
        load(write(tmp_path, run(task=task))).rows("toy")


def test_methods_of_three_seeds_are_tied_by_bootstrap_and_others_shown_not_ranked(
    tmp_path: Path,
) -> None:
    best = [run("best", q, seed=s) for s, q in enumerate((0.94, 0.95, 0.96))]
    near = [run("near", q, seed=s) for s, q in enumerate((0.93, 0.95, 0.955))]
    worse = [run("worse", q, seed=s) for s, q in enumerate((0.80, 0.81, 0.82))]
    once = [run("once", 0.97)]
    write(tmp_path, *best, *near, *worse, *once)
    groups = {row["method"]: row["tie_group"] for row in load(tmp_path).rows("toy")}
    assert groups == {"best": 1, "near": 1, "worse": 2, "once": None}


def test_artifacts_are_tied_by_mcnemar_on_their_own_predictions(tmp_path: Path) -> None:
    first, tied, worse = run("first", 0.95), run("tied", 0.94), run("worse", 0.70)
    write(tmp_path, first, tied, worse)
    for one, right in ((first, 95), (tied, 94), (worse, 70)):
        write_scores(tmp_path, one, right_or_wrong(right))
    groups = {row["method"]: row["artifact_group"] for row in load(tmp_path).rows("toy")}
    assert groups == {"first": 1, "tied": 1, "worse": 2}


def test_retention_is_paired_with_the_reference_scored_on_the_same_examples(tmp_path: Path) -> None:
    reference, entry = run("reference", 0.95), run("entry", 0.94)
    write(tmp_path, reference, entry)
    scores = right_or_wrong(95)
    write_scores(tmp_path, reference, scores)
    scores = scores.copy()
    scores[np.flatnonzero(scores)[0]] = False  # one more error, the rest are the same
    write_scores(tmp_path, entry, scores)
    rows = {row["method"]: row for row in load(tmp_path).rows("toy")}
    assert rows["entry"]["retention_high"] == pytest.approx(1.0)
    assert 0.96 < rows["entry"]["retention_low"] < 0.98
    assert rows["reference"]["retention_low"] == rows["reference"]["retention_high"] == 1.0
    summary = load(tmp_path).table("toy").summary
    assert summary.floor == pytest.approx(1.96 * 0.01 / 0.95, rel=0.01)
    assert 0.96 < summary.headlines["entry", "0.95"].retention_low < 0.98
    assert summary.headlines["reference", "0.95"].retention_low == 1.0


def test_a_metric_that_is_no_mean_over_examples_gets_no_example_interval(tmp_path: Path) -> None:
    one = run(quality=0.5)
    write_scores(write(tmp_path, one), one, right_or_wrong(95))
    (row,) = load(tmp_path).rows("toy")
    assert (row["quality_low"], row["artifact_group"]) == (None, None)


def test_a_metric_where_less_is_better_ranks_and_retains_the_other_way(tmp_path: Path) -> None:
    metric = MetricBlock(name="perplexity", unit="", higher_is_better=False, chance=100.0)
    task = task_block(metric=metric, limits=[])
    write(tmp_path, run("good", 0.95, task=task), run("bad", 1.9, task=task))
    rows = load(tmp_path).rows("toy")
    assert [(r["method"], r["retention"]) for r in rows] == [("good", 1.0), ("bad", 0.5)]
    assert [row["pareto"] for row in rows] == [True, False]


def test_a_reference_that_only_guesses_leaves_a_hypervolume_of_zero(tmp_path: Path) -> None:
    task = task_block(reference=REFERENCE.model_copy(update={"quality_test": 0.1}))
    write(tmp_path, run("pruning", 0.1, task=task))
    found = load(tmp_path).table("toy")
    assert found is not None
    assert found.summary.hypervolumes == {"pruning": (0.0, 0.0, 0.0)}


def test_withdrawn_rows_are_listed_but_neither_ranked_nor_on_the_front(tmp_path: Path) -> None:
    write(tmp_path, run("gone", 0.99, verification="withdrawn"), run("stays", 0.9))
    rows = load(tmp_path).rows("toy")
    assert [(r["method"], r["usable"], r["pareto"]) for r in rows] == [
        ("stays", True, True),
        ("gone", False, False),
    ]


def test_the_front_is_on_latency_once_rows_are_timed_and_on_macs_before(tmp_path: Path) -> None:
    slow = run("slow", 0.94, counts=counts(macs=10))
    fast = run("fast", 0.93, counts=counts(macs=20))
    write(tmp_path, slow, fast)
    assert {r["method"]: r["pareto"] for r in load(tmp_path).rows("toy")} == {
        "slow": True,
        "fast": False,
    }
    write(tmp_path, slow, measured(slow, 1.0))
    write(tmp_path, fast, measured(fast, 4.0))
    assert all(row["pareto"] for row in load(tmp_path).rows("toy"))


def test_the_reproduce_command_survives_hostile_settings_in_a_shell(tmp_path: Path) -> None:
    setting = {"name": "'; rm -rf / #"}
    (row,) = load(write(tmp_path, run(setting=setting, seed=3, scale="full"))).rows("toy", "full")
    words = subprocess.run(
        ["sh", "-c", row["reproduce"].replace("slimbench", "printf '%s\\n'", 1)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert words == [
        "run",
        "toy",
        "pruning",
        "--settings",
        '{"name": "\'; rm -rf / #"}',
        "--seeds",
        "3",
        "--scale",
        "full",
    ]


def test_an_unknown_task_or_profile_is_answered_with_the_nearest_name(tmp_path: Path) -> None:
    board = load(write(tmp_path, run()))
    with pytest.raises(UsageError, match="did you mean toy"):
        board.rows("toi")
    with pytest.raises(UsageError, match="'moon'; known: none"):
        board.rows("toy", profile="moon")


def test_a_record_in_another_tasks_folder_is_refused(tmp_path: Path) -> None:
    write(tmp_path, run())
    (tmp_path / "toy").rename(tmp_path / "moved")
    with pytest.raises(UsageError, match="holds a record of task 'toy'"):
        load(tmp_path).rows("moved")


def test_an_edited_record_is_named_with_its_line(tmp_path: Path) -> None:
    path = write(tmp_path, run(quality=0.94)) / "toy/pruning.standard.jsonl"
    path.write_text(path.read_text().replace("0.94", "0.99"))
    with pytest.raises(UsageError, match=r"pruning.standard.jsonl:1: digest"):
        load(tmp_path).rows("toy")


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nowhere is missing"):
        load(tmp_path / "nowhere")


def test_to_pandas_has_a_line_for_each_row_and_profile(tmp_path: Path) -> None:
    one, two = run(), run("other")
    write(tmp_path, one, two, measured(one), measured(one, profile=profile_block("phone")))
    frame = load(tmp_path).to_pandas()
    assert sorted(zip(frame["method"], frame["profile"], strict=True)) == [
        ("other", "desk_cpu"),
        ("other", "phone"),
        ("pruning", "desk_cpu"),
        ("pruning", "phone"),
    ]


def test_importing_the_leaderboard_is_fast_and_without_torch() -> None:
    code = "import leaderboard, sys; print('torch' in sys.modules or 'pandas' in sys.modules)"
    start = time.perf_counter()
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False"
    assert time.perf_counter() - start < 3.0  # 0.4 s on a quiet machine


def test_one_seed_does_not_stand_for_a_method_that_has_three_elsewhere(tmp_path: Path) -> None:
    lucky = run(quality=0.95, setting={"sparsity": 0.9})
    seeds = [run(quality=0.95, setting={"sparsity": 0.5}, seed=seed) for seed in range(3)]
    write(tmp_path, lucky, measured(lucky, 9.0), *seeds, *(measured(one, 3.0) for one in seeds))
    found = load(tmp_path).table("toy").summary.headlines["pruning", "0.95"]
    assert found.speedup == pytest.approx(3.0, rel=1e-3)
    write(tmp_path / "alone", lucky, measured(lucky, 9.0))
    found = load(tmp_path / "alone").table("toy").summary.headlines["pruning", "0.95"]
    assert found.speedup == pytest.approx(9.0, rel=1e-3)
