"""One run as it travels to another machine, and what that machine does with it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import environment, registry
from harness.errors import SlimbenchError
from harness.measure.profile import load_profile
from harness.record import RunRecord, parse_line, sha256_of, to_line, write_atomically
from harness.run import timing
from harness.run.locked import locked
from harness.run.place import Place, Prepared, Run
from harness.run.prepare import prepare
from harness.run.stages import execute
from harness.run.store import Store
from harness.types import Scale

CODE = ("harness", "tasks", "baselines")


@dataclass(frozen=True)
class Cell:
    """A run in plain values; `method_file` is the text of a file that came by path."""

    task: str
    scale: Scale
    method: str
    setting: Mapping[str, Any]
    seed: int
    key: str
    device: str
    threads: int
    method_file: str | None = None

    @property
    def folder(self) -> str:
        """The run's folder in the store and below any runs folder."""
        return f"{self.task}/{self.method}/{self.scale}/{self.key[:16]}"


def cell_of(run: Run) -> Cell:
    """The run as plain values."""
    submitted = run.method.family == "submitted"
    return Cell(
        task=run.prepared.task.name,
        scale=run.prepared.scale,
        method=run.method.name,
        setting=dict(run.setting),
        seed=run.seed,
        key=run.key,
        device=run.place.device,
        threads=run.place.threads,
        method_file=run.method.path.read_text() if submitted else None,
    )


def offer(store: Store, prepared: Prepared, place: Place) -> None:
    """Put a task's data set and exported reference into the store, if they are not there."""
    smoke = prepared.scale == "smoke"
    kind = "smoke_data" if smoke else "data"
    store.push(prepared.data, f"{kind}/{prepared.task.dataset.name}")
    table = registry.table_of(prepared.task)
    if table is not None and not smoke:
        store.push(place.data / table.dataset.name, f"data/{table.dataset.name}")
    if not store.is_folder(place.runs):
        kinds = [prepared.scale, *(["trained"] if prepared.task.checkpoint else [])]
        for name in [f"{prepared.task.name}/reference/{kind}" for kind in kinds]:
            store.push(place.runs / name, name)


def solve(cell: Cell, store: Store, cache: Path) -> str:
    """Run a cell below this node's `cache`, stage by stage into the store; the record's line."""
    run = _run(cell, store, cache)
    store.pull(cell.folder, run.folder)
    record, _ = execute(run, saved=lambda: store.push(run.folder, cell.folder))
    store.push(run.folder, cell.folder)
    shutil.rmtree(run.folder)
    return to_line(record)


def measure(cell: Cell, store: Store, cache: Path, profile: str) -> str | None:
    """Time a finished cell on this node; the measurement's line, or None for a failed run."""
    run = _run(cell, store, cache)
    store.pull(cell.folder, run.folder)
    path = run.folder / "record.json"
    record = parse_line(path.read_text(), str(path))
    assert isinstance(record, RunRecord)
    found = timing.measure_run(run, record, load_profile(profile))
    store.push(run.folder, cell.folder)
    shutil.rmtree(run.folder)
    return to_line(found) if found else None


def facts() -> dict[str, Any]:
    """What the nodes of one matrix must have in common: code and number format."""
    files = sorted(path for name in CODE for path in (registry.ROOT / name).rglob("*.py"))
    hashes = "".join(sha256_of(path) for path in files)
    return {
        "code": sha256_of(hashes.encode())[:16],
        "precision": environment.precision("cpu"),
        "runtime": environment.versions().get("onnxruntime"),
    }


def _run(cell: Cell, store: Store, cache: Path) -> Run:
    """The cell as a run below `cache`, with data and reference fetched once a node."""
    place = Place(cache / "runs", cache / "data", cache / "results", cell.device, cell.threads)
    task = registry.find_variant(cell.task)
    smoke = cell.scale == "smoke"
    kind, folder = ("smoke_data", place.runs / "smoke_data") if smoke else ("data", place.data)
    with locked(cache / "fetching"):
        store.pull(f"{kind}/{task.dataset.name}", folder / task.dataset.name)
        table = registry.table_of(task)
        if table is not None and not smoke:
            store.pull(f"data/{table.dataset.name}", place.data / table.dataset.name)
        for part in [cell.scale, "trained"]:
            reference = f"{cell.task}/reference/{part}"
            store.pull(reference, place.runs / reference)
    files = []
    if cell.method_file is not None:
        files = [cache / "methods" / cell.key[:16] / f"{cell.method}.py"]
        write_atomically(files[0], cell.method_file.encode())
    prepared = prepare(task, cell.scale, place)
    method = registry.find_method(cell.method, files)
    run = Run(prepared, method, cell.setting, cell.seed, place)
    if run.key != cell.key:
        raise SlimbenchError(
            f"this node would compute another key for {cell.folder} ({facts()}): install the same "
            "slimbench on processors of one class on every node"
        )
    return run
