"""The continuous loop: missing runs become verified rows, once; the workflow commits them."""

import os
import subprocess
from dataclasses import replace

import pytest
import yaml

import leaderboard
from harness import registry
from harness.commands.loop import Order, loop, missing

DIGITS = "mnist_mlp_microcontroller"
WORKFLOW = registry.ROOT / ".github" / "workflows" / "loop.yml"


@pytest.fixture
def order(digits, place, tmp_path):
    results = tmp_path / "board"
    results.mkdir()
    return Order([DIGITS], ["static_int8", "depth_reduced"], [0], 1.0, "smoke", place, results)


def test_what_the_board_lacks_is_run_verified_and_published_once(order, monkeypatch, capsys):
    monkeypatch.setattr("harness.run.timing.default_profile", lambda: None)
    order = replace(order, methods=["static_int8"])
    assert loop(order) == 0
    rows = leaderboard.load(order.results).rows(DIGITS, "smoke")
    assert len(rows) == 3
    assert {row["verification"] for row in rows} == {"verified"}
    assert {row["runs_tried"] for row in rows} == {3}
    capsys.readouterr()
    assert loop(order) == 0
    assert capsys.readouterr().out.startswith("0 runs have no row")


def test_first_seeds_come_before_second_ones_and_the_hours_end_it(order, capsys):
    order = replace(order, seeds=[4, 5], hours=0.0)
    assert [run.seed for run in missing(order)] == [4] * 6 + [5] * 6
    assert loop(order) == 0
    assert "12 runs wait" in capsys.readouterr().out
    assert leaderboard.load(order.results).tasks() == []


def test_the_workflow_commits_new_rows_and_starts_the_site(tmp_path):
    steps = yaml.safe_load(WORKFLOW.read_text())["jobs"]["loop"]["steps"]
    (commit,) = [step["run"] for step in steps if step.get("name") == "Commit the new rows"]
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "gh").write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/gh\n')
    (tools / "gh").chmod(0o755)
    environment = os.environ | {"PATH": f"{tools}:{os.environ['PATH']}"}

    def git(*words, where):
        quiet = ["git", "-c", "user.name=a", "-c", "user.email=a@b", *words]
        return subprocess.run(quiet, cwd=where, check=True, capture_output=True, text=True).stdout

    origin, clone = tmp_path / "origin", tmp_path / "clone"
    git("init", "--quiet", "--bare", "--initial-branch=main", str(origin), where=tmp_path)
    git("clone", "--quiet", str(origin), str(clone), where=tmp_path)
    rows = clone / "leaderboard" / "results"
    rows.mkdir(parents=True)
    (rows / "a.jsonl").write_text("{}\n")
    git("checkout", "-q", "-b", "main", where=clone)
    git("add", ".", where=clone)
    git("commit", "-qm", "first", where=clone)
    git("push", "-q", "origin", "main", "-u", where=clone)
    for _ in range(2):  # the second time there is nothing new
        (rows / "b.jsonl").write_text("{}\n")
        subprocess.run(["bash", "-c", commit], cwd=clone, env=environment, check=True)
    assert git("log", "--format=%s", "main", where=origin).split("\n")[:2] == [
        "Rows of the continuous loop",
        "first",
    ]
    assert (tmp_path / "gh").read_text() == "workflow run pages.yml\n"
