"""What studies of a reference or of a space have in common; none of them is a row of a method."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.commands.report import console, print_json
from harness.data import load_split
from harness.record import ComplexityRecord, SensitivityRecord, merge_into
from harness.run.locked import locked
from harness.run.place import Place, Prepared
from harness.types import Budget


def keep(
    record: ComplexityRecord | SensitivityRecord, results: Path, scale: str, as_json: bool
) -> int:
    """Merge the record into the results, print it or where it went, and return 0."""
    path = results / record.task / f"{record.kind}.{scale}.jsonl"
    with locked(results / ".lock"):
        merge_into(path, [record])
    if as_json:
        print_json(record.model_dump(mode="json"))
    else:
        console.print(f"wrote {path}; `slimbench site` draws it", soft_wrap=True)
    return 0


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
