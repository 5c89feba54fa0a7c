"""The contribution guide followed word for word in a clean clone, then the workflow's steps."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import yaml

from harness.registry import ROOT

pytestmark = pytest.mark.slow
GUIDE = (ROOT / "CONTRIBUTING.md").read_text().partition("## Submit a result")[2]
GUIDE = GUIDE.partition("\n## ")[0]
BLOCKS = re.findall(r"^ *```(\w+)\n(.*?)^ *```", GUIDE, flags=re.DOTALL | re.MULTILINE)
COMMANDS = [
    line.strip() for kind, block in BLOCKS if kind == "console" for line in block.splitlines()
]
WORKFLOW = yaml.safe_load((ROOT / ".github" / "workflows" / "submissions.yml").read_text())
STEPS = WORKFLOW["jobs"]["verify"]["steps"]
GIT = ["git", "-c", "user.name=Test", "-c", "user.email=test@example.org"]


def clone(folder: Path) -> Path:
    """What a stranger gets: the committed and changed files, in a repository of their own."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "main"]):
        subprocess.run([*GIT, *words], cwd=folder, check=True)
    venv = folder / ".venv"
    venv.mkdir()
    (venv / "bin").mkdir()
    (venv / "bin" / "slimbench").write_text(
        f'#!/bin/sh\nPYTHONPATH="{folder}" exec "{sys.executable}" -m harness.cli "$@"\n'
    )
    (venv / "bin" / "slimbench").chmod(0o755)
    (venv / ".installed").touch()
    return folder


def shell(command: str, folder: Path, path: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {
        "PATH": f"{path}:{os.environ['PATH']}",
        "SLIMBENCH_DATA": str(folder / "no-data"),
        "GIT_AUTHOR_NAME": "Test",
        "GIT_AUTHOR_EMAIL": "test@example.org",
        "GIT_COMMITTER_NAME": "Test",
        "GIT_COMMITTER_EMAIL": "test@example.org",
    }
    return subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def followed(tmp_path_factory) -> Path:
    """A clone in which every command of the guide was run, in order."""
    folder = clone(tmp_path_factory.mktemp("workspace") / "head")
    (card,) = [block for kind, block in BLOCKS if kind == "toml"]
    (folder / "card.toml").write_text(textwrap.dedent(card))
    for command in COMMANDS:
        done = shell(command, folder, folder / ".venv" / "bin")
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return folder


def test_the_guide_is_two_commands_between_a_run_and_a_commit():
    words = [command.split()[:2] for command in COMMANDS]
    assert words == [
        ["slimbench", "new"],
        ["slimbench", "run"],
        ["slimbench", "submit"],
        ["slimbench", "verify"],
        ["git", "checkout"],
        ["git", "add"],
        ["git", "commit"],
    ]


def test_the_guide_leads_to_a_commit_with_one_accepted_bundle(followed):
    done = shell("git show --stat --format=%s HEAD", followed, Path("/usr/bin"))
    assert "Submit my_method" in done.stdout
    assert "submissions/my_method.zip" in done.stdout and "1 file changed" in done.stdout


def run_steps(workspace: Path) -> list[subprocess.CompletedProcess[str]]:
    """The `run` steps of the workflow in a workspace with `base` and `head`."""
    done = []
    for step in STEPS:
        if "run" in step:
            done.append(shell(step["run"], workspace, workspace))
            if done[-1].returncode:
                break
    return done


@pytest.fixture(scope="module")
def workspace(followed) -> Path:
    """`head` as the fork left it, hostile code included, and `base` as main is."""
    clone(followed.parent / "base")
    shutil.copytree(followed / "runs", followed.parent / "runs")
    marker = followed.parent / "ran"
    for name in ("harness/__init__.py", "conftest.py", "Makefile", "setup.py"):
        (followed / name).write_text(f"open({str(marker)!r}, 'w')\n")
    return followed.parent


def test_the_workflow_accepts_the_bundle_and_runs_nothing_of_the_head(workspace):
    done = run_steps(workspace)
    assert [one.returncode for one in done] == [0, 0, 0], done[-1].stdout + done[-1].stderr
    assert "my_method.zip: accepted" in done[-1].stdout
    assert not (workspace / "ran").exists()


def test_the_workflow_fails_on_a_hostile_bundle_whatever_its_name(workspace):
    hostile = workspace / "head" / "submissions" / "$(touch ran) '; touch ran;\n.zip"
    hostile.write_bytes(b"no archive")
    done = run_steps(workspace)
    hostile.unlink()
    assert done[-1].returncode != 0
    assert "not a zip file" in done[-1].stdout
    assert not list(workspace.rglob("ran"))


def test_the_workflow_fails_when_published_rows_are_lost(workspace):
    (path, *_) = sorted((workspace / "head" / "leaderboard" / "results").glob("*/*.jsonl"))
    before = path.read_text()
    path.write_text("")
    done = run_steps(workspace)
    path.write_text(before)
    assert done[-1].returncode == 1 and "is gone" in done[-1].stdout


def test_the_workflow_is_safe_for_forks():
    text = (ROOT / ".github" / "workflows" / "submissions.yml").read_text()
    triggers = WORKFLOW[True]  # YAML reads the key `on` as true
    assert list(triggers) == ["pull_request"]
    assert WORKFLOW["permissions"] == {"contents": "read"}
    assert "secrets." not in text and "head.ref" not in text and "title" not in text
    checkouts = [step["with"] for step in STEPS if "checkout" in step.get("uses", "")]
    assert all(one["persist-credentials"] is False for one in checkouts)
    base, head = checkouts
    assert (base["path"], base["ref"]) == ("base", "${{ github.event.pull_request.base.sha }}")
    assert head["path"] == "head" and "submissions" in head["sparse-checkout"]
    commands = [step["run"] for step in STEPS if "run" in step]
    assert all("${{" not in command for command in commands)
    programs = re.findall(r"(?:base|head)/[\w./-]*bin/\w+|make -C \w+", "\n".join(commands))
    assert programs and not any("head" in one for one in programs)
