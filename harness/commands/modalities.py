"""The command that tells what each modality of a request costs an artifact, and is worth to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from harness import environment, registry
from harness.artifact.graph import takes_ways
from harness.artifact.predict import batch_of, run_in_batches, session
from harness.commands.output import console, print_json
from harness.commands.studies import finished_runs, is_current, store
from harness.data import load_split
from harness.errors import UsageError
from harness.measure.attribute import RUNTIME, Attribution, attribute
from harness.measure.load import label
from harness.measure.machine import machine
from harness.measure.profile import Profile, load_profile, mismatch
from harness.record import RunRecord, read_records
from harness.record_studies import ModalityRecord
from harness.run import timing
from harness.run.place import Place, Prepared
from harness.run.prepare import prepare
from harness.run.scoring import quality
from harness.types import Scale, Task

FUSION = "fusion"


def study(name: str, scale: Scale, place: Place, profile: str | None, as_json: bool) -> None:
    """Study every finished run of a task that has no record yet, each in its first seed.

    Raises UsageError for a task whose requests have no parts.
    """
    task = registry.find_task(name)
    if not task.modalities:
        raise UsageError(f"requests of {name} have no modalities: its task names none")
    chosen = load_profile(profile) if profile else timing.default_profile()
    wrong = mismatch(chosen, machine()) if chosen else None
    if wrong:
        raise UsageError(f"this machine is not of profile {profile}: {wrong}")
    prepared = prepare(task, scale, place)
    made = []
    for record, path in _runs(prepared, place, chosen):
        made.append(_studied(record, path, prepared, place, chosen))
        store(made[-1], place.results, scale)
        if not as_json:
            words = f"{record.method.name} {record.setting}: {_line(made[-1])}"
            console.print(words, soft_wrap=True)
    if as_json:
        print_json([one.model_dump(mode="json") for one in made])
    elif not made:
        console.print("every finished run has been studied; `slimbench site` draws it")


def _runs(
    prepared: Prepared, place: Place, profile: Profile | None
) -> Iterator[tuple[RunRecord, Path]]:
    """Records and artifacts that have not been studied on the profile, each artifact once."""
    name = prepared.task.name
    kept = place.results / name / f"modality.{prepared.scale}.jsonl"
    known = {
        one.artifact_sha256: one.profile
        for one in read_records([kept] if kept.is_file() else [])
        if isinstance(one, ModalityRecord) and one.task_version == prepared.task.version
    }
    methods, wanted = registry.methods(), profile.name if profile else None
    seen = set()
    for record, folder in finished_runs(prepared, place):
        artifact, model = record.artifact_sha256, folder / "model.onnx"
        method = methods.get(record.method.name)
        if record.seed != 0 or artifact in seen or not is_current(record, prepared, method):
            continue
        seen.add(artifact)
        if artifact not in known or (known[artifact] != wanted and not takes_ways(model)):
            yield record, model


def _studied(
    record: RunRecord, path: Path, prepared: Prepared, place: Place, profile: Profile | None
) -> ModalityRecord:
    task, split = prepared.task, load_split(prepared.data, "validation")
    opened, batch = session(path, place.threads_for(task)), batch_of(path)

    def scored(inputs: Mapping[str, np.ndarray]) -> float:
        outputs = run_in_batches(opened, inputs, batch)
        return quality(task, task.predict(outputs), np.asarray(split.targets))

    whole = scored(split.inputs)
    without = {name: scored(missing(task, split.inputs, name)) for name in task.modalities}
    timed = None
    if profile is not None and not takes_ways(path):
        first = {name: np.ascontiguousarray(array[:1]) for name, array in split.inputs.items()}
        timed = attribute(path, profile, first)
    load = timed.foreign_load if timed else None
    return ModalityRecord(
        task=task.name,
        task_version=task.version,
        scale=prepared.scale,
        artifact_sha256=record.artifact_sha256 or "",
        data_sha256=prepared.data_sha256,
        examples=len(split),
        quality=whole,
        without=without,
        profile=profile.name if profile and timed else None,
        total_ms=timed.total_ms if timed else None,
        ms=by_modality(task, timed) if timed else {},
        foreign_load=load,
        load_label=None if load is None else label(load),
        environment=environment.facts(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def missing(task: Task, inputs: Mapping[str, np.ndarray], name: str) -> dict[str, np.ndarray]:
    """The requests {input: (n, ...)} as they are when all come without the modality `name`."""
    gone = task.modalities[name]
    return {
        each: np.full_like(np.asarray(array), gone[each]) if each in gone else array
        for each, array in inputs.items()
    }


def by_modality(task: Task, timed: Attribution) -> dict[str, float]:
    """ms of what follows from one modality alone, from several, and of the runtime."""
    owner = {one: name for name, inputs in task.modalities.items() for one in inputs}
    found = dict.fromkeys((*task.modalities, FUSION, RUNTIME), 0.0)
    for row in timed.rows:
        owners = {owner.get(one, FUSION) for one in row.reads}
        name = owners.pop() if len(owners) == 1 else FUSION if owners else RUNTIME
        found[name] += row.latency_ms
    return found


def _line(found: ModalityRecord) -> str:
    lost = ", ".join(
        f"without {name} {100 * (value - found.quality):+.2f}"
        for name, value in found.without.items()
    )
    if found.total_ms is None:
        return f"{100 * found.quality:.2f}%; {lost}"
    shares = ", ".join(f"{name} {ms / found.total_ms:.0%}" for name, ms in found.ms.items())
    return f"{100 * found.quality:.2f}%; {lost}; time: {shares}"
