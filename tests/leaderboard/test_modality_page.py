"""Time and worth by modality on a task's page."""

from pathlib import Path

from board_records import CREATED, measured, run, write

from harness.record import merge_into
from harness.record_studies import ModalityRecord
from leaderboard import load
from leaderboard.publish import publish


def record(artifact: str, **fields: object) -> ModalityRecord:
    values: dict[str, object] = {
        "task": "toy",
        "task_version": 1,
        "scale": "standard",
        "artifact_sha256": artifact,
        "data_sha256": "d" * 64,
        "examples": 2000,
        "quality": 0.5,
        "without": {"log": 0.4, "picture": 0.15},
        "profile": "desk_cpu",
        "total_ms": 10.0,
        "ms": {"log": 1.0, "picture": 7.0, "fusion": 1.5, "(runtime)": 0.5},
        "created": CREATED,
    }
    return ModalityRecord.model_validate(values | fields)


def page(folder: Path, *records: ModalityRecord) -> str:
    merge_into(folder / "results/toy/modality.standard.jsonl", records)
    publish(load(folder / "results"), folder / "site")
    return (folder / "site/tasks/toy.md").read_text()


def test_time_is_shared_out_and_losses_stand_beside(tmp_path: Path) -> None:
    one = run()
    write(tmp_path / "results", one, measured(one))
    html = page(tmp_path, record(one.artifact_sha256 or ""))
    assert "## By modality" in html
    assert "<td>50.00%</td><td>-10.0</td><td>-35.0</td>" in html
    assert "<td>1.00</td><td>7.00</td><td>1.50</td><td>0.500</td>" in html
    assert 'width="378.0"' in html  # 70% of a bar of 540


def test_a_row_of_two_ways_is_in_the_table_and_has_no_bar(tmp_path: Path) -> None:
    one = run()
    write(tmp_path / "results", one)
    untimed = record(one.artifact_sha256 or "", total_ms=None, ms={}, profile=None)
    html = page(tmp_path, untimed)
    assert "<td>50.00%</td><td>-10.0</td>" in html
    assert "sb-share" not in html


def test_records_of_another_version_or_artifact_are_not_shown(tmp_path: Path) -> None:
    one = run()
    write(tmp_path / "results", one)
    other = record(one.artifact_sha256 or "", profile="phone", total_ms=90.0)
    assert "## By modality" not in page(tmp_path, other)
    html = page(tmp_path, record(one.artifact_sha256 or "", task_version=2), record("e" * 64))
    assert "## By modality" not in html
