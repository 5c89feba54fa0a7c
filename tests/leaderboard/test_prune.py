"""Artifacts that leave the repository when it is full: not those that fronts or timings need."""

from __future__ import annotations

from pathlib import Path

import pytest
from board_records import counts, measured, run, write

from leaderboard.__main__ import main

SIZE = 100_000


@pytest.fixture
def stored(tmp_path: Path) -> dict[str, Path]:
    """A row on the fronts, two timed ones behind it, one that is not timed, and a lost one."""
    front = run("front", 0.95, counts=counts(100, 100, 100))
    behind, big = run("behind", 0.90), run("big", 0.80)
    untimed = run("untimed", 0.70)
    write(tmp_path, front, behind, big, untimed, *map(measured, (front, behind, big)))
    files = {}
    for one in (front, behind, big, untimed):
        files[one.method.name] = tmp_path / "toy" / "artifacts" / f"{one.artifact_sha256[:16]}.onnx"
    files["superseded"] = tmp_path / "toy" / "artifacts" / "0123456789abcdef.onnx"
    files["front"].parent.mkdir()
    for name, path in files.items():
        path.write_bytes(b"0" * SIZE * (2 if name == "big" else 1))
    return files


def kept(stored: dict[str, Path], megabytes: float) -> set[str]:
    folder = stored["front"].parents[2]
    assert main(["--results", str(folder), "--prune", str(megabytes)]) == 0
    return {name for name, path in stored.items() if path.is_file()}


def test_what_fits_stays(stored: dict[str, Path]) -> None:
    assert kept(stored, 1.0) == set(stored)


def test_the_largest_row_behind_the_front_goes_first(stored: dict[str, Path]) -> None:
    assert kept(stored, 0.55) == {"front", "behind", "untimed", "superseded"}


def test_fronts_and_untimed_rows_keep_theirs_whatever_they_weigh(
    stored: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert kept(stored, 0.0) == {"front", "untimed"}
    assert "3 artifacts that no Pareto front needs deleted, 0.4 MB" in capsys.readouterr().out


def test_of_several_seeds_on_a_front_the_first_keeps_its_artifact(tmp_path: Path) -> None:
    seeds = [run("front", 0.95, seed=seed) for seed in (0, 1, 2)]
    write(tmp_path, *seeds, *map(measured, seeds))
    folder = tmp_path / "toy" / "artifacts"
    folder.mkdir()
    for one in seeds:
        (folder / f"{one.artifact_sha256[:16]}.onnx").write_bytes(b"0" * SIZE)
    assert main(["--results", str(tmp_path), "--prune", "0"]) == 0
    assert [path.stem for path in folder.iterdir()] == [seeds[0].artifact_sha256[:16]]
