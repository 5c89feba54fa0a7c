"""Predictions of an artifact on a prepared split, in a process without torch.

    python -m harness.artifact.predict MODEL.onnx DATA_FOLDER SPLIT THREADS OUT.npz

`OUT.npz` gets the raw outputs of the graph in order, `output_0`, `output_1`, ...
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnxruntime

from harness.data import load_split

BATCH = 100


def predict(model: Path, folder: Path, split: str, threads: int = 1) -> list[np.ndarray]:
    """Outputs (n, ...) of the graph for every example of the split, in batches of BATCH."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    data = load_split(folder, split)
    names = [each.name for each in session.get_inputs()]
    missing = set(names) - set(data.inputs)
    if missing:
        raise ValueError(
            f"the graph asks for {sorted(missing)}, the task gives {sorted(data.inputs)}"
        )
    parts = [
        session.run(
            None,
            {
                name: np.ascontiguousarray(data.inputs[name][start : start + BATCH])
                for name in names
            },
        )
        for start in range(0, len(data), BATCH)
    ]
    return [np.concatenate(outputs) for outputs in zip(*parts, strict=True)]


if __name__ == "__main__":
    model, folder, split, threads, out = sys.argv[1:]
    outputs = predict(Path(model), Path(folder), split, int(threads))
    named = {f"output_{index}": array for index, array in enumerate(outputs)}
    np.savez(out, **named)  # type: ignore[arg-type]
