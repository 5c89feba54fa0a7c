"""An ONNX file as a torch module that runs its nodes in order, for runtimes built on torch.

Written for inference with fixed shapes. Shapes and other small integers stay on the CPU, so that
a CUDA graph can be captured; an operator that is not here raises UnknownOperatorError naming it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from harness.artifact.graph import constant_tensor, read_model
from harness.artifact.torch_operators import OPERATORS, Attributes

Value = Tensor | None


class UnknownOperatorError(Exception):
    """The graph holds an operator that torch_operators.py has no function for; says which."""


class OnnxModule(nn.Module):
    """A graph's nodes as torch calls; floating-point tensors are held and cast to `dtype`."""

    def __init__(self, model: onnx.ModelProto, dtype: torch.dtype, device: torch.device) -> None:
        super().__init__()
        self.dtype, self.device = dtype, device
        graph = model.graph
        stored = {tensor.name: _to_torch(tensor) for tensor in graph.initializer}
        self.inputs = [item.name for item in graph.input if item.name not in stored]
        self.outputs = [item.name for item in graph.output]
        self.steps: list[tuple[Any, list[str], list[str], Attributes]] = []
        for node in graph.node:
            if node.op_type == "Constant":
                stored[node.output[0]] = _to_torch(constant_tensor(node))
                continue
            domain = "" if node.domain == "ai.onnx" else node.domain
            function = OPERATORS.get((domain, node.op_type))
            if function is None:
                raise UnknownOperatorError(".".join(filter(None, (domain, node.op_type))))
            self.steps.append((function, list(node.input), list(node.output), self._read(node)))
        self.stored = {name: self._placed(tensor) for name, tensor in stored.items()}
        self.last_use = self._last_uses()

    def _placed(self, tensor: Tensor) -> Tensor:
        """Floats and quantised weights go to the device, integers that may be shapes stay."""
        if tensor.is_floating_point():
            return tensor.to(self.device, self.dtype)
        return tensor if tensor.dtype == torch.int64 else tensor.to(self.device)

    def _read(self, node: onnx.NodeProto) -> Attributes:
        values = {item.name: onnx.helper.get_attribute_value(item) for item in node.attribute}
        return Attributes(values, self.dtype, self.device, len(node.output))

    def _last_uses(self) -> list[list[str]]:
        """Names that no later step reads, step by step, so that memory is given back."""
        seen = set(self.outputs) | set(self.stored)
        last: list[list[str]] = []
        for _, inputs, outputs, _ in reversed(self.steps):
            last.append([name for name in dict.fromkeys((*inputs, *outputs)) if name not in seen])
            seen.update(inputs, outputs)
        return last[::-1]

    def forward(self, *arrays: Tensor) -> list[Tensor]:
        """The graph's outputs in order for its inputs in order."""
        values: dict[str, Value] = {**self.stored, "": None}
        for name, array in zip(self.inputs, arrays, strict=True):
            placed = array.to(self.device)
            values[name] = placed.to(self.dtype) if placed.is_floating_point() else placed
        for (function, inputs, outputs, attributes), unused in zip(
            self.steps, self.last_use, strict=True
        ):
            found = function(attributes, *(values[name] for name in inputs))
            several = found if isinstance(found, (tuple, list)) else (found,)
            values.update(zip(outputs, several, strict=False))
            for name in unused:
                values.pop(name, None)
        return [_given(values[name]) for name in self.outputs]


def as_torch(
    path: Path, dtype: torch.dtype = torch.float32, device: str | torch.device = "cpu"
) -> OnnxModule:
    """The ONNX file as an inference module.

    Raises UnknownOperatorError naming the first operator that is missing.
    """
    return OnnxModule(read_model(path), dtype, torch.device(device)).eval()


def _given(value: Value) -> Tensor:
    assert value is not None
    return value


def _to_torch(tensor: onnx.TensorProto) -> Tensor:
    array = numpy_helper.to_array(tensor)
    if array.dtype.name in ("int4", "uint4"):
        array = array.astype(np.int8 if array.dtype.name == "int4" else np.uint8)
    return torch.from_numpy(np.array(array))
