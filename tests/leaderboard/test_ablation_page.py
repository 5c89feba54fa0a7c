"""The ablation page: which variant it names under which constraint, from records alone."""

from __future__ import annotations

import re
from pathlib import Path

from board_records import counts, failed, measured, method_block, run, task_block, write

from harness.record import LimitBlock, MeasurementRecord, RunRecord
from leaderboard import load
from leaderboard.pages.ablation_page import ablation_page, bounds

LIMITS = [
    LimitBlock(quantity="retention", kind="at_least", bound=0.99),
    LimitBlock(quantity="size_bytes", kind="at_most", bound=1500),
]


def shown(folder: Path, *records: RunRecord | MeasurementRecord) -> list[list[str]]:
    """The page's lines of table cells, and paragraphs as lines of one, without tags."""
    write(folder, *records)
    table = load(folder).table("toy")
    assert table is not None
    body = ablation_page(table).replace("<br>", " at ")
    lines = re.findall(r"<tr.*?</tr>|<p>.*?</p>", body)
    cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", line) or [line] for line in lines]
    return [[re.sub(r"<.*?>", "", cell) for cell in line] for line in cells]


def variants(limits: list[LimitBlock]) -> list[RunRecord | MeasurementRecord]:
    """A reference of 8 ms and 2000 B, a fast big one, a small poor one; the pictures' points."""
    task = task_block(limits=limits)
    own = method_block("reference", family="reference")
    runs = [
        run(
            "reference",
            0.95,
            task=task,
            method_block=own,
            setting={},
            counts=counts(1000, 500, 2000),
        ),
        run("fast", 0.945, task=task, setting={"k": 1}, counts=counts(400, 250, 1800)),
        run("small", 0.94, task=task, setting={"k": 2}, counts=counts(500, 250, 100)),
    ]
    speeds = (1.0, 4.0, 2.1)
    return [*runs, *(measured(one, speed) for one, speed in zip(runs, speeds, strict=True))]


def test_the_cheapest_row_of_each_cost_is_named_by_the_quality_it_keeps(tmp_path: Path) -> None:
    lines = shown(tmp_path, *variants([]))
    cheapest = {line[0]: line[1:] for line in lines if line[0].startswith("≥")}
    assert cheapest["≥ 99% of the reference"] == [
        *("fast k 1 at 2.00 ms", "fast k 1 at 1.80 kB", "fast k 1 at 400 MACs")
    ]
    assert cheapest["≥ 97% of the reference"] == [
        *("fast k 1 at 2.00 ms", "small k 2 at 100 B", "fast k 1 at 400 MACs")
    ]


def test_the_best_row_is_named_under_each_pair_of_bounds(tmp_path: Path) -> None:
    lines = shown(tmp_path, *variants(LIMITS))
    start = next(i for i, line in enumerate(lines) if line[0] == "File")
    assert lines[start][1:] == ["any", "≤ 4 ms", "≤ 2 ms", "≤ 0.800 ms", "≤ 0.200 ms"]
    grid = {line[0]: line[1:] for line in lines[start + 1 : start + 7]}
    assert grid["any"][:2] == ["reference default at 95.00%", "fast k 1 at 94.50%"]
    assert grid["≤ 1.50 kB"][:3] == [
        "small k 2 at 94.00%",
        "small k 2 at 94.00%",
        "no row keeps it",
    ]
    assert grid["≤ 50 B"] == ["no row keeps it"] * 5


def test_the_tasks_own_limits_are_answered_or_the_nearest_row_is_named(tmp_path: Path) -> None:
    missed = [line[0] for line in shown(tmp_path / "a", *variants(LIMITS)) if len(line) == 1]
    assert any("No row keeps the task's limits" in said for said in missed)
    assert any("small k 2 comes nearest" in said for said in missed)
    kept = [line[0] for line in shown(tmp_path / "b", *variants(LIMITS[:1])) if len(line) == 1]
    assert any("Within the task's limits (retention ≥ 99.0%): reference" in said for said in kept)


def test_bounds_are_the_tasks_limit_and_shares_of_the_reference() -> None:
    rows = [{"is_reference": True, "size_bytes": 90_332_620}]
    found = bounds(rows, task_block(limits=[LIMITS[1]]), "size_bytes")
    assert found == [None, 45e6, 23e6, 9e6, 2.3e6, 1500]


def test_variants_without_a_time_or_a_result_are_shown_as_far_as_they_go(tmp_path: Path) -> None:
    lines = shown(tmp_path, run("slim", 0.94), failed("broken"))
    names = [line[0] for line in lines]
    assert "slim sparsity 0.5" in names
    assert not any("broken" in name for name in names)
    assert "File" not in names  # nothing is timed
    assert "1 variants by 1 methods" in names[0]


def test_the_task_page_leads_to_the_ablation(tmp_path: Path) -> None:
    from leaderboard.publish import publish

    write(tmp_path / "results", run())
    publish(load(tmp_path / "results"), tmp_path / "site")
    assert 'href="toy-ablation.html"' in (tmp_path / "site/tasks/toy.md").read_text()
    assert 'href="toy.html"' in (tmp_path / "site/tasks/toy-ablation.md").read_text()
