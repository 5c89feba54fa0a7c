"""INT8 quantization-aware training: rounding in the forward pass, a QDQ graph at the end.

Source: Jacob et al. 2018, arXiv:1712.05877, section 3: int8 weights by output channel, uint8
activations by moving-average range, straight-through gradients.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from harness.problems import Compression

MOMENTUM = 0.99  # of the activation ranges, section 3.1


class QuantizedLinear(nn.Module):
    """A linear layer whose input and weight are rounded to 8 bits."""

    low: Tensor
    high: Tensor
    rows: Tensor | None

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.weight, self.bias = linear.weight, linear.bias
        self.in_features, self.out_features = linear.in_features, linear.out_features
        self.register_buffer("low", torch.tensor(0.0))
        self.register_buffer("high", torch.tensor(0.0))
        self.register_buffer("rows", None)
        self.frozen: tuple[Any, Any] | None = None

    def forward(self, inputs: Tensor) -> Tensor:
        """float (..., inputs) to float (..., outputs)."""
        if self.training:
            self._observe(inputs.detach().float())
        scale, zero = self.frozen or self._range()  # numbers once frozen, else tensors
        rounded = torch.fake_quantize_per_tensor_affine(inputs.float(), scale, zero, 0, 255)
        rows = self.rows if self.rows is not None else self._scale_of_rows()
        zeros = torch.zeros(len(rows), dtype=torch.int32, device=rows.device)
        weight = torch.fake_quantize_per_channel_affine(self.weight, rows, zeros, 0, -127, 127)
        outputs: Tensor = nn.functional.linear(rounded, weight, self.bias)
        return outputs

    def freeze(self) -> None:
        """Take the ranges as constants, which export needs."""
        scale, zero = self._range()
        self.frozen = (scale.item(), int(zero.item()))
        self.rows = self._scale_of_rows()

    def _scale_of_rows(self) -> Tensor:
        return self.weight.detach().abs().amax(1).clamp_min(1e-8) / 127  # (outputs,)

    def _range(self) -> tuple[Any, Any]:
        scale = torch.clamp((self.high - self.low) / 255, min=1e-8)
        return scale, (-self.low / scale).round().clamp(0, 255).to(torch.int32)

    @torch.no_grad()
    def _observe(self, inputs: Tensor) -> None:
        low, high = inputs.amin().clamp(max=0), inputs.amax().clamp(min=0)
        keep = MOMENTUM if self.high > self.low else 0.0
        self.low.mul_(keep).add_((1 - keep) * low)
        self.high.mul_(keep).add_((1 - keep) * high)


class QuantizedEmbedding(nn.Module):
    """An embedding whose table is rounded to 8 bits, one scale for the whole."""

    def __init__(self, embedding: nn.Embedding) -> None:
        super().__init__()
        self.weight = embedding.weight
        self.frozen: tuple[Any, Any] | None = None

    def forward(self, ids: Tensor) -> Tensor:
        """int64 (n, t) to float (n, t, width)."""
        scale, zero = self.frozen or self._range()  # numbers once frozen, else tensors
        table = torch.fake_quantize_per_tensor_affine(self.weight, scale, zero, -127, 127)
        return nn.functional.embedding(ids, table)

    def freeze(self) -> None:
        """Take the scale as a plain number, which export needs."""
        self.frozen = (self._range()[0].item(), 0)

    def _range(self) -> tuple[Any, Any]:
        scale = self.weight.detach().abs().amax().clamp_min(1e-8) / 127
        return scale, torch.zeros((), dtype=torch.int32, device=scale.device)


def quantization_aware(model: nn.Module) -> nn.Module:
    """The model with every linear layer and large embedding rounding, in place."""
    for name, module in list(model.named_modules()):
        if isinstance(module, nn.Linear):
            model.set_submodule(name, QuantizedLinear(module))
        elif isinstance(module, nn.Embedding) and module.num_embeddings > 1000:
            model.set_submodule(name, QuantizedEmbedding(module))
    return model


def export_int8(problem: Compression, model: nn.Module) -> onnx.ModelProto:
    """A QDQ graph whose quantized weights are stored as int8."""
    for module in model.modules():
        if isinstance(module, QuantizedLinear | QuantizedEmbedding):
            module.freeze()
    graph = problem.export(model)
    _store_int8(graph.graph)
    onnx.checker.check_model(graph)
    return graph


def _store_int8(graph: onnx.GraphProto) -> None:
    """Replace QuantizeLinear on constants by its result, and gather rows before dequantizing."""
    constants = {each.name: each for each in graph.initializer}
    for node in [each for each in graph.node if each.op_type == "QuantizeLinear"]:
        if node.input[0] in constants:
            axis = next((a.i for a in node.attribute if a.name == "axis"), 1)
            arrays = [numpy_helper.to_array(constants[name]) for name in node.input]
            stored = _quantized(axis, *arrays)
            graph.initializer.append(numpy_helper.from_array(stored, node.output[0]))
            graph.node.remove(node)
    _gather_first(graph)
    used = {name for node in graph.node for name in node.input}
    for each in [each for each in graph.initializer if each.name not in used]:
        graph.initializer.remove(each)
    known = {each.name for each in graph.value_info}
    for info in [each for each in graph.value_info if each.name in known - used]:
        graph.value_info.remove(info)


def _quantized(axis: int, values: np.ndarray, scale: np.ndarray, zero: np.ndarray) -> np.ndarray:
    shape = [-1 if index == axis else 1 for index in range(values.ndim)]
    by = scale.reshape(shape) if scale.ndim else scale
    limits = np.iinfo(zero.dtype)
    offset = zero.astype(np.float32).reshape(shape if zero.ndim else ())
    rounded = np.clip(np.rint(values / by) + offset, limits.min, limits.max)
    return np.asarray(rounded, zero.dtype)


def _gather_first(graph: onnx.GraphProto) -> None:
    """Dequantize(table) then Gather becomes Gather(int8 table) then Dequantize."""
    tables = {each.name for each in graph.initializer}
    source = {n.output[0]: n for n in graph.node if n.op_type == "DequantizeLinear"}
    readers: dict[str, int] = {}
    for node in graph.node:
        for name in node.input:
            readers[name] = readers.get(name, 0) + 1
    for gather in [each for each in graph.node if each.op_type == "Gather"]:
        restore = source.get(gather.input[0])
        if restore is None or restore.input[0] not in tables or readers[gather.input[0]] != 1:
            continue
        table, rows, result = restore.input[0], f"{gather.output[0]}/int8", gather.output[0]
        graph.node.remove(restore)
        position = list(graph.node).index(gather)
        gather.input[0], gather.output[0] = table, rows
        restore.input[0], restore.output[0] = rows, result
        graph.node.insert(position + 1, restore)
