"""The command that probes a reference part by part and writes what it found as a record."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from harness import environment, registry
from harness.artifact.predict import BATCH, run_in_batches, session
from harness.commands.output import console
from harness.commands.studies import keep, problem_of
from harness.data import load_split
from harness.errors import UsageError
from harness.record_row import MetricBlock
from harness.record_studies import ProbeBlock, SensitivityRecord
from harness.run.place import Place, Prepared
from harness.run.prepare import prepare
from harness.run.scoring import quality
from harness.types import Scale


def sensitivity(name: str, scale: Scale, place: Place, as_json: bool) -> int:
    """Probe the frozen reference on the validation split and merge the record into the results.

    Raises UsageError when the reference has no list of encoder layers.
    """
    from harness.sensitivity import BATCHES, head_table, probes

    task = registry.find_variant(name)
    prepared = prepare(task, scale, place)
    problem = problem_of(prepared, place)
    reference: Any = problem.reference()
    if not hasattr(reference, "layers") or not hasattr(reference.layers[0], "intermediate"):
        raise UsageError(f"the reference of {name} is no encoder of layers with attention heads")
    whole = problem.validate(reference)
    found: list[ProbeBlock] = []
    for probe in probes(problem, lambda graph: in_runtime(prepared, graph, place)):
        found.append(probe)
        if not as_json:
            console.print(_line(probe, whole), soft_wrap=True)
    record = SensitivityRecord(
        task=task.name,
        task_version=task.version,
        scale=scale,
        reference_sha256=prepared.block.sha256,
        data_sha256=prepared.data_sha256,
        metric=MetricBlock(**vars(task.metric)),
        examples=len(load_split(prepared.data, "validation")),
        quality=whole,
        quality_runtime=prepared.block.quality_validation,
        heads=head_table(problem),
        batches=BATCHES,
        probes=found,
        environment=environment.facts() | {"precision": environment.precision(place.device)},
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    return keep(record, place.results, scale, as_json)


def in_runtime(prepared: Prepared, graph: onnx.ModelProto, place: Place) -> float:
    """Validation quality of a graph in ONNX Runtime."""
    task, split = prepared.task, load_split(prepared.data, "validation")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        onnx.save(graph, path)
        opened = session(path, place.threads_for(task))
        outputs = run_in_batches(opened, split.inputs, BATCH)
    return quality(task, task.predict(outputs), np.asarray(split.targets))


def _line(probe: ProbeBlock, whole: float) -> str:
    layer = "all layers" if probe.layer is None else f"layer {probe.layer}"
    parts = [probe.change, layer, probe.operator or ""]
    lost = 100 * (probe.quality - whole)
    return f"{' '.join(filter(None, parts))}: {100 * probe.quality:.2f}% ({lost:+.2f})"
