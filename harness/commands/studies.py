"""How a study of a reference, no row of any method, is kept beside the records and shown."""

from __future__ import annotations

from pathlib import Path

from harness.commands.report import console, print_json
from harness.record import ComplexityRecord, SensitivityRecord, merge_into
from harness.run.locked import locked


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
