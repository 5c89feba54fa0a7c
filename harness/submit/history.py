"""Rows and their standing: accepted bundles become records; what was found is only ever added."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

from harness import traces
from harness.errors import UsageError
from harness.record import (
    MeasurementRecord,
    Record,
    RunRecord,
    identity,
    merge_into,
    read_records,
    write_atomically,
)
from harness.record_row import VerificationStatus
from harness.record_submission import CardRecord, StatusRecord
from harness.run.locked import locked
from harness.submit.bundle import Bundle
from harness.submit.store import LARGEST_BESIDE_BYTES
from harness.submit.verdict import PUBLISHED, RowVerdict, SearchVerdict, Verdict


def today() -> str:
    """The date of a status, to the second, in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def publish(bundle: Bundle, verdict: Verdict, results: Path) -> None:
    """Add an accepted bundle's rows, with recomputed figures, to a results folder.

    Raises UsageError when smoke rows are to go into the published records.
    """
    if results.resolve() == PUBLISHED and any(run.scale == "smoke" for run in bundle.rows):
        raise UsageError("smoke rows are never published; run at --scale standard")
    with locked(results / ".lock"):
        for row in verdict.rows:
            _publish_row(bundle, row, verdict, results)
        for search in verdict.searches:
            _publish_search(bundle, search, verdict, results)


def _publish_row(bundle: Bundle, row: RowVerdict, verdict: Verdict, results: Path) -> None:
    run = row.recomputed
    assert run is not None
    assert row.predictions is not None
    folder = results / run.task.name
    stored = folder / "predictions" / f"{run.key[:16]}.npz"
    write_atomically(stored, row.predictions.read_bytes())
    records: list[Record] = [
        run,
        bundle.card.record(run.task.name, run.method.name, today()),
        _verified(row, verdict, "recomputed from the artifact"),
    ]
    if isinstance(row.measured, MeasurementRecord) and row.measured.status == "ok":
        records.append(row.measured)
    merge_into(folder / f"{run.method.name}.{run.scale}.jsonl", records)
    _store_artifact(row, folder / "artifacts" / (run.artifact_sha256 or "")[:16])


def _publish_search(bundle: Bundle, row: SearchVerdict, verdict: Verdict, results: Path) -> None:
    run, name = row.run, f"{row.run.method.name}.{row.run.scale}"
    folder = results / run.task.name
    traces.merge_into(folder / f"{name}.parquet", run.key, row.trace)
    records: list[Record] = [
        run,
        bundle.card.record(run.task.name, run.method.name, today()),
        _verified(row, verdict, "looked up in the table; one seed run again"),
    ]
    merge_into(folder / f"{name}.jsonl", records)


def _verified(row: RowVerdict | SearchVerdict, verdict: Verdict, why: str) -> StatusRecord:
    return StatusRecord(
        task=row.run.task.name,
        method=row.run.method.name,
        key=row.run.key,
        status="verified",
        why=why,
        claims=row.claims,
        bundle_sha256=verdict.bundle_sha256,
        environment={"sandbox": verdict.sandbox},
        created=today(),
    )


def _store_artifact(row: RowVerdict, stem: Path) -> None:
    assert row.artifact is not None
    if row.pointer is not None:
        write_atomically(stem.with_suffix(".json"), row.pointer.model_dump_json().encode())
    elif row.artifact.stat().st_size <= LARGEST_BESIDE_BYTES:
        write_atomically(stem.with_suffix(".onnx"), row.artifact.read_bytes())


def mark(runs: Iterable[tuple[Path, RunRecord]], status: str, why: str) -> int:
    """Add a status with its reason to published runs, given with their files; how many.

    Raises UsageError for an unknown status or an empty reason.
    """
    if status not in get_args(VerificationStatus):
        known = ", ".join(get_args(VerificationStatus))
        raise UsageError(f"no status is called '{status}'; there are {known}")
    if not why.strip():
        raise UsageError("a status needs a reason; give --why")
    count = 0
    for path, run in runs:
        row = StatusRecord(
            task=run.task.name,
            method=run.method.name,
            key=run.key,
            status=status,
            why=why,
            created=today(),
        )
        with locked(path.parent.parent / ".lock"):
            merge_into(path, [row])
        count += 1
    return count


def find_rows(name: str, results: Path) -> list[tuple[Path, RunRecord]]:
    """The published runs of `TASK/METHOD` or `TASK/METHOD/SETTING`, with their files.

    SETTING is `key=value` pairs joined by commas. Raises UsageError when there is none.
    """
    task, _, rest = name.partition("/")
    method, _, setting = rest.partition("/")
    found = []
    for path in sorted((results / task).glob("*.jsonl")):
        for row in read_records([path]):
            if isinstance(row, RunRecord) and row.method.name == method:
                shown = ",".join(f"{key}={value}" for key, value in sorted(row.setting.items()))
                if setting in ("", shown):
                    found.append((path, row))
    if not found:
        raise UsageError(
            f"no published row is '{name}' in {results}; name it TASK/METHOD or "
            "TASK/METHOD/key=value as on the board"
        )
    return found


def lost(before: Path, after: Path) -> list[str]:
    """What the results in `before` say and those in `after` do not: runs, statuses, cards.

    Measurements may be replaced by newer ones; everything else stays for ever.
    """
    said = []
    for path in sorted(before.glob("*/*.jsonl")):
        other = after / path.relative_to(before)
        kept = read_records([other]) if other.is_file() else []
        known = {identity(row): row for row in kept}
        for row in read_records([path]):
            if isinstance(row, MeasurementRecord):
                continue
            now = known.get(identity(row))
            name = f"{path.relative_to(before)}: {row.kind} {identity(row)[1][:16]}"
            if now is None:
                said.append(f"{name} is gone")
            elif isinstance(row, StatusRecord | CardRecord) and now != row:
                said.append(f"{name} was changed")
    return said
