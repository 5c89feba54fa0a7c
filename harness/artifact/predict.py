"""Predictions of an artifact on prepared splits, in a process without torch.

    python -m harness.artifact.predict MODEL.onnx DATA_FOLDER THREADS OUT SPLIT...

`OUT/outputs.SPLIT.npz` gets the raw outputs of the graph in order, `output_0`, `output_1`, ...
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

from harness import environment
from harness.artifact.check import nodes_of
from harness.data import load_split

BATCH = 100


def batch_of(model: Path) -> int:
    """How many examples the graph may see at once and still answer as when it is served.

    Dynamic quantization takes one scale from all examples of a batch, so such a graph answers a
    request that comes alone otherwise than the same request among others: it is scored one by one.
    """
    nodes = nodes_of(model, onnx.load(model, load_external_data=False))
    dynamic = any(node.op_type.startswith("DynamicQuantize") for node in nodes)
    return 1 if dynamic else BATCH


def session(model: Path, threads: int) -> onnxruntime.InferenceSession:
    """The graph opened in ONNX Runtime on CPU."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


def run_in_batches(
    opened: onnxruntime.InferenceSession, inputs: Mapping[str, np.ndarray], batch: int = BATCH
) -> list[np.ndarray]:
    """Outputs (n, ...) of the graph for `inputs` {name: (n, ...)}.

    Raises ValueError when the graph asks for an input that is not given.
    """
    names = [each.name for each in opened.get_inputs()]
    missing = set(names) - set(inputs)
    if missing:
        raise ValueError(f"the graph asks for {sorted(missing)}, the task gives {sorted(inputs)}")
    count = len(next(iter(inputs.values())))
    parts = [
        opened.run(
            None,
            {name: np.ascontiguousarray(inputs[name][start : start + batch]) for name in names},
        )
        for start in range(0, count, batch)
    ]
    return [np.concatenate(outputs) for outputs in zip(*parts, strict=True)]


def predict(
    model: Path, folder: Path, splits: Sequence[str], threads: int = 1
) -> Iterator[tuple[str, list[np.ndarray]]]:
    """Each split's name and the graph's outputs (n, ...) for every example of it."""
    opened, batch = session(model, threads), batch_of(model)
    for split in splits:
        yield split, run_in_batches(opened, load_split(folder, split).inputs, batch)


if __name__ == "__main__":
    environment.die_with_parent()
    model, folder, threads, out, *splits = sys.argv[1:]
    for split, outputs in predict(Path(model), Path(folder), splits, int(threads)):
        named = {f"output_{index}": array for index, array in enumerate(outputs)}
        np.savez(Path(out) / f"outputs.{split}.npz", **named)  # type: ignore[arg-type]
