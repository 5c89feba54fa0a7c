"""Stage 1 of a run: a child solves under limits; a search comes first where the method is one."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from harness.record import write_atomically
from harness.record_row import Status
from harness.run import process
from harness.run.job import Job, Solved, start
from harness.run.locked import locked
from harness.run.place import Run
from harness.types import Budget, Task


def solve(run: Run) -> dict[str, Any]:
    """Solve and export in a child; `model.onnx` and `log.txt` are left in the run's folder."""
    if not run.is_search:
        return asdict(_in_child(_job(run), run.budget, run.folder))
    searched = search(run)
    if searched.status != "ok" or searched.found is None:
        return asdict(searched)
    limit = run.setting["limit"] * searched.found["reference_cost"]
    member = chosen(searched.found["members"], limit)
    job = replace(_job(run), kind="train", architecture=tuple(member["architecture"]))
    trained = _in_child(job, run.budget, run.folder)
    spent = {
        name: getattr(trained, name) + getattr(searched, name)
        for name in ("train_macs", "seconds", "cpu_seconds")
    }
    found = {name: value for name, value in searched.found.items() if name != "members"}
    found |= {"member": member, "search_macs": searched.train_macs}
    return asdict(replace(trained, found=found, **spent))


def search(run: Run) -> Solved:
    """What the run's search found, done now or by another run with the same search.

    Only a search that ended well is kept: a full disk or an interrupt is nobody's last word.
    """
    folder = run.search_folder
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / "lock"):
        path = folder / "search.json"
        if path.is_file():
            return Solved(**json.loads(path.read_text()))
        searched = _search_now(run, folder)
        if searched.status == "ok":
            write_atomically(path, json.dumps(asdict(searched)).encode())
        return searched


def _search_now(run: Run, folder: Path) -> Solved:
    found = run.prepared.task.search
    assert found is not None
    macs = found.search_macs[run.prepared.scale]
    longer = max(1.0, macs / (run.budget.train_macs or macs))
    budget = replace(run.budget, train_macs=macs, wall_seconds=longer * run.budget.wall_seconds)
    one_for_all = "trade_off" in run.method.modalities
    job = replace(
        _job(run),
        kind="search",
        budget=asdict(budget),
        limit=None if one_for_all else run.setting["limit"],
    )
    return _in_child(job, budget, folder)


def chosen(members: list[dict[str, Any]], limit: float) -> dict[str, Any]:
    """The member of best validation quality within the limit, else the cheapest of all."""
    within = [one for one in members if one["cost"] <= limit]
    if not within:
        return min(members, key=lambda one: float(one["cost"]))
    return max(within, key=lambda one: -1.0 if one["quality"] is None else float(one["quality"]))


def _job(run: Run) -> Job:
    place, prepared = run.place, run.prepared
    return Job(
        task=prepared.task.name,
        method_file=str(run.method.path.resolve()),
        setting={k: v for k, v in run.setting.items() if k not in ("budget", "limit", "cost")},
        seed=run.seed,
        budget=asdict(run.budget),
        shape=prepared.shape,
        device=place.device,
        threads=run.threads,
        data=str(prepared.data),
        reference=str(prepared.reference),
        out="",
        hidden=(str(place.results), str(place.runs), str(place.data)),
        checkpoint=checkpoint_of(prepared.task),
        cost_of=run.cost_of,
    )


def _in_child(job: Job, budget: Budget, folder: Path) -> Solved:
    """What the child reported; its log and model go into `folder`, `solve/` is its own."""
    out = folder / "solve"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    ended = process.run_child(start, replace(job, out=str(out)), budget, out / "log.txt")
    if (out / "log.txt").is_file():
        shutil.move(out / "log.txt", folder / "log.txt")
    written = [out / name for name in ("log.txt", "model.onnx", "solve.json")]
    if any(path.is_symlink() for path in written):
        cause = "the method left a link where a file belongs"
        return Solved(status="failed", cause=cause, seconds=ended.seconds)
    if ended.status or not (out / "solve.json").is_file():
        status: Status = ended.status or "crashed"  # type: ignore[assignment]
        cause = ended.cause or "the process ended without a result; see log.txt in its folder"
        return Solved(status=status, cause=cause, seconds=ended.seconds)
    if (out / "model.onnx").is_file():
        shutil.move(out / "model.onnx", folder / "model.onnx")
    try:
        solved = Solved(**json.loads((out / "solve.json").read_text()))
    except (ValueError, TypeError):
        solved = Solved(status="failed", cause="the method changed solve.json")
    solved.seconds = ended.seconds
    shutil.rmtree(out, ignore_errors=True)
    return solved


def checkpoint_of(task: Task) -> str | None:
    """The folder of a variant's pretrained weights, for a Job."""
    return str(task.checkpoint) if task.checkpoint else None
