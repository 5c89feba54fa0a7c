"""ONNX Runtime on CPU, sequential execution, a fixed number of threads."""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path

import numpy as np

from harness.measure.runtimes import Model, NotRunnableError

LIBRARY = "onnxruntime"
STARTUP_SECONDS = 5.0
_MISSING = (
    r"Could not find an implementation for (\w+)",
    r"(?:No Op registered for|Unrecognized node.*?type:?) ?(\w+)",
    r"([\w.:]+)\(?\-?\d*\)? is not a registered function/op",
    r"Fatal error: ([\w.:]+)\(",
)


def version() -> str:
    """The installed version. Raises NotRunnableError when it is not installed."""
    try:
        return metadata.version(LIBRARY)
    except metadata.PackageNotFoundError:
        raise NotRunnableError("onnxruntime is not installed") from None


def load(path: Path, threads: int, precision: str = "fp32") -> Model:
    """A session on `threads` threads; the file itself decides the precision.

    Raises NotRunnableError naming the operator that this build lacks.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # noqa: BLE001  onnxruntime's exceptions share no base class
        raise _explained(error) from None

    def run(inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        outputs: list[np.ndarray] = session.run(None, inputs)
        return outputs

    return run


def _explained(error: Exception) -> Exception:
    for pattern in _MISSING:
        if match := re.search(pattern, str(error)):
            return NotRunnableError(match.group(1))
    return error
