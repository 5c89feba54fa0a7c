"""Packing: finished runs, or one ONNX file, into a bundle that a stranger can check."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from harness import environment, registry, traces
from harness.artifact.check import check_model
from harness.artifact.count import count
from harness.errors import UsageError
from harness.record import MeasurementRecord, RunRecord, identity, parse_line, sha256_of, to_line
from harness.record_row import MethodBlock
from harness.record_search import SearchRecord
from harness.run import timing
from harness.run.place import Place, Prepared
from harness.run.prepare import prepare
from harness.run.scoring import BESIDE, score
from harness.run.stages import LARGEST_ARTIFACT_BYTES, task_block
from harness.submit.bundle import write_bundle
from harness.submit.card import Card, card_for
from harness.submit.searches import write_trace
from harness.submit.store import LARGEST_BESIDE_BYTES, put
from harness.types import Scale


def pack_runs(
    runs: Sequence[Path],
    card: Path | None,
    out: Path,
    *,
    method_files: Iterable[Path] = (),
    store: str | None = None,
) -> Path:
    """Pack every finished run below the given folders into `out`, a new folder or .zip.

    Raises UsageError when there is none, or when the file of their method cannot be found.
    """
    written_card = card_for(card)
    folders = [path.parent for run in runs for path in sorted(run.rglob("record.json"))]
    chosen = [(folder, _record(folder)) for folder in folders]
    done = [(folder, run) for folder, run in chosen if run.status == "ok"]
    if not done:
        raise UsageError(f"no finished run lies below {', '.join(map(str, runs))}; run one first")
    with tempfile.TemporaryDirectory(prefix="slimbench-pack-") as name:
        bundle = Path(name)
        rows: list[RunRecord | SearchRecord | MeasurementRecord] = []
        for folder, run in done:
            rows += [run, *_timings(folder)]
            if isinstance(run, SearchRecord):
                trace = traces.read(folder / "trace.parquet")[run.key]
                write_trace(bundle / "traces" / f"{run.key[:16]}.npz", trace)
            else:
                _add_files(bundle, run, folder, store)
        _add_method(bundle, done[0][1], method_files)
        _add_texts(bundle, rows, card, written_card)
        return write_bundle(bundle, out)


def pack_model(
    model: Path,
    task_name: str,
    card: Path | None,
    out: Path,
    *,
    scale: Scale,
    place: Place,
    store: str | None = None,
) -> Path:
    """Score, count and time one ONNX file as an entry of a task, and pack it into `out`.

    Raises UsageError when the file is no safe ONNX model.
    """
    written_card = card_for(card)
    task = registry.find_task(task_name)
    check_model(model, LARGEST_ARTIFACT_BYTES)
    prepared = prepare(task, scale, place)
    with tempfile.TemporaryDirectory(prefix="slimbench-pack-") as name:
        work = Path(name) / "run"
        work.mkdir()
        shutil.copyfile(model, work / "model.onnx")
        run = _score(work, written_card, prepared, place)
        rows: list[RunRecord | SearchRecord | MeasurementRecord] = [run]
        if measured := _measure(work, prepared):
            rows.append(measured)
        bundle = Path(name) / "bundle"
        _add_files(bundle, run, work, store)
        _add_texts(bundle, rows, card, written_card)
        return write_bundle(bundle, out)


def _record(folder: Path) -> RunRecord | SearchRecord:
    record = parse_line((folder / "record.json").read_text(), str(folder / "record.json"))
    if not isinstance(record, RunRecord | SearchRecord):
        raise UsageError(f"{folder / 'record.json'} is no run; give the folder of a run")
    return record


def _timings(folder: Path) -> list[MeasurementRecord]:
    rows = [parse_line(path.read_text(), str(path)) for path in folder.glob("measure/*.json")]
    return [row for row in rows if isinstance(row, MeasurementRecord) and row.status == "ok"]


def _add_files(bundle: Path, run: RunRecord, folder: Path, store: str | None) -> None:
    """Copy artifact and predictions; a large artifact goes into the store instead."""
    (bundle / "artifacts").mkdir(parents=True, exist_ok=True)
    (bundle / "predictions").mkdir(parents=True, exist_ok=True)
    artifact = folder / "model.onnx"
    stem = bundle / "artifacts" / (run.artifact_sha256 or "")[:16]
    size = artifact.stat().st_size
    if size > LARGEST_BESIDE_BYTES and store is None:
        raise UsageError(
            f"{artifact}: size {size / 1e6:.1f} MB is above the limit "
            f"{LARGEST_BESIDE_BYTES / 1e6:.0f} MB beside a record; name a --store (s3://, hf://, "
            "or a folder) that others can read"
        )
    if size > LARGEST_BESIDE_BYTES and store is not None:
        stem.with_suffix(".json").write_text(put(artifact, store).model_dump_json())
    else:
        shutil.copyfile(artifact, stem.with_suffix(".onnx"))
    shutil.copyfile(folder / "predictions.npz", bundle / "predictions" / f"{run.key[:16]}.npz")


def _add_method(bundle: Path, run: RunRecord | SearchRecord, given: Iterable[Path]) -> None:
    known = [*given, *(one.path for one in registry.methods().values())]
    path = next((p for p in known if sha256_of(p) == run.method.source_sha256), None)
    if path is None:
        raise UsageError(
            f"no file here is the method '{run.method.name}' that made the runs (sha256 "
            f"{run.method.source_sha256[:12]}...); name it with --method-file, or run again"
        )
    shutil.copyfile(path, bundle / "method.py")


def _add_texts(
    bundle: Path,
    rows: Sequence[RunRecord | SearchRecord | MeasurementRecord],
    card: Path | None,
    checked: Card,
) -> None:
    runs = sum(not isinstance(row, MeasurementRecord) for row in rows)
    if checked.tries < runs:
        raise UsageError(
            f"the card says {checked.tries} tries and {runs} runs are submitted; count every run "
            "you made, failed ones included"
        )
    assert card is not None
    shutil.copyfile(card, bundle / "card.toml")
    unique = {identity(row): row for row in rows}  # two seeds may have made the same artifact
    (bundle / "records.jsonl").write_text("".join(f"{to_line(row)}\n" for row in unique.values()))


def _score(work: Path, card: Card, prepared: Prepared, place: Place) -> RunRecord:
    """The run record of a model that came without a method."""
    task = prepared.task
    scored = score(task, prepared.data, work, place.threads_for(task))
    artifact = sha256_of(work / "model.onnx")
    parts = [task.name, task.version, prepared.data_sha256, prepared.scale, artifact]
    return RunRecord(
        key=sha256_of(json.dumps(parts).encode()),
        task=task_block(prepared),
        method=MethodBlock(
            name=method_name(card.name),
            version=1,
            family="model",
            source=card.paper,
            source_sha256=artifact,
        ),
        setting={},
        seed=0,
        scale=prepared.scale,
        status="ok",
        quality_test=scored["quality_test"],
        quality_validation=scored["quality_validation"],
        **{name: scored[name] for name in BESIDE},
        counts=count(work / "model.onnx"),
        artifact_sha256=artifact,
        predictions_sha256=sha256_of(work / "predictions.npz"),
        environment=environment.facts() | {"threads": place.threads_for(task)},
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _measure(work: Path, prepared: Prepared) -> MeasurementRecord | None:
    from harness.measure import measure

    profile = timing.default_profile()
    if profile is None:
        return None
    inputs, expected = timing.requests(prepared, work / "predictions.npz")
    found = measure(
        work / "model.onnx",
        prepared.anchor,
        profile,
        inputs,
        [expected],
        task=prepared.task.name,
        task_version=prepared.task.version,
        quick=prepared.scale == "smoke",
    )
    return found if found.status == "ok" else None


def method_name(title: str) -> str:
    """A card's name as the name of its row. Raises UsageError when no letter is left of it."""
    name = re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")[:60]
    if not re.fullmatch(r"[a-z][a-z0-9_]+", name):
        raise UsageError(f"the card's name {title!a} needs a Latin letter first, two in all")
    return name
