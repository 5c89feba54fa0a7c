"""Killed with SIGKILL anywhere, a matrix ends with the same records and no run done twice."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import psutil
import pytest

from harness.record import RunRecord, read_records
from harness.registry import ROOT

TASK = ("run", "mnist_mlp_microcontroller", "--scale", "smoke")
METHODS = ("width_scaled", "static_int8")


@pytest.fixture(autouse=True)
def heeds_ctrl_c():
    """Shells start background jobs deaf to it, and children inherit that."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def start(
    runs: Path, *options: str, methods: Iterable[str] = METHODS, measure: str = "later"
) -> subprocess.Popen[bytes]:
    """The matrix in a process of its own."""
    words = [*TASK, *methods, "--measure", measure, *options]
    command = [sys.executable, "-m", "harness.cli", *words]
    return subprocess.Popen(
        [*command, "--runs", str(runs)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def decided(runs: Path) -> dict[str, tuple[object, ...]]:
    """What must not depend on being killed, by run key."""
    rows = read_records(sorted((runs / "results").glob("*/*.jsonl")))
    return {
        row.key: (row.status, row.quality_test, row.artifact_sha256, row.counts)
        for row in rows
        if isinstance(row, RunRecord)
    }


@pytest.mark.slow
def test_five_kills_at_random_moments_change_nothing_and_repeat_nothing(tmp_path):
    assert start(tmp_path / "whole").wait(600) == 0
    runs = tmp_path / "killed"
    random.seed(5)
    seen: dict[Path, int] = {}
    for _ in range(5):
        process = start(runs)
        time.sleep(random.uniform(4, 25))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for path, when in seen.items():
            assert path.stat().st_mtime_ns == when, f"{path} was written again"
        seen |= {path: path.stat().st_mtime_ns for path in runs.glob("*/*/*/*/record.json")}
    assert start(runs).wait(600) == 0
    for path, when in seen.items():
        assert path.stat().st_mtime_ns == when, f"{path} was written again"
    assert decided(runs) == decided(tmp_path / "whole")


def test_a_killed_command_takes_its_children_with_it(tmp_path):
    file = "tests/methods/never_ends.py"
    process = start(tmp_path / "runs", "--method-file", file, methods=["never_ends"])
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not list(tmp_path.glob("runs/*/never_ends/*/*/solve")):
        time.sleep(0.2)
    family = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGKILL)
    _, alive = psutil.wait_procs(family, timeout=30)  # although nobody has reaped it
    process.wait()
    assert family
    assert not alive


def test_scoring_ends_with_the_command_that_started_it(tmp_path):
    model = tmp_path / "model.onnx"
    os.mkfifo(model)  # reading it takes for ever
    score = [sys.executable, "-m", "harness.artifact.predict", str(model), ".", "1", ".", "test"]
    starts = (
        "import subprocess, time; "
        f"print(subprocess.Popen({score!r}, start_new_session=True).pid, flush=True); "
        "time.sleep(600)"
    )
    command = [sys.executable, "-c", starts]
    with subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE) as parent:
        child = psutil.Process(int(parent.stdout.readline()))
        writer = _opened(model)
        parent.kill()
    gone, _ = psutil.wait_procs([child], timeout=30)
    os.close(writer)
    assert gone


def _opened(fifo: Path) -> int:
    """A writer's end, once somebody reads."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            return os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            time.sleep(0.1)
    raise TimeoutError("nobody opened the model")


def test_two_commands_on_one_folder_share_the_work(tmp_path):
    both = [start(tmp_path / "runs", "--settings", "0,1") for _ in range(2)]
    assert [process.wait(600) for process in both] == [0, 0]
    records = list((tmp_path / "runs").glob("*/*/*/*/record.json"))
    assert len(decided(tmp_path / "runs")) == len(records) == 4


def test_ctrl_c_ends_the_command_and_leaves_whole_records_only(tmp_path):
    process = start(tmp_path / "runs")
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not list(tmp_path.glob("runs/*/*/*/*/record.json")):
        time.sleep(0.2)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the whole group
    assert process.wait(60) == 130
    rows = decided(tmp_path / "runs")
    assert rows
    assert {status for status, *_ in rows.values()} == {"ok"}
    assert not list(tmp_path.glob("runs/results/**/*.part"))


STAGES = {
    "data": ("smoke_data/*", 1),
    "reference": ("*/reference/smoke/weights*", 1),
    "solving": ("*/static_int8/smoke/*/solve", 1),
    "scoring": ("*/*/smoke/*/solve.json", 1),
    "measuring": ("*/*/smoke/*/record.json", 2),
}


@pytest.mark.slow
@pytest.mark.parametrize("stage", STAGES)
def test_ctrl_c_in_any_stage_loses_nothing_and_the_same_command_goes_on(stage, tmp_path):
    pattern, count = STAGES[stage]
    runs = tmp_path / "runs"
    begun = start(runs, "--settings", "0", measure="now")
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and len(list(runs.glob(pattern))) < count:
        time.sleep(0.01)
    family = psutil.Process(begun.pid).children(recursive=True)
    os.killpg(begun.pid, signal.SIGINT)
    assert begun.wait(60) == 130
    assert not psutil.wait_procs(family, timeout=30)[1]
    kept = {path: path.stat().st_mtime_ns for path in runs.glob("*/*/smoke/*/record.json")}
    assert start(runs, "--settings", "0", measure="now").wait(600) == 0
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert [status for status, *_ in decided(runs).values()] == ["ok", "ok"]
    rows = read_records((runs / "results").glob("*/*.jsonl"))
    assert sum(row.kind == "measurement" and row.status == "ok" for row in rows) == 2
