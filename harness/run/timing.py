"""Measurements of finished runs: the artifact against the task's anchor, into the results."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TypeGuard

import numpy as np

from harness import data
from harness.artifact import skeleton
from harness.measure import measure
from harness.measure.machine import machine
from harness.measure.profile import Profile, anchors, list_profiles, load_profile, mismatch
from harness.record import (
    MeasurementRecord,
    Record,
    RunRecord,
    merge_into,
    parse_line,
    to_line,
    write_atomically,
)
from harness.run.locked import locked
from harness.run.place import Place, Prepared, Run
from harness.run.scoring import ANSWERS

REQUESTS = 512
DEFAULT_RUNTIME = "onnxruntime"


def default_profile() -> Profile | None:
    """The measured one-thread ONNX Runtime profile that this machine matches, or None."""
    here = machine()
    for name in list_profiles():
        profile = load_profile(name)
        fits = profile.kind == "measured" and profile.runtime == DEFAULT_RUNTIME
        if fits and profile.threads == 1 and mismatch(profile, here) is None:
            return profile
    return None


def measure_run(run: Run, record: RunRecord, profile: Profile) -> MeasurementRecord | None:
    """Time a finished run on a profile, or reuse its measurement; None for a failed run."""
    return measure_folder(run.folder, record, run.prepared, run.place, profile)


def measure_folder(
    folder: Path,
    record: RunRecord,
    prepared: Prepared,
    place: Place,
    profile: Profile,
    cap_seconds: float = 60,
) -> MeasurementRecord | None:
    """As `measure_run`, of the run whose folder this is.

    Smoke runs are timed for 1 s at most and never settle.
    """
    if record.status != "ok":
        return None
    path = folder / "measure" / f"{profile.name}.json"
    with locked(folder / "lock"):
        found = parse_line(path.read_text(), str(path)) if path.is_file() else None
        if not is_usable(found, profile, prepared.task.throughput_batch):
            inputs, expected = requests(prepared, folder / "predictions.npz")
            found = measure(
                folder / "model.onnx",
                prepared.anchor,
                profile,
                inputs,
                [expected],
                task=record.task.name,
                task_version=record.task.version,
                quick=record.scale == "smoke",
                cap_seconds=cap_seconds,
                throughput_batch=prepared.task.throughput_batch,
            )
            write_atomically(path, to_line(found).encode())
    publish_measurement(place, record, found)
    return found


def measure_graph(
    graph: Path, record: RunRecord, prepared: Prepared, place: Place, profile: Profile, cap: float
) -> MeasurementRecord:
    """Time a row's stored graph, its weights drawn anew, for at most `cap` seconds."""
    import onnx

    with tempfile.TemporaryDirectory(prefix="slimbench-graph-") as folder:
        model = Path(folder) / "model.onnx"
        onnx.save(skeleton.fill(graph.read_bytes()), model)
        timed = measure(
            model,
            prepared.anchor,
            profile,
            spread_inputs(prepared)[0],
            None,
            task=record.task.name,
            task_version=record.task.version,
            cap_seconds=cap,
            throughput_batch=prepared.task.throughput_batch,
        )
    own = {"artifact_sha256": record.artifact_sha256, "redrawn": True}
    found = timed.model_copy(update=own)
    publish_measurement(place, record, found)
    return found


def is_usable(
    found: Record | None, profile: Profile, batch: int | None = None
) -> TypeGuard[MeasurementRecord]:
    """Whether a stored measurement is of this profile and batch and did not fail.

    One that was made before the anchor was frozen has no nominal latency, and is made again.
    """
    return (
        isinstance(found, MeasurementRecord)
        and found.profile.sha256 == profile.sha256
        and found.status != "failed"
        and found.load_label != "loaded"
        and found.throughput_batch in (None, batch or profile.throughput_batch)
        and (
            found.environment.get("anchor_frozen", True)
            or found.anchor_sha256 not in anchors(profile)
        )
    )


def requests(prepared: Prepared, predictions: Path) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Test inputs by name (REQUESTS, *shape), and the predictions that were scored for them."""
    inputs, index = spread_inputs(prepared)
    whole = predictions.with_name(ANSWERS)
    with np.load(whole if whole.is_file() else predictions, allow_pickle=False) as stored:
        return inputs, stored["prediction"][index]


def spread_inputs(prepared: Prepared) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Test inputs by name (REQUESTS, *shape), evenly spread, and their rows.

    Where test examples stand for more or fewer requests, they are spread over those.
    """
    split = data.load_split(prepared.data, "test")
    index = data.spread(len(split), REQUESTS)
    if prepared.task.stands_for is not None:
        ends = np.cumsum(prepared.task.stands_for(np.asarray(split.targets)))
        index = np.searchsorted(ends, (np.arange(len(index)) + 0.5) / len(index) * ends[-1])
    return {name: np.array(array[index]) for name, array in split.inputs.items()}, index


def publish_measurement(place: Place, record: RunRecord, found: MeasurementRecord) -> None:
    """Merge a measurement into the results, beside the records of its run."""
    if found.status == "off_profile" and record.scale != "smoke":
        return
    with locked(place.results / ".lock"):
        name = f"{record.method.name}.{record.scale}.jsonl"
        merge_into(place.results / record.task.name / name, [found])
