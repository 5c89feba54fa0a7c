"""Quick latencies of many small models in few processes, for latency tables; never published.

    python -m harness.measure.many JOB.json RESULT.json

Each model is timed beside a block of an anchor, which tells the minutes in which the machine was
slow: those do not count. A model is done when its two fastest starts agree.
"""

from __future__ import annotations

import gc
import json
import os
import re
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
MOST_STARTS = 12
SLOW, AGREE = 1.05, 1.02  # a slow anchor over its best; the two fastest starts of a model


def latencies_ms(paths: Sequence[Path], anchor: Path, profile: Profile) -> list[float]:
    """Each model's latency in ms at batch 1: its fastest start on the machine at its best.

    Only starts count beside which the anchor was as fast as it gets. A model is timed in new
    processes until two of them agree within 2%, at most MOST_STARTS. Raises SlimbenchError when a
    model does not run.
    """
    tables: list[list[tuple[float, float]]] = [[] for _ in paths]
    with measuring():
        for _ in range(MOST_STARTS):
            open_ones = [at for at, times in enumerate(_undisturbed(tables)) if not _agree(times)]
            for begin in range(0, len(open_ones), CHUNK):
                chunk = open_ones[begin : begin + CHUNK]
                timed = _one_process([paths[at] for at in chunk], anchor, profile)
                for at, row in zip(chunk, timed, strict=True):
                    tables[at].append(row)
    found = zip(_undisturbed(tables), tables, strict=True)
    return [times[0] if times else min(model for _, model in rows) for times, rows in found]


def _undisturbed(tables: Sequence[Sequence[tuple[float, float]]]) -> list[list[float]]:
    """Each model's times in ms, the fastest first, of the starts beside a fast anchor.

    `tables[model]` lists (anchor, model) of every start so far.
    """
    fastest = min((anchor for rows in tables for anchor, _ in rows), default=0.0)
    return [sorted(model for anchor, model in rows if anchor <= SLOW * fastest) for rows in tables]


def _agree(times: Sequence[float]) -> bool:
    """Whether the two fastest of sorted times say the same."""
    return len(times) > 1 and times[1] <= AGREE * times[0]


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
            said = re.split(r"^  .*\n", done.stderr.strip(), flags=re.MULTILINE)[-1]  # no frames
            raise SlimbenchError(f"not timed: {' '.join(said.split()) or 'no message'}")
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


class _AsItIs(Requests):
    """One request, given whole: the first axis of an operator's inputs need not be a batch."""

    def fresh(self, batch: int = 1) -> tuple[list[int], dict[str, np.ndarray]]:
        """Copies of all inputs that no model has seen."""
        return [0], {name: array.copy() for name, array in self.inputs.items()}


def _main(job_path: str, result_path: str) -> None:
    job: dict[str, Any] = json.loads(Path(job_path).read_text())
    if job["cpus"]:
        os.sched_setaffinity(0, job["cpus"])
    gc.disable()
    plan = Plan(block_ms=BLOCK_MS)
    load = find_runtime(job["runtime"]).load

    def timer(path: str) -> Timer:
        model = load(Path(path), job["threads"], job["precision"])
        made = Timer(model, _AsItIs(random_inputs(Path(path))), plan, check=False)
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
