"""Growth of a reference's parts on a task's page: exponents, times, memory."""

from pathlib import Path
from typing import Literal

import pytest
from board_records import CREATED, run, write

from harness.record import merge_into
from harness.record_studies import ComplexityRecord, PointBlock
from leaderboard import load
from leaderboard.pages.complexity import exponent
from leaderboard.publish import publish


def points(part: str, power: float, phase: Literal["training", "serving"]) -> list[PointBlock]:
    """A part whose time is 2 ms at 1,000 items and grows by a power from there."""
    return [
        PointBlock(
            varied="items",
            size=size,
            phase=phase,
            part=part,
            ms=2 * (size / 1000) ** power,
            macs=1e6 * size,
            peak_bytes=1000 * size,
        )
        for size in (1000, 10_000, 100_000, 1_000_000)
    ]


def record(version: int) -> ComplexityRecord:
    return ComplexityRecord(
        task="toy",
        task_version=version,
        steps=87,
        points=[*points("scores", 1.0, "training"), *points("top <10>", 0.5, "serving")],
        foreign_load=0.0,
        load_label="quiet",
        created=CREATED,
    )


def test_the_exponent_is_that_of_the_largest_sizes() -> None:
    sizes = [10, 100, 1000, 10_000]
    assert exponent(
        dict(zip(sizes, [10.0, 100.0, 1000.0, 10_000.0], strict=True))
    ) == pytest.approx(1.0)
    assert exponent(
        dict(zip(sizes, [1e6, 10.0, 10 * 10**0.5, 100.0], strict=True))
    ) == pytest.approx(0.5)
    assert exponent({10: 1.0}) is None


def test_a_task_page_shows_how_its_reference_grows(tmp_path: Path) -> None:
    one = run()
    write(tmp_path / "results", one)
    merge_into(tmp_path / "results/toy/complexity.standard.jsonl", [record(one.task.version)])
    publish(load(tmp_path / "results"), tmp_path / "site")
    html = (tmp_path / "site/tasks/toy.md").read_text()
    assert "## As the data grow" in html
    for shown in (
        "<td>2.00 ms <small>1,000 M</small></td><td>20.0 ms <small>10,000 M</small></td>",
        "<td>0.50</td>",
        "training: an epoch of 87 steps</th><td>1.00</td><td>0.174 s</td><td>1.74 s</td>",
        "<td>100 MB</td><td>1.00 GB</td></tr>",
    ):
        assert shown in html, shown
    assert "top &lt;10&gt;" in html
    assert "87 make an epoch" in html


def test_a_record_of_another_version_is_not_shown(tmp_path: Path) -> None:
    one = run()
    write(tmp_path / "results", one)
    merge_into(tmp_path / "results/toy/complexity.standard.jsonl", [record(one.task.version + 1)])
    publish(load(tmp_path / "results"), tmp_path / "site")
    assert "As the data grow" not in (tmp_path / "site/tasks/toy.md").read_text()
