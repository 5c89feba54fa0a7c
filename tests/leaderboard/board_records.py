"""Records as the harness writes them, with just the fields a test cares about."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path
from typing import Any

import numpy as np

from harness.record import (
    Counts,
    LimitBlock,
    MeasurementRecord,
    ProfileBlock,
    ReferenceBlock,
    RunRecord,
    TaskBlock,
    merge_into,
)
from harness.record_row import MethodBlock, MetricBlock
from leaderboard.pages.safe import slug

CREATED = "2026-11-21T10:00:00Z"
REFERENCE = ReferenceBlock(
    sha256="r" * 64,
    quality_validation=0.94,
    quality_test=0.95,
    macs=1000,
    params=500,
    size_bytes=2000,
)


def task_block(name: str = "toy", **fields: Any) -> TaskBlock:
    values: dict[str, Any] = {
        "name": name,
        "version": 1,
        "title": "Toy task",
        "modality": "image",
        "metric": MetricBlock(name="accuracy", unit="fraction", higher_is_better=True, chance=0.1),
        "limits": [LimitBlock(quantity="quality", kind="at_least", bound=0.9)],
        "test_examples": 100,
        "reference": REFERENCE,
    }
    return TaskBlock(**(values | fields))


def method_block(name: str = "pruning", **fields: Any) -> MethodBlock:
    values: dict[str, Any] = {
        "name": name,
        "version": 1,
        "family": "pruning",
        "source": "arXiv:1506.02626",
        "source_sha256": "s" * 64,
    }
    return MethodBlock(**(values | fields))


def counts(macs: int = 500, params: int = 250, size_bytes: int = 1000) -> Counts:
    return Counts(
        macs=macs,
        params=params,
        params_nonzero=params,
        size_bytes=size_bytes,
        size_zstd_bytes=size_bytes,
        peak_memory_bytes=4 * size_bytes,
    )


def run(method: str = "pruning", quality: float | None = 0.94, **fields: Any) -> RunRecord:
    setting = fields.pop("setting", {"sparsity": 0.5})
    seed = fields.pop("seed", 0)
    task = fields.pop("task", task_block())
    scale = fields.get("scale", "standard")
    block = fields.pop("method_block", method_block(method))
    name = f"{task.name} {task.version} {block.name} {block.version} {setting} {seed} {scale}"
    key = hashlib.sha256(name.encode()).hexdigest()
    values: dict[str, Any] = {
        "key": key,
        "task": task,
        "method": block,
        "setting": setting,
        "seed": seed,
        "scale": scale,
        "status": "ok",
        "quality_test": quality,
        "quality_validation": quality,
        "counts": counts(),
        "artifact_sha256": hashlib.sha256(key.encode()).hexdigest(),
        "created": CREATED,
    }
    return RunRecord(**(values | fields))


def failed(method: str = "pruning", cause: str = "ran out of memory", **fields: Any) -> RunRecord:
    gone = {"quality_validation": None, "counts": None, "artifact_sha256": None}
    return run(method, None, status="out_of_memory", cause=cause, **gone, **fields)


def profile_block(name: str = "desk_cpu", **fields: Any) -> ProfileBlock:
    values: dict[str, Any] = {
        "name": name,
        "sha256": "p" * 64,
        "kind": "measured",
        "runtime": "onnxruntime",
        "runtime_version": "1.22",
        "threads": 1,
        "batch": 1,
        "price_per_hour_usd": 0.36,
    }
    return ProfileBlock(**(values | fields))


def measured(of: RunRecord, speedup: float = 2.0, **fields: Any) -> MeasurementRecord:
    """Six process starts whose ratios are `speedup` within half a percent."""
    starts = [[(10.0, 10.0 / (speedup * wobble))] * 4 for wobble in (0.998, 1.002) * 3]
    values: dict[str, Any] = {
        "task": of.task.name,
        "task_version": of.task.version,
        "artifact_sha256": of.artifact_sha256,
        "anchor_sha256": "r" * 64,
        "anchor_nominal_ms": 8.0,
        "profile": profile_block(),
        "status": "ok",
        "pairs": starts,
        "request_ms": [10.0 / speedup] * 98 + [15.0 / speedup] * 2,
        "settled": True,
        "load_label": "quiet",
        "created": CREATED,
    }
    return MeasurementRecord(**(values | fields))


def write(folder: Path, *records: RunRecord | MeasurementRecord) -> Path:
    """Write records where the harness would; measurements go beside the first run."""
    runs = [one for one in records if isinstance(one, RunRecord)]
    for one in records:
        owner = one if isinstance(one, RunRecord) else runs[0]
        name = f"{slug(owner.method.name)}.{owner.scale}.jsonl"
        merge_into(folder / owner.task.name / name, [one])
    return folder


def write_scores(folder: Path, of: RunRecord, scores: np.ndarray) -> None:
    path = folder / of.task.name / "predictions" / f"{of.key[:16]}.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, prediction=np.zeros(len(scores), np.uint8), example_scores=scores)


def right_or_wrong(right: int, of: int = 100, seed: int = 0) -> np.ndarray:
    """Bool scores with exactly `right` of `of` true, in an order drawn from `seed`."""
    scores = np.arange(of) < right
    random.Random(seed).shuffle(order := list(range(of)))
    return scores[order]
