"""What studies of a reference or of a space have in common; none of them is a row of a method."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.commands.output import console, print_json
from harness.data import load_split
from harness.record import RunRecord, merge_into, parse_line
from harness.record_studies import ComplexityRecord, ModalityRecord, SensitivityRecord
from harness.registry import MethodListing
from harness.run.locked import locked
from harness.run.place import Place, Prepared
from harness.types import Budget

StudyRecord = ComplexityRecord | SensitivityRecord | ModalityRecord


def keep(record: StudyRecord, results: Path, scale: str, as_json: bool) -> int:
    """Merge the record into the results, print it or where it went, and return 0."""
    path = store(record, results, scale)
    if as_json:
        print_json(record.model_dump(mode="json"))
    else:
        console.print(f"wrote {path}; `slimbench site` draws it", soft_wrap=True)
    return 0


def store(record: StudyRecord, results: Path, scale: str) -> Path:
    """Merge the record into the results; the file it is in."""
    path = results / record.task / f"{record.kind}.{scale}.jsonl"
    with locked(results / ".lock"):
        merge_into(path, [record])
    return path


def finished_runs(prepared: Prepared, place: Place) -> Iterator[tuple[RunRecord, Path]]:
    """Records of the task's runs that ended well, in order of method and key, and their folders."""
    for path in sorted((place.runs / prepared.task.name).glob(f"*/{prepared.scale}/*/record.json")):
        record = parse_line(path.read_text(), str(path))
        if isinstance(record, RunRecord) and record.status == "ok":
            yield record, path.parent


def is_current(record: RunRecord, prepared: Prepared, method: MethodListing | None = None) -> bool:
    """Whether a run is of this version of the task, of its reference and of the method."""
    reference = record.task.reference
    return (
        reference is not None
        and reference.sha256 == prepared.block.sha256
        and record.task.version == prepared.task.version
        and (method is None or record.method.version == method.version)
    )


def problem_of(prepared: Prepared, place: Place) -> Any:
    """The problem that methods see, without a budget, in this process."""
    import torch

    from harness.run import reference
    from harness.run.child import set_seeds
    from harness.run.compression import Problem
    from harness.run.meter import Meter

    set_seeds(0)
    torch.set_num_threads(place.threads_for(prepared.task))
    train = load_split(prepared.data, "train")
    return Problem(
        task=prepared.task,
        train_split=train,
        validation_split=load_split(prepared.data, "validation"),
        trained=reference.load(prepared.task, prepared.reference, prepared.shape, train.context),
        shape=prepared.shape,
        meter=Meter(Budget()),
        seed=0,
        device=torch.device(place.device),
    )
