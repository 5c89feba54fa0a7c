"""Commands that time what lies around a row's own figure: preprocessing, requests at own length."""

from __future__ import annotations

import importlib.metadata
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from harness import environment, registry
from harness.commands.latency import profile_of
from harness.commands.output import console, speed_of
from harness.commands.report import find_dataset
from harness.data import load_split
from harness.errors import UsageError
from harness.measure import measure, timing
from harness.measure.load import foreign_cores, idlest_cpus, label, read_load
from harness.measure.lock import measuring
from harness.record import MeasurementRecord, merge_into, write_atomically
from harness.record_studies import PreprocessingRecord
from harness.run import timing as of_runs
from harness.run.locked import locked
from harness.run.place import Place, Prepared
from harness.run.prepare import prepare
from harness.types import Scale

PASSES = 5
LONGEST_SECONDS = 120.0


def time_preprocessing(name: str, source: Path, results: Path) -> int:
    """Time what turns one raw test request into the model's inputs; a record for each task.

    Raises UsageError for a data set that is not preprocessed, DataError without its files.
    """
    dataset = find_dataset(name)
    if dataset.preprocess is None:
        raise UsageError(f"requests of {name} are numbers already; nothing is preprocessed")
    encode, library, requests = dataset.preprocess(source)
    before = read_load()
    with measuring(), _one_thread():
        found = request_times(encode, requests)
    foreign = foreign_cores(before, read_load())
    for task in [one for one in registry.tasks().values() if one.dataset.name == name]:
        record = PreprocessingRecord(
            task=task.name,
            dataset=name,
            library=f"{library} {importlib.metadata.version(library)}",
            request_ms=found,
            foreign_load=foreign,
            load_label=label(foreign),
            environment=environment.facts(),
            created=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        with locked(results / ".lock"):
            merge_into(results / task.name / "preprocessing.standard.jsonl", [record])
    p50, p99 = np.quantile(found, [0.5, 0.99])
    console.print(
        f"{name}: {len(found)} requests, p50 {p50:.4f} ms, p99 {p99:.4f} ms on one thread "
        f"({label(foreign)}: {foreign:.2f} cores busy with other things)",
        soft_wrap=True,
    )
    return 0


def request_times(encode: Callable[[str], Any], requests: Sequence[str]) -> list[float]:
    """Each request's fastest of PASSES calls in ms, in the order of the requests."""

    def model(inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        encode(requests[inputs["place"][0]])
        return []

    places = timing.Requests({"place": np.arange(len(requests))})
    return timing.fastest_per_request(model, places, len(requests), PASSES, LONGEST_SECONDS)


@contextmanager
def _one_thread() -> Iterator[None]:
    """This process on the idlest core."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, idlest_cpus(1))
    yield
    os.sched_setaffinity(0, allowed)


def natural_length(name: str, scale: Scale, place: Place, profile: str | None) -> int:
    """Time the reference, exported with a free length, on requests cut to their own length.

    Raises UsageError when the task's requests have no padding.
    """
    task, chosen = registry.find_variant(name), profile_of(profile)
    if task.mask is None:
        raise UsageError(f"requests of {name} are not padded: natural length is the length")
    prepared = prepare(task, scale, place)
    model = prepared.anchor.with_name("free_length.onnx")
    if not model.is_file():
        write_atomically(model, _free_length(prepared))
    inputs, expected = of_runs.requests(prepared, prepared.anchor.with_name("predictions.npz"))
    found = measure(
        model,
        prepared.anchor,
        chosen,
        inputs,
        [expected],
        task=task.name,
        task_version=task.version,
        quick=scale == "smoke",
        throughput_batch=task.throughput_batch,
        mask=task.mask,
    )
    console.print(
        f"the reference at natural length, {found.trimmed_length:.1f} of "
        f"{inputs[task.mask].shape[1]} positions on average: {_speed(found)}",
        soft_wrap=True,
    )
    if found.status == "ok" or scale == "smoke":
        with locked(place.results / ".lock"):
            merge_into(place.results / task.name / f"reference.{scale}.jsonl", [found])
    return 0 if found.status in ("ok", "off_profile") else 1


def _speed(found: MeasurementRecord) -> str:
    """The speed-up and how busy the machine was; off the profile too, where it is not published."""
    if found.status == "off_profile":
        shown = speed_of(found.model_copy(update={"status": "ok"}))
        return f"{shown}, {found.load_label}, not published: {found.cause}"
    return f"{speed_of(found)}, {found.load_label}"


def _free_length(prepared: Prepared) -> bytes:
    """The reference as an ONNX graph with a free length, its outputs checked at two lengths."""
    import torch

    from harness.artifact.export import check_parity, to_onnx
    from harness.run import reference

    task = prepared.task
    train = load_split(prepared.data, "train")
    model = reference.load(task, prepared.reference, prepared.shape, train.context)
    served = reference.deployed(task, model).eval()
    example = tuple(torch.from_numpy(np.array(each[:4])) for each in train.inputs.values())
    graph = to_onnx(served, task.inputs, example, free_length=True)
    short = tuple(each[:, :4] for each in example)
    with torch.inference_mode():
        check_parity(graph, task.inputs, short, served(*short).numpy())
    found: bytes = graph.SerializeToString()
    return found
