"""Head importance and sensitivity on the ablation page, from their record alone."""

from __future__ import annotations

import re
from pathlib import Path

from board_records import CREATED, run, write

from harness.record import merge_into
from harness.record_row import MetricBlock
from harness.record_studies import ProbeBlock, SensitivityRecord
from leaderboard import load
from leaderboard.pages.heat_map import HeatMap, heat_svg
from leaderboard.pages.sensitivity import sections
from leaderboard.publish import publish


def record(reference: str = "r" * 64) -> SensitivityRecord:
    """Two layers of two heads; layer 1 left out costs 10 points, its output pruned 4."""
    return SensitivityRecord(
        task="toy",
        task_version=1,
        scale="standard",
        reference_sha256=reference,
        data_sha256="d" * 64,
        metric=MetricBlock(name="accuracy", unit="fraction", higher_is_better=True, chance=0.5),
        examples=872,
        quality=0.9,
        quality_runtime=0.898,
        heads=[[0.6, 0.8], [1.0, 0.0]],
        batches=50,
        probes=[
            ProbeBlock(change="dropped", layer=0, quality=0.8),
            ProbeBlock(change="dropped", layer=1, quality=0.9),
            ProbeBlock(change="pruned", layer=0, operator="output", share=0.8, quality=0.86),
            ProbeBlock(change="pruned", layer=1, operator="output", share=0.8, quality=0.9),
            ProbeBlock(change="int8", layer=0, quality=0.89),
            ProbeBlock(change="int8", operator="output", quality=0.888),
        ],
        created=CREATED,
    )


def test_each_head_is_a_cell_with_its_importance() -> None:
    drawn = sections(record())[2]
    assert re.findall(r"sb-heat-value[^>]*>([^<]*)<", drawn) == ["0.60", "0.80", "1.00", "0.00"]
    assert re.findall(r'fill-opacity="([^"]*)"', drawn) == ["0.3", "0.4", "0.5", "0.0"]


def test_a_pruned_operator_shows_the_points_it_costs() -> None:
    drawn = "".join(sections(record())[6:])
    assert re.findall(r"sb-heat-value[^>]*>([^<]*)<", drawn) == ["-4.00", "+0.00"]
    assert "80% of one operator" in drawn
    assert "<td>88.80%</td><td>-1.00</td>" in drawn  # against the runtime's own 89.80%


def test_layer_sensitivity_is_a_line_a_change_and_the_unchanged_reference() -> None:
    drawn = sections(record())[5]
    names = re.findall(r"<title>(.*?)</title>", drawn)
    assert names == ["left out", "in static INT8", "unchanged"]


def test_a_value_that_is_not_there_has_no_cell() -> None:
    drawn = heat_svg(HeatMap([[1.0, None]], ["a"], ["1", "2"], "x", "y", str))
    assert drawn.count("<rect") == 1


def test_only_the_reference_of_the_rows_is_drawn(tmp_path: Path) -> None:
    write(tmp_path / "results", run())
    path = tmp_path / "results" / "toy" / "sensitivity.standard.jsonl"
    for reference, drawn in (("s" * 64, False), ("r" * 64, True)):
        merge_into(path, [record(reference)])
        publish(load(tmp_path / "results"), tmp_path / "site")
        page = (tmp_path / "site/tasks/toy-ablation.md").read_text()
        assert ("## Head importance" in page) == drawn
