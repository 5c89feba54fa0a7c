"""One run from start to record: solve, score, count; each stage is written once and reused.

A run's folder holds `solve.json` + `model.onnx`, `score.json` + `predictions.npz`, `counts.json`
and at last `record.json`. Killed anywhere, the run goes on behind the last whole stage.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness import data, environment
from harness.artifact.check import check_model
from harness.artifact.count import count
from harness.errors import SlimbenchError, UsageError
from harness.record import (
    Cost,
    Counts,
    LimitBlock,
    MethodBlock,
    MetricBlock,
    ReferenceBlock,
    RunRecord,
    Status,
    TaskBlock,
    parse_line,
    sha256_of,
    to_line,
    write_atomically,
)
from harness.registry import MethodListing
from harness.run import process
from harness.run.job import Job, Solved, start
from harness.run.locked import locked
from harness.run.scoring import score
from harness.types import Budget, Scale, Setting, Task

LARGEST_ARTIFACT_BYTES = 200 * 10**6
TRAINING_LOOP = 1


@dataclass(frozen=True)
class Place:
    """Where runs, data and records lie, and what hardware solves them."""

    runs: Path
    data: Path
    results: Path
    device: str = "cpu"
    threads: int = 2

    def reference_of(self, task: Task) -> Path:
        """Where the frozen reference lies: with the task, or with the runs if it is a variant."""
        return self.runs / task.name / "reference" / "trained" if task.checkpoint else task.folder

    def threads_for(self, task: Task) -> int:
        """The given threads, capped by the task."""
        return min(self.threads, task.threads or self.threads)


@dataclass(frozen=True)
class Prepared:
    """A task made ready at one scale: its data folder and its frozen reference."""

    task: Task
    scale: Scale
    data: Path
    data_sha256: str
    reference: Path
    shape: dict[str, Any]
    block: ReferenceBlock
    anchor: Path


@dataclass(frozen=True)
class Run:
    """One cell of the matrix."""

    prepared: Prepared
    method: MethodListing
    setting: Setting
    seed: int
    place: Place
    budget: Budget = field(init=False)

    def __post_init__(self) -> None:
        budget = self.prepared.task.budgets[self.prepared.scale]
        if self.setting.get("budget") == "reference":
            if not self.method.small_baseline:
                raise UsageError(
                    "only small baselines may ask for the reference's compute, not "
                    f"'{self.method.name}'"
                )
            budget = reference_budget(self.prepared, budget)
        object.__setattr__(self, "budget", budget)

    @property
    def key(self) -> str:
        """SHA-256 over everything that decides the solution."""
        prepared = self.prepared
        parts = {
            "task": [prepared.task.name, prepared.task.version],
            "reference": prepared.block.sha256,
            "data": prepared.data_sha256,
            "method": [self.method.name, self.method.version],
            "file": self.method.source_sha256 if self.method.family == "submitted" else None,
            "setting": dict(self.setting),
            "seed": self.seed,
            "scale": prepared.scale,
            "budget": _stated(self.budget),
            "device": self.place.device,
            "precision": environment.precision(self.place.device),
            "training_loop": TRAINING_LOOP,
        }
        return sha256_of(json.dumps(parts, sort_keys=True).encode())

    @property
    def threads(self) -> int:
        """Threads to train and score on."""
        return self.place.threads_for(self.prepared.task)

    @property
    def folder(self) -> Path:
        """The run's own folder."""
        name = self.prepared.task.name
        return self.place.runs / name / self.method.name / self.prepared.scale / self.key[:16]


def _stated(budget: Budget) -> dict[str, Any]:
    """The budget as keys have always hashed it; a limit that came later counts where it is set."""
    parts = asdict(budget)
    if budget.most_epochs is None:
        del parts["most_epochs"]
    return parts


def reference_budget(prepared: Prepared, budget: Budget) -> Budget:
    """The budget plus the compute that trained the reference, which compression inherits.

    At smoke scale, where the reference is a toy, simply twice the budget.
    """
    if budget.train_macs is None:
        return budget
    smoke = prepared.scale == "smoke"
    whole = budget.train_macs + (budget.train_macs if smoke else prepared.task.reference_train_macs)
    seconds = budget.wall_seconds * whole / budget.train_macs
    return replace(budget, train_macs=whole, wall_seconds=seconds)


def execute(run: Run, saved: Callable[[], object] = lambda: None) -> tuple[RunRecord, bool]:
    """The run's record, and whether it was there already. A failed run is a record too.

    `saved()` is called after each stage, when its files are written.
    """
    run.folder.mkdir(parents=True, exist_ok=True)
    with locked(run.folder / "lock"):
        done = run.folder / "record.json"
        if done.is_file():
            record = parse_line(done.read_text(), str(done))
            assert isinstance(record, RunRecord)
            return record, True
        record = _stages(run, saved)
        write_atomically(done, to_line(record).encode())
        return record, False


def _stages(run: Run, saved: Callable[[], object]) -> RunRecord:
    begin = time.monotonic()
    folder = run.folder
    solved = _solve(run)
    saved()
    scored: dict[str, Any] = {}
    counts: Counts | None = None
    status, cause = solved["status"], solved["cause"]
    if status == "ok":
        try:
            largest = max(LARGEST_ARTIFACT_BYTES, 2 * run.prepared.block.size_bytes)
            check_model(folder / "model.onnx", largest)
            counts = _count(folder)
            scored = _score(run)
            saved()
        except (SlimbenchError, ValueError, TypeError, KeyError) as error:
            status, cause = "invalid_model", str(error)
    if status != "ok":
        _check_space(folder, solved["status"] == "ok")
    spent = solved["seconds"] + scored.get("seconds", 0.0)
    return RunRecord(
        key=run.key,
        task=task_block(run.prepared),
        method=method_block(run.method),
        setting=dict(run.setting),
        seed=run.seed,
        scale=run.prepared.scale,
        status=status,
        cause=cause,
        quality_test=scored.get("quality_test"),
        quality_validation=scored.get("quality_validation"),
        slices_test=scored.get("slices_test", {}),
        figures_test=scored.get("figures_test", {}),
        counts=counts if scored else None,
        artifact_sha256=sha256_of(folder / "model.onnx") if scored else None,
        predictions_sha256=sha256_of(folder / "predictions.npz") if scored else None,
        cost=Cost(
            train_macs=solved["train_macs"],
            solve_seconds=solved["seconds"],
            cpu_seconds=solved["cpu_seconds"],
            score_seconds=scored.get("seconds", 0.0),
            other_seconds=max(0.0, time.monotonic() - begin - spent),
            peak_rss_bytes=solved["peak_rss_bytes"],
        ),
        environment=environment.facts()
        | {
            "sandbox": solved["sandbox"],
            "device": run.place.device,
            "precision": environment.precision(run.place.device),
            "threads": run.threads,
        },
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _check_space(folder: Path, is_solved: bool) -> None:
    """A full disk is nobody's failed row: raise SlimbenchError, and let what failed be repeated."""
    try:
        environment.check_space(folder)
    except SlimbenchError:
        if not is_solved:
            (folder / "solve.json").unlink(missing_ok=True)
        raise


def _solve(run: Run) -> dict[str, Any]:
    path = run.folder / "solve.json"
    if not path.is_file():
        write_atomically(path, json.dumps(_solve_now(run)).encode())
    solved: dict[str, Any] = json.loads(path.read_text())
    return solved


def _solve_now(run: Run) -> dict[str, Any]:
    out = run.folder / "solve"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    job = Job(
        task=run.prepared.task.name,
        method_file=str(run.method.path.resolve()),
        setting={name: value for name, value in run.setting.items() if name != "budget"},
        seed=run.seed,
        budget=asdict(run.budget),
        shape=run.prepared.shape,
        device=run.place.device,
        threads=run.threads,
        data=str(run.prepared.data),
        reference=str(run.prepared.reference),
        out=str(out),
        hidden=(
            str(run.place.results),
            str(run.place.runs),
            str(run.place.data),
        ),
        checkpoint=checkpoint_of(run.prepared.task),
    )
    ended = process.run_child(start, job, run.budget, out / "log.txt")
    if (out / "log.txt").is_file():
        shutil.move(out / "log.txt", run.folder / "log.txt")
    written = [out / name for name in ("log.txt", "model.onnx", "solve.json")]
    if any(path.is_symlink() for path in written):
        cause = "the method left a link where a file belongs"
        return asdict(Solved(status="failed", cause=cause, seconds=ended.seconds))
    if ended.status or not (out / "solve.json").is_file():
        status: Status = ended.status or "crashed"  # type: ignore[assignment]
        cause = ended.cause or "the process ended without a result; see log.txt in its folder"
        return asdict(Solved(status=status, cause=cause, seconds=ended.seconds))
    if (out / "model.onnx").is_file():
        shutil.move(out / "model.onnx", run.folder / "model.onnx")
    try:
        solved = Solved(**json.loads((out / "solve.json").read_text()))
    except (ValueError, TypeError):
        solved = Solved(status="failed", cause="the method changed solve.json")
    solved.seconds = ended.seconds
    shutil.rmtree(out, ignore_errors=True)
    return asdict(solved)


def checkpoint_of(task: Task) -> str | None:
    """The folder of a variant's pretrained weights, for a Job."""
    return str(task.checkpoint) if task.checkpoint else None


def _count(folder: Path) -> Counts:
    path = folder / "counts.json"
    if not path.is_file():
        write_atomically(path, count(folder / "model.onnx").model_dump_json().encode())
    return Counts.model_validate_json(path.read_text())


def _score(run: Run) -> dict[str, Any]:
    path = run.folder / "score.json"
    if not path.is_file():
        scored = score(run.prepared.task, run.prepared.data, run.folder, run.threads)
        write_atomically(path, json.dumps(scored).encode())
    result: dict[str, Any] = json.loads(path.read_text())
    return result


def task_block(prepared: Prepared) -> TaskBlock:
    """The task's part of a record."""
    task = prepared.task
    return TaskBlock(
        name=task.name,
        version=task.version,
        title=task.title,
        modality=task.modality,
        metric=MetricBlock(**vars(task.metric)),
        limits=[LimitBlock(**vars(limit)) for limit in task.limits],
        test_examples=len(data.load_split(prepared.data, "test")),
        reference=prepared.block,
    )


def method_block(method: MethodListing) -> MethodBlock:
    """The method's part of a record."""
    return MethodBlock(
        name=method.name,
        version=method.version,
        family=method.family,
        source=method.source,
        source_sha256=method.source_sha256,
        small_baseline=method.small_baseline,
    )
