"""Throughput, tokenization and natural length on a task's page."""

from __future__ import annotations

from pathlib import Path

import pytest
from board_records import CREATED, measured, run, write

from harness.record import merge_into
from harness.record_studies import PreprocessingRecord
from leaderboard import load
from leaderboard.publish import publish


def page(folder: Path) -> str:
    publish(load(folder / "results"), folder / "site")
    return (folder / "site/tasks/toy.md").read_text()


def test_throughput_is_nominal_requests_a_second_in_the_largest_batch(tmp_path: Path) -> None:
    one, two = run(), run(seed=1)
    slow = measured(one, throughput_batch=16, throughput_pairs=[(10.0, 80.0)])
    fast = measured(two, throughput_batch=32, throughput_pairs=[(10.0, 160.0)])
    write(tmp_path / "results", one, two, slow, fast)
    (row,) = load(tmp_path / "results").rows("toy")
    # 32 requests in 160 ms beside an anchor that took 10 ms, of 8 ms nominal: 128 ms
    assert (row["throughput"], row["throughput_batch"]) == (pytest.approx(250.0), 32)
    assert "requests a second in batches of 32" in page(tmp_path)


def test_a_row_without_batches_has_no_throughput(tmp_path: Path) -> None:
    one = run()
    write(tmp_path / "results", one, measured(one))
    (row,) = load(tmp_path / "results").rows("toy")
    assert (row["throughput"], row["throughput_batch"]) == (None, None)
    assert "Further figures" not in page(tmp_path)


def test_the_reference_at_natural_length_is_said_and_is_no_row(tmp_path: Path) -> None:
    one = run()
    requests = [2.0] * 50 + [10.5] * 50  # a mean of 6.25 ms, where the anchor takes 10
    free = measured(one, 5.0, artifact_sha256="f" * 64, trimmed_length=25.2, request_ms=requests)
    write(tmp_path / "results", one, measured(one), free)
    assert len(load(tmp_path / "results").rows("toy")) == 1
    shown = page(tmp_path)
    assert "own 25.2 positions on average, is <b>1.60\u00d7</b> faster in the mean" in shown
    assert "5.00 ms nominal" in shown  # 8 ms over 1.6


def test_preprocessing_is_shown_with_its_median_and_p99(tmp_path: Path) -> None:
    write(tmp_path / "results", run())
    record = PreprocessingRecord(
        task="toy",
        dataset="words",
        library="tokenizers 1.2",
        request_ms=[0.1] * 97 + [0.5] * 5,
        foreign_load=0.0,
        load_label="quiet",
        created=CREATED,
    )
    merge_into(tmp_path / "results" / "toy" / "preprocessing.standard.jsonl", [record])
    shown = page(tmp_path)
    assert "<b>0.100 ms</b> median, 0.500 ms p99 over 102 test requests" in shown
    assert "tokenizers 1.2, one thread, quiet machine" in shown


def test_a_row_that_answers_some_requests_quicker_shows_both_ways(tmp_path: Path) -> None:
    one = run()
    requests = [5.0] * 90 + [55.0] * 10  # a mean of 10 ms, what the anchor takes
    write(tmp_path / "results", one, measured(one, 2.0, by_request=True, request_ms=requests))
    (row,) = load(tmp_path / "results").rows("toy")
    shown = page(tmp_path)
    assert '<span class="sb-badge">mean request</span>' in shown
    mean = row["latency_ms_p50"]
    assert mean == pytest.approx(8.0, rel=1e-4)
    assert "<td>8.00 ms</td><td>4.00 ms</td><td>90.0%</td><td>44.0 ms</td><td>10.0%</td>" in shown


def test_a_row_timed_as_its_graph_says_so(tmp_path: Path) -> None:
    own, other = run(seed=0), run(seed=1)
    records = tmp_path / "results"
    write(records, own, other, measured(own), measured(other))
    assert "timed with other weights" not in page(tmp_path)
    write(records, other, measured(other, redrawn=True))
    (row,) = load(records).rows("toy")
    assert row["redrawn"] is True
    assert '<span class="sb-badge">timed with other weights</span>' in page(tmp_path)
