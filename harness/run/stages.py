"""One run from start to record: solve, score, count; each stage is written once and reused.

A run's folder holds `solve.json` + `model.onnx`, `score.json` + `predictions.npz`, `counts.json`
and at last `record.json`. Killed anywhere, the run goes on behind the last whole stage.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness import data, environment, registry
from harness.artifact.check import check_model
from harness.artifact.count import count
from harness.errors import SlimbenchError
from harness.record import (
    Counts,
    DerivedBlock,
    FoundBlock,
    LimitBlock,
    RunRecord,
    TaskBlock,
    parse_line,
    sha256_of,
    to_line,
    write_atomically,
)
from harness.record_row import Cost, MethodBlock, MetricBlock
from harness.registry import MethodListing
from harness.run.locked import locked
from harness.run.place import Prepared, Run
from harness.run.scoring import BESIDE, score
from harness.run.solve import solve
from harness.run.table import hidden_quality
from harness.types import Architecture

LARGEST_ARTIFACT_BYTES = 200 * 10**6


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
        **{name: scored[name] for name in BESIDE if name in scored},
        counts=counts if scored else None,
        found=_found(run, solved.get("found")) if scored else None,
        artifact_sha256=sha256_of(folder / "model.onnx") if scored else None,
        predictions_sha256=sha256_of(folder / "predictions.npz") if scored else None,
        cost=Cost(
            train_macs=solved["train_macs"],
            queries=(solved.get("found") or {}).get("queries", 0),
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
            "data_sha256": run.prepared.data_sha256,
        },
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _found(run: Run, found: dict[str, Any] | None) -> FoundBlock | None:
    """Of what a search found, what a row shows."""
    if found is None:
        return None
    member, look = found["member"], _table_of(run)
    derived = [
        DerivedBlock(share=share, architecture=text, table=look(tuple(one)))
        for share, one, text in found.get("derived", ())
    ]
    return FoundBlock(
        space=found["space"],
        architecture=member["text"],
        quality_when_found=member["quality"],
        cost_of=found["device"],
        cost=member["cost"],
        cost_of_reference=found["reference_cost"],
        search_macs=found["search_macs"],
        table=look(tuple(member["architecture"])),
        derived=derived,
    )


def _table_of(run: Run) -> Callable[[Architecture], dict[str, float]]:
    """What a table of trained architectures says of what was found, where the space has one."""
    task = registry.table_of(run.prepared.task)
    if task is None or run.prepared.scale == "smoke":
        return lambda _: {}
    return hidden_quality(task, run.place.data / task.dataset.name)


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
        write_atomically(path, json.dumps(solve(run)).encode())
    solved: dict[str, Any] = json.loads(path.read_text())
    return solved


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
