"""Quick latencies of many small models in few processes, for latency tables; never published.

    python -m harness.measure.many JOB.json RESULT.json

Each model is timed beside a block of an anchor, so that a slow minute cancels out.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from harness.errors import SlimbenchError
from harness.measure.load import idlest_cpus
from harness.measure.lock import measuring
from harness.measure.profile import Profile
from harness.measure.runtimes import find_runtime
from harness.measure.timing import Plan, Requests, Timer

BLOCK_MS, BLOCKS = 10.0, 3
CHUNK = 200


def latencies_ms(
    paths: Sequence[Path], anchor: Path, profile: Profile, starts: int = 2
) -> list[float]:
    """Each model's latency in ms at batch 1, scaled to the anchor's fastest of this call.

    The median over `starts` processes. Raises SlimbenchError naming a model that does not run.
    """
    tables: list[list[tuple[float, float]]] = []
    with measuring():
        for _ in range(starts):
            rows: list[tuple[float, float]] = []
            for begin in range(0, len(paths), CHUNK):
                rows += _one_process(paths[begin : begin + CHUNK], anchor, profile)
            tables.append(rows)
    times = np.array(tables)  # (starts, models, anchor and model)
    quiet = float(np.min(times[:, :, 0]))
    return [float(value) for value in quiet * np.median(times[:, :, 1] / times[:, :, 0], axis=0)]


def _one_process(
    paths: Sequence[Path], anchor: Path, profile: Profile
) -> list[tuple[float, float]]:
    with tempfile.TemporaryDirectory(prefix="slimbench-many-") as name:
        folder = Path(name)
        job = {
            "models": [str(path.resolve()) for path in paths],
            "anchor": str(anchor.resolve()),
            "runtime": profile.runtime,
            "threads": profile.threads,
            "precision": profile.precision,
            "cpus": idlest_cpus(profile.threads) if profile.pinned else [],
        }
        (folder / "job.json").write_text(json.dumps(job))
        command = [sys.executable, "-m", "harness.measure.many", "job.json", "result.json"]
        environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            lines = done.stderr.strip().splitlines()
            raise SlimbenchError(f"not timed: {lines[-1] if lines else 'no message'}")
        return [(a, m) for a, m in json.loads((folder / "result.json").read_text())]


def random_inputs(path: Path) -> dict[str, np.ndarray]:
    """One request of random numbers for a model, {name: (1, *shape)}; integers are small."""
    graph = onnx.load(path, load_external_data=False).graph
    stored = {tensor.name for tensor in graph.initializer}
    random = np.random.default_rng(0)
    inputs = {}
    for item in graph.input:
        if item.name in stored:
            continue
        tensor = item.type.tensor_type
        shape = [max(dim.dim_value, 1) for dim in tensor.shape.dim]
        kind = onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type)
        values = random.normal(size=shape) if kind.kind == "f" else random.integers(0, 2, shape)
        inputs[item.name] = values.astype(kind)
    return inputs


def _main(job_path: str, result_path: str) -> None:
    job: dict[str, Any] = json.loads(Path(job_path).read_text())
    if job["cpus"]:
        os.sched_setaffinity(0, job["cpus"])
    gc.disable()
    plan = Plan(block_ms=BLOCK_MS)
    load = find_runtime(job["runtime"]).load

    def timer(path: str) -> Timer:
        model = load(Path(path), job["threads"], job["precision"])
        made = Timer(model, Requests(random_inputs(Path(path))), plan, check=False)
        made.calibrate()
        made.block()
        return made

    anchor = timer(job["anchor"])
    rows = []
    for path in job["models"]:
        model = timer(path)
        rows.append([anchor.block(), min(model.block() for _ in range(BLOCKS))])
    Path(result_path).write_text(json.dumps(rows))


if __name__ == "__main__":
    _main(*sys.argv[1:3])
