"""The guides' code is run: Python blocks as files, commands at smoke scale in an empty folder."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from harness.registry import ROOT

README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, flags=re.DOTALL)
COMMANDS = [
    shlex.split(line, comments=True)
    for kind, text in BLOCKS
    if kind == "console"
    for line in text.splitlines()
]
SMOKE = [words for words in COMMANDS if "smoke" in words]
LONG = [words for words in COMMANDS if "smoke" not in words and words[0] != "make"]


def slimbench(words: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run one command line of the guide in a folder."""
    command = [sys.executable, "-m", "harness.cli", *words[1:]]
    environment = os.environ | {"SLIMBENCH_DATA": str(folder / "none"), "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_the_smallest_method_of_the_readme_runs_and_is_on_its_board(tmp_path):
    (code,) = [text for kind, text in BLOCKS if kind == "python"]
    (tmp_path / "my_method.py").write_text(code)
    assert len(code.splitlines()) <= 25
    assert len(SMOKE) == 2
    for words in SMOKE:
        done = slimbench(words, tmp_path)
        assert done.returncode == 0, done.stderr
    assert "my_method" in done.stdout


def test_every_make_command_of_the_readme_is_a_target():
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    assert {words[1] for words in COMMANDS if words[0] == "make"} <= targets


@pytest.mark.parametrize("words", LONG, ids=" ".join)
def test_the_long_commands_of_the_readme_are_understood(words, tmp_path):
    done = slimbench(words, tmp_path)
    assert done.returncode in (0, 1 if "recommend" in words else 2), done.stderr
    assert "Usage:" not in done.stderr
    assert "Traceback" not in done.stderr
    if done.returncode == 2:
        assert "slimbench data prepare" in done.stderr or "is missing" in done.stderr


def test_every_folder_the_readme_names_is_there():
    named = re.findall(r"^\| `([\w/]+)/` \|", README, flags=re.MULTILINE)
    assert named
    assert all((ROOT / name).is_dir() for name in named)
