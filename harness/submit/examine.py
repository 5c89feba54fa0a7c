"""One artifact looked at in the sandbox: inputs chosen, outputs fetched, audits judged."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from harness import data, environment
from harness.errors import RefusedError
from harness.measure.lock import measuring
from harness.record import MeasurementRecord, RunRecord
from harness.record_submission import ClaimBlock
from harness.run import timing
from harness.run.place import Place, Prepared
from harness.run.stages import LARGEST_ARTIFACT_BYTES
from harness.submit import audits
from harness.submit.archive import plain_arrays
from harness.submit.child import SINGLE, Job
from harness.submit.isolate import Ended, run_job, save_inputs

PROBED = 2000  # examples on which a change of the inputs is tried
MEMORY_BYTES = 4 * 10**9
Inputs = dict[str, np.ndarray]


@dataclass(frozen=True)
class Examined:
    """What the sandboxed process found: counts, outputs by split, and the audits' verdicts."""

    counts: dict[str, int]
    outputs: dict[str, list[np.ndarray]]
    audits: list[ClaimBlock]
    sandbox: list[str]


def examine(artifact: Path, prepared: Prepared, place: Place, seconds: int, work: Path) -> Examined:
    """Open an artifact in the sandbox once and judge everything but its latency.

    Raises RefusedError when it cannot be opened, counted or run within the limits.
    """
    task = prepared.task
    random = np.random.default_rng(secrets.randbits(64))
    test = data.load_split(prepared.data, "test")
    probed = data.spread(len(test), PROBED)
    before = {name: np.array(array[probed]) for name, array in test.inputs.items()}
    changed = {name: change(before, random) for name, change in task.changes.items()}
    single = data.spread(len(test), SINGLE)
    singles = {name: np.array(array[single]) for name, array in test.inputs.items()}
    groups: dict[str, Inputs] = {"single": singles, "fresh": _fresh(prepared, singles, random)}
    groups |= {f"change{number}": inputs for number, inputs in enumerate(changed.values())}
    paths = save_inputs(work, groups) | {
        split: _stored(prepared.data, split) for split in ("validation", "test")
    }
    ended = run_job(_job("examine", artifact, prepared, place, seconds, work, inputs=paths))
    outputs = {
        split: ended.outputs(split, len(data.load_split(prepared.data, split)), task.answer)
        for split in ("validation", "test")
    }
    batched = [array[single] for array in outputs["test"]]
    alone = ended.outputs("single", len(single), task.answer)
    rows = [audits.judge_single(task.predict(batched), task.predict(alone))]
    rows += audits.judge_streams(ended.found.streams_ms)
    rows += _memorisation(ended, outputs["test"], prepared, changed, probed)
    rows.append(audits.judge_clocks(ended.found.clocks, ended.seconds))
    counts = ended.found.counts
    if counts is None:
        raise RefusedError("the process that opened the artifact left no counts")
    return Examined(counts.model_dump(), outputs, rows, ended.found.sandbox)


def _fresh(prepared: Prepared, known: Inputs, random: np.random.Generator) -> Inputs:
    """Requests that nobody has seen: all the task's changes, one after the other."""
    for change in prepared.task.changes.values():
        known = change(known, random)
    return known


def _stored(folder: Path, split: str) -> dict[str, str]:
    """The prepared input arrays of a split by input name, without the targets."""
    paths = sorted((folder / split).glob("input_*.npy"))
    return {path.stem.removeprefix("input_"): str(path.resolve()) for path in paths}


def _job(
    kind: str,
    artifact: Path,
    prepared: Prepared,
    place: Place,
    seconds: int,
    work: Path,
    memory_bytes: int = MEMORY_BYTES,
    **more: object,
) -> Job:
    out = work / f"{kind}.out"
    out.mkdir()
    return Job(
        kind=kind,  # type: ignore[arg-type]
        model=str(artifact.resolve()),
        out=str(out.resolve()),
        threads=place.threads_for(prepared.task),
        seconds=seconds,
        memory_bytes=memory_bytes,
        largest_bytes=LARGEST_ARTIFACT_BYTES,
        owner=os.getpid(),
        hidden=[str(path) for path in (place.runs, place.data, place.results)],
        **more,  # type: ignore[arg-type]
    )


def _memorisation(
    ended: Ended,
    outputs: list[np.ndarray],
    prepared: Prepared,
    changed: dict[str, Inputs],
    probed: np.ndarray,
) -> list[ClaimBlock]:
    """What each change costs the entry, beside what it costs the reference on the same inputs."""
    if not changed:
        why = "the task names no change of inputs that keeps the labels"
        block = ClaimBlock(
            name="memorisation", claimed=None, recomputed=None, verdict="unchecked", why=why
        )
        return [block]
    from harness.artifact.predict import run_in_batches, session

    task = prepared.task
    targets = np.asarray(data.load_split(prepared.data, "test").targets)[probed]
    reference = session(prepared.anchor, os.cpu_count() or 1)
    test = data.load_split(prepared.data, "test").inputs
    known = {name: np.array(array[probed]) for name, array in test.items()}

    def scores(arrays: list[np.ndarray]) -> np.ndarray:
        return np.asarray(task.example_scores(task.predict(arrays), targets), float)

    reference_before = scores(run_in_batches(reference, known))
    entry_before = scores([array[probed] for array in outputs])
    rows = []
    for number, (name, inputs) in enumerate(changed.items()):
        after = ended.outputs(f"change{number}", len(probed), task.answer)
        ours = (reference_before, scores(run_in_batches(reference, inputs)))
        rows.append(audits.judge_change(name, (entry_before, scores(after)), ours))
    return rows


def time_again(
    artifact: Path,
    outputs: list[np.ndarray],
    prepared: Prepared,
    place: Place,
    seconds: int,
    work: Path,
) -> tuple[MeasurementRecord | None, str | None]:
    """Our own paired timing in the sandbox, or None and why there is none.

    `outputs` are those of the hidden test split, which the timed calls must lead to again.
    Raises RefusedError when the artifact cannot be timed at all.
    """
    profile = timing.default_profile()
    if profile is None:
        return None, "no profile matches this machine"
    inputs, chosen = timing.spread_inputs(prepared)
    labels = work / "expected.npy"
    np.save(labels, prepared.task.predict([array[chosen] for array in outputs]))
    paths = save_inputs(work, {"requests": inputs})
    job = _job(
        "time",
        artifact,
        prepared,
        place,
        seconds,
        work,
        memory_bytes=max(MEMORY_BYTES, profile.memory_bytes),
        inputs=paths,
        anchor=str(prepared.anchor.resolve()),
        profile=profile.name,
        expected=str(labels),
        task=prepared.task.name,
        task_version=prepared.task.version,
        quick=prepared.scale == "smoke",
    )
    with measuring():
        ended = run_job(job)
    try:
        found = MeasurementRecord.model_validate(ended.found.measurement)
    except ValidationError as error:
        raise RefusedError(f"the timing process misbehaved: {error}") from None
    if found.load_label == "loaded" and prepared.scale != "smoke":
        return None, "something else keeps this machine busy"
    if found.status == "off_profile":
        return None, found.cause
    return found, None


def same_class(run: RunRecord) -> bool:
    """Whether the run was scored on the class of processor and the runtime that we have."""
    here, there = environment.facts(), run.environment
    versions = there.get("versions")
    if not isinstance(versions, dict):
        return False
    runtime = versions.get("onnxruntime") == here["versions"].get("onnxruntime")
    return bool(runtime and there.get("cpu_flags") == here["cpu_flags"])


def read_predictions(path: Path, run: RunRecord) -> np.ndarray:
    """The predictions of a run from a stranger's npz, (examples, ...), bounded in size.

    Where predictions are too large to publish, the score that each example got.

    Raises RefusedError when they are no plain numbers, one row for each test example.
    """
    count = run.task.test_examples
    found = plain_arrays(path, "plain predictions", (count, "examples"), 1000 + 8 * 64 * count)
    array = found.get("prediction", found.get("example_scores"))
    if array is None:
        raise RefusedError(f"{path.name} holds no plain predictions: neither they nor scores")
    if array.ndim == 0 or len(array) != run.task.test_examples or array.dtype.kind not in "biuf":
        raise RefusedError(
            f"{path.name} holds {array.dtype} {array.shape}, not a number for each of the "
            f"{run.task.test_examples} test examples"
        )
    return array
