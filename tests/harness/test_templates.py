"""`slimbench new`: what it writes runs as it is."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness.registry import ROOT


@pytest.fixture
def repository(tmp_path):
    """A copy of the code, where a task may be written."""
    for name in ("harness", "tasks", "baselines", "leaderboard"):
        skipped = shutil.ignore_patterns("results", "__pycache__", "predictors")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=skipped)
    return tmp_path


def slimbench(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(folder), "SLIMBENCH_DATA": str(folder / "none")}
    command = [sys.executable, "-m", "harness.cli", *words]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_a_new_task_runs_and_is_on_its_board(repository):
    written = slimbench(repository, "new", "task", "toy_digits")
    assert written.returncode == 0, written.stderr
    words = ("width_scaled", "--scale", "smoke", "--settings", "0", "--measure", "later")
    done = slimbench(repository, "run", "toy_digits", *words)
    assert done.returncode == 0, done.stderr
    board = slimbench(repository, "board", "toy_digits", "--scale", "smoke")
    assert "width_scaled" in board.stdout, board.stderr
    assert "nown flaws" in (repository / "tasks/toy_digits/README.md").read_text()
    again = slimbench(repository, "new", "task", "toy_digits")
    assert (again.returncode, "is there already" in again.stderr) == (2, True)
