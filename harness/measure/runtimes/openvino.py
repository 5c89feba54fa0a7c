"""OpenVINO on CPU, one stream, a fixed number of threads, fp32 or bf16 inside.

INT8 comes from the file: OpenVINO runs QDQ graphs in INT8 on its own.
"""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from harness.measure.runtimes import Model, NotRunnableError

LIBRARY = "openvino"
STARTUP_SECONDS = 15.0
_INNER = {"fp32": "f32", "bf16": "bf16", "int8": "f32"}


def version() -> str:
    """The installed version. Raises NotRunnableError when it is not installed."""
    try:
        return metadata.version(LIBRARY)
    except metadata.PackageNotFoundError:
        raise NotRunnableError(
            "openvino is not installed (pip install slimbench[openvino])"
        ) from None


def load(path: Path, threads: int, precision: str = "fp32") -> Model:
    """A compiled model for latency on `threads` threads.

    Raises NotRunnableError naming the operator that OpenVINO cannot convert.
    """
    import openvino

    core = openvino.Core()
    options: dict[str, Any] = {
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": 1,
        "INFERENCE_NUM_THREADS": threads,
        "INFERENCE_PRECISION_HINT": _INNER[precision],
        "ENABLE_CPU_PINNING": False,
    }
    try:
        compiled = core.compile_model(core.read_model(str(path)), "CPU", options)
    except RuntimeError as error:
        raise _explained(error) from None
    request = compiled.create_infer_request()
    outputs = list(compiled.outputs)

    def run(inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        found = request.infer(inputs, share_inputs=True)
        return [np.array(found[output]) for output in outputs]

    return run


def _explained(error: RuntimeError) -> Exception:
    if match := re.search(r"No conversion rule found for operations: (\S+)", str(error)):
        return NotRunnableError(match.group(1).rstrip(","))
    return error
