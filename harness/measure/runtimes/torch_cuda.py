"""PyTorch on one CUDA device: the ONNX graph as torch calls, captured once as a CUDA graph.

Precisions: fp32, bf16, fp16, and `fp16-2:4`, where weights of matrix products that hold two
non-zeros in each four run on the sparse tensor cores. Outputs are copied to the host before a
call returns, so a lazy result cannot be timed as a finished one.
"""

from __future__ import annotations

from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from harness.measure.runtimes import Model, NotRunnableError

LIBRARY = "torch"
STARTUP_SECONDS = 90.0
_DTYPES = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16", "fp16-2:4": "float16"}
WARM_CALLS = 3


def version() -> str:
    """The installed version. Raises NotRunnableError where there is no torch."""
    try:
        return metadata.version(LIBRARY)
    except metadata.PackageNotFoundError:
        raise NotRunnableError("torch is not installed") from None


def load(path: Path, threads: int, precision: str = "fp32", device: str = "cuda") -> Model:
    """The model on the device; a CUDA graph is captured for each batch size when first met.

    Raises NotRunnableError naming the operator that has no torch function, or the missing device.
    """
    import torch

    from harness.artifact.as_torch import UnknownOperatorError, as_torch

    if device == "cuda" and not torch.cuda.is_available():
        raise NotRunnableError("no CUDA device")
    torch.set_num_threads(threads)
    try:
        module = as_torch(path, getattr(torch, _DTYPES[precision]), device)
    except UnknownOperatorError as error:
        raise NotRunnableError(str(error)) from None
    if precision == "fp16-2:4" and device == "cuda":
        _sparsify(module)
    captured: dict[int, _Captured] = {}

    def run(inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        arrays = [torch.from_numpy(inputs[name]) for name in module.inputs]
        with torch.inference_mode():
            if device != "cuda":
                return [_on_host(output) for output in module(*arrays)]
            batch = len(arrays[0])
            if batch not in captured:
                captured[batch] = _Captured(module, arrays)
            return captured[batch](arrays)

    return run


class _Captured:
    """One CUDA graph with its own input and output memory, for one batch size."""

    def __init__(self, module: Any, arrays: list[Any]) -> None:
        import torch

        self.inputs = [array.cuda() for array in arrays]
        side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(WARM_CALLS):
                module(*self.inputs)
        torch.cuda.current_stream().wait_stream(side)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.outputs = module(*self.inputs)

    def __call__(self, arrays: list[Any]) -> list[np.ndarray]:
        for held, array in zip(self.inputs, arrays, strict=True):
            held.copy_(array)
        self.graph.replay()
        return [_on_host(output) for output in self.outputs]


def _on_host(output: Any) -> np.ndarray:
    array: np.ndarray = (
        output.float().cpu().numpy() if output.is_floating_point() else output.cpu().numpy()
    )
    return array


def _sparsify(module: Any) -> None:
    """Replace 2:4 weights of matrix products by torch's semi-structured tensors."""
    from torch.sparse import to_sparse_semi_structured

    from harness.artifact.torch_quantized import two_of_four

    for name, weight in module.stored.items():
        if weight.is_floating_point() and two_of_four(weight.T if weight.dim() == 2 else weight):
            module.stored[name] = to_sparse_semi_structured(weight.T.contiguous()).t()
