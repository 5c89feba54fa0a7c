"""ONNX quantisation in torch: simulated with exact integers held in floats or int32."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from harness.artifact.torch_attributes import Attributes

Function = Callable[..., Any]


def _along(a: Attributes, x: Tensor, values: Tensor) -> Tensor:
    """A per-tensor value, or a per-channel one shaped to broadcast along the axis."""
    if values.numel() == 1:
        return values.reshape(())
    axis = a.get("axis", 1) % x.dim()
    return values.reshape([-1 if i == axis else 1 for i in range(x.dim())])


def quantize(a: Attributes, x: Tensor, scale: Tensor, zero: Tensor | None = None) -> Tensor:
    """Round half to even, shift, saturate."""
    kind = zero.dtype if zero is not None else torch.uint8
    shift = _along(a, x, zero).float() if zero is not None else 0.0
    limits = torch.iinfo(kind)
    rounded = torch.round(x.float() / _along(a, x, scale).float()) + shift
    return rounded.clamp(limits.min, limits.max).to(kind)


def dequantize(a: Attributes, x: Tensor, scale: Tensor, zero: Tensor | None = None) -> Tensor:
    """(x - zero) * scale in the float type in use."""
    shift = _along(a, x, zero).float() if zero is not None else 0.0
    return ((x.float() - shift) * _along(a, x, scale).float()).to(a.dtype)


def _dynamic(a: Attributes, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    low, high = x.float().amin().clamp(max=0), x.float().amax().clamp(min=0)
    scale = (high - low) / 255
    scale = torch.where(scale == 0, torch.ones_like(scale), scale)
    zero = torch.round(-low / scale).clamp(0, 255)
    rounded = (torch.round(x.float() / scale) + zero).clamp(0, 255)
    return rounded.to(torch.uint8), scale, zero.to(torch.uint8)


def _shifted(x: Tensor, zero: Tensor | None) -> Tensor:
    return x.double() if zero is None else x.double() - zero.double()


def _matmul_integer(
    a: Attributes, x: Tensor, y: Tensor, x_zero: Tensor | None = None, y_zero: Tensor | None = None
) -> Tensor:
    return (_shifted(x, x_zero) @ _shifted(y, y_zero)).to(torch.int32)


def _conv_integer(
    a: Attributes, x: Tensor, y: Tensor, x_zero: Tensor | None = None, y_zero: Tensor | None = None
) -> Tensor:
    from harness.artifact.torch_operators import convolution

    return convolution(a, _shifted(x, x_zero), _shifted(y, y_zero)).to(torch.int32)


def two_of_four(weight: Tensor) -> bool:
    """Whether each four neighbours of a (out, in) weight hold at most two non-zeros."""
    if weight.dim() != 2 or weight.shape[1] % 4:
        return False
    return bool(((weight.reshape(-1, 4) != 0).sum(1) <= 2).all())


def _nbits(
    a: Attributes, x: Tensor, packed: Tensor, scales: Tensor, zeros: Tensor | None = None
) -> Tensor:
    if a.get("bits", 4) != 4 or zeros is not None:
        raise NotImplementedError("MatMulNBits other than symmetric 4 bits")
    rows, columns, block = a.get("N"), a.get("K"), a.get("block_size")
    packed = packed.reshape(rows, -1)
    numbers = torch.stack((packed & 15, packed >> 4), -1).reshape(rows, -1, block)
    weight = (numbers.float() - 8) * scales.reshape(rows, -1, 1).float()
    return functional.linear(x, weight.reshape(rows, -1)[:, :columns].to(x.dtype))


QUANTIZED: dict[tuple[str, str], Function] = {
    ("", "QuantizeLinear"): quantize,
    ("", "DequantizeLinear"): dequantize,
    ("com.microsoft", "QuantizeLinear"): quantize,
    ("com.microsoft", "DequantizeLinear"): dequantize,
    ("", "DynamicQuantizeLinear"): _dynamic,
    ("", "MatMulInteger"): _matmul_integer,
    ("", "ConvInteger"): _conv_integer,
    ("com.microsoft", "MatMulNBits"): _nbits,
}
