"""A task made ready to run: data in place, the frozen reference as weights, ONNX and figures."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from harness import data, environment
from harness.artifact.count import count
from harness.errors import SlimbenchError
from harness.record import ReferenceBlock, sha256_of, write_atomically
from harness.run import process
from harness.run.job import Job, start
from harness.run.locked import locked
from harness.run.place import Place, Prepared
from harness.run.scoring import score
from harness.run.solve import checkpoint_of
from harness.types import Budget, Scale, Task

SMOKE_EPOCHS = 6
NO_FIGURES = {"quality_validation": 0.0, "quality_test": 0.0}
EXPORT_METHOD = Path(__file__).with_name("reference_as_it_is.py")


def prepare(
    task: Task,
    scale: Scale,
    place: Place,
    export: bool = True,
    known: Iterable[ReferenceBlock] = (),
) -> Prepared:
    """Data, reference weights, anchor and the reference's figures; all cached in the runs folder.

    Without `export` the anchor is not made, nor its figures: enough to plan runs, not to do them.
    Figures in `known` of the same weights save scoring the reference again, for this call alone:
    its predictions are not made.
    Raises DataError when the real data are not in the cache or the frozen weights are missing.
    """
    process.preload(task.preload)
    folder = place.runs / task.name / "reference" / scale
    shape = dict(task.smoke_shape) if scale == "smoke" else {}
    with locked(folder / "lock"):
        if scale == "smoke":
            data_folder = place.runs / "smoke_data" / task.dataset.name
            with locked(place.runs / "smoke_data" / f"{task.dataset.name}.lock"):
                if not data.is_prepared(data_folder):
                    data.store(task.dataset.generate(0), data_folder)
            reference = _smoke_reference(task, place, data_folder, folder)
        else:
            data_folder = place.data / task.dataset.name
            data.verify(data_folder)
            reference = place.reference_of(task)
            if not (reference / "reference.json").is_file():
                why = "" if reference == task.folder else f" for the data in {data_folder}"
                raise SlimbenchError(
                    f"{task.name} has no frozen reference{why} in {reference}; train it with "
                    f"`slimbench reference {task.name} --rebuild`"
                )
        weights = sha256_of(reference / "reference.safetensors")
        anchor = folder / f"{weights[:16]}.v{task.version}"
        prepared = Prepared(
            task=task,
            scale=scale,
            data=data_folder,
            data_sha256=data.data_sha256(data_folder),
            reference=reference,
            shape=shape,
            block=ReferenceBlock(
                sha256=weights, quality_validation=0, quality_test=0, macs=0, params=0, size_bytes=0
            ),
            anchor=anchor / "model.onnx",
        )
        if not export:
            return prepared
        if not (anchor / "block.json").is_file():
            exported = _export(prepared, place, anchor)
            for one in known:
                if one.model_copy(update=NO_FIGURES) == exported:
                    return replace(prepared, block=one)
            _score(exported, prepared, place, anchor)
    block = ReferenceBlock.model_validate_json((anchor / "block.json").read_text())
    return replace(prepared, block=block)


def _smoke_reference(task: Task, place: Place, data_folder: Path, folder: Path) -> Path:
    """A small reference trained on the generated data in seconds, at the smoke budget."""
    parts = (task.smoke_shape, task.recipe, SMOKE_EPOCHS, data.data_sha256(data_folder))
    stamp = sha256_of(re.sub(r"0x[0-9a-f]+", "", repr(parts)).encode())[:8]
    out = folder / f"weights.v{task.version}.{stamp}"
    if not (out / "reference.json").is_file():
        job = _job(task, place, data_folder, out, out, dict(task.smoke_shape))
        out.mkdir(parents=True, exist_ok=True)
        quick = {"kind": "reference", "setting": {"epochs": SMOKE_EPOCHS}}
        _run(Job(**{**vars(job), **quick}), out, out / "reference.json")
    return out


def rebuild(task: Task, place: Place, seed: int) -> Path:
    """Train the real reference; resumes after the last whole epoch."""
    data_folder = place.data / task.dataset.name
    data.verify(data_folder, ("train", "validation"))
    out = place.rebuild_of(task, seed)
    out.mkdir(parents=True, exist_ok=True)
    job = Job(**{**vars(_job(task, place, data_folder, out, out, {})), "kind": "reference"})
    job = Job(**{**vars(job), "seed": seed})
    with locked(out / "lock"):
        _run(job, out, out / "reference.json", Budget(wall_seconds=1e6))
    return out


def _export(prepared: Prepared, place: Place, out: Path) -> ReferenceBlock:
    """Write the anchor's graph; what it counts, without quality."""
    out.mkdir(parents=True, exist_ok=True)
    job = _job(prepared.task, place, prepared.data, prepared.reference, out, prepared.shape)
    _run(job, out, out / "model.onnx")
    counts = count(out / "model.onnx")
    size = {"macs": counts.macs, "params": counts.params, "size_bytes": counts.size_bytes}
    return prepared.block.model_copy(update=size)


def _score(exported: ReferenceBlock, prepared: Prepared, place: Place, out: Path) -> None:
    """Score the anchor and write the block that says it is ready."""
    figures = score(prepared.task, prepared.data, out, place.threads_for(prepared.task))
    block = exported.model_copy(update={name: figures[name] for name in NO_FIGURES})
    write_atomically(out / "block.json", block.model_dump_json().encode())


def _job(
    task: Task, place: Place, data_folder: Path, reference: Path, out: Path, shape: dict[str, float]
) -> Job:
    return Job(
        task=task.name,
        method_file=str(EXPORT_METHOD),
        setting={},
        seed=0,
        budget=vars(Budget()),
        shape=shape,
        device=place.device,
        threads=place.threads_for(task),
        data=str(data_folder),
        reference=str(reference),
        out=str(out),
        checkpoint=checkpoint_of(task),
    )


def _run(job: Job, out: Path, result: Path, budget: Budget | None = None) -> None:
    ended = process.run_child(start, job, budget or Budget(), out / "log.txt")
    if ended.status or not result.is_file():
        solved = out / "solve.json"
        cause = ended.cause or (json.loads(solved.read_text())["cause"] if solved.is_file() else "")
        environment.check_space(out)
        shutil.rmtree(out / "part", ignore_errors=True)
        raise SlimbenchError(f"{job.task}: the reference failed: {cause}; see {out / 'log.txt'}")
