"""Whether one board's conclusions hold on another: rows on both, their order, reversed winners."""

from pathlib import Path
from typing import Any

import pytest
from board_records import measured, method_block, run, task_block, write

from leaderboard import load, publish, published
from leaderboard.carried import carried


def row(method: str, kept: float, half: float | None = 0.01, **fields: Any) -> dict[str, Any]:
    return {
        "method": method,
        "method_version": 1,
        "setting": {"width": 0.5},
        "usable": True,
        "is_reference": False,
        "retention": kept,
        "retention_low": None if half is None else kept - half,
        "retention_high": None if half is None else kept + half,
    } | fields


def test_winners_are_compared_where_both_boards_settle_them() -> None:
    first = [row("a", 0.9), row("b", 0.8), row("c", 0.7), row("d", 0.6, None)]
    second = [row("a", 0.5), row("b", 0.6), row("c", 0.4), row("d", 0.1, None)]
    found = carried(first, second)
    assert [pair[0]["method"] for pair in found.pairs] == ["a", "b", "c", "d"]
    assert found.settled == 3  # d has no range, so nothing is settled about it
    assert [(a[0]["method"], b[0]["method"]) for a, b in found.reversed] == [("a", "b")]
    assert found.correlation == pytest.approx(0.8)  # ranks 4 3 2 1 and 3 4 2 1


def test_beating_a_row_that_is_far_below_is_counted_apart() -> None:
    first = [row("a", 1.0), row("b", 0.95), row("far", 0.2)]
    second = [row("a", 0.92), row("b", 0.98), row("far", 0.1)]
    found = carried(first, second)
    assert (found.settled, len(found.reversed)) == (3, 1)
    assert (found.contended, found.contended_reversed) == (1, 1)


def test_ranges_that_overlap_on_one_board_settle_nothing() -> None:
    found = carried([row("a", 0.9), row("b", 0.8)], [row("a", 0.5), row("b", 0.51)])
    assert (found.settled, found.reversed, found.correlation) == (0, [], None)


def test_other_settings_versions_references_and_unusable_rows_are_not_compared() -> None:
    first = [row("a", 0.9), row("b", 0.8), row("reference", 1.0, is_reference=True)]
    first += [row("c", 0.7), row("d", 0.6)]
    second = [row("a", 0.9, setting={"width": 1.0}), row("b", 0.8, method_version=2)]
    second += [row("reference", 1.0, is_reference=True)]
    second += [row("d", 0.6, usable=False)]
    assert carried(first, second).pairs == []


def page_of_two(folder: Path) -> tuple[str, str]:
    for task in ("toy", "toy_again"):
        block = task_block(task, title=f"<{task}>")
        reference = run("reference", 0.95, task=block, method_block=method_block("reference"))
        fast = run("fast", 0.9, task=block)
        write(folder / "results", reference, fast, measured(fast, 4.0))
    publish.publish(load(folder / "results"), folder / "site")
    return tuple((folder / f"site/tasks/{one}.md").read_text() for one in ("toy", "toy_again"))


def test_a_page_says_what_carried_over_and_the_two_pages_link(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "toy_again.toml").write_text('repeats = "toy"\n')
    for name in ("repeats_of", "repeated_by"):
        known = getattr(published, name)
        monkeypatch.setattr(publish, name, lambda task, known=known: known(task, tmp_path))
    first, second = page_of_two(tmp_path)
    assert "## Do the conclusions carry over?" not in first
    assert '<a href="toy_again.html">toy_again</a>' in first
    assert 'repeats <a href="toy.html">&lt;toy&gt;</a>' in second
    assert "1 rows stand on both boards." in second
    assert "<td>94.7%</td><td>94.7%</td>" in second
    won = "most is kept by fast <small>sparsity 0.5</small> (94.7%); fastest"
    assert f"&lt;toy&gt;: {won}" in second and f"&lt;toy_again&gt;: {won}" in second


def test_tasks_that_repeat_another_name_one_that_exists() -> None:
    assert published.repeats_of("toys_graph_recommendation") == "beauty_graph_recommendation"
    assert published.repeated_by("fraud_late_fusion") == ["fraud_late_fusion_spliced"]
    assert published.repeats_of("mnist_mlp_microcontroller") is None
