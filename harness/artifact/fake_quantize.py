"""torch's fake quantization as QuantizeLinear and DequantizeLinear, for the ONNX exporter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from onnx import numpy_helper
from onnxscript import opset20 as op

from harness.errors import SlimbenchError

SIGNED, UNSIGNED = (-127, 127), (0, 255)


def _zero_type(low: int, high: int) -> type[np.generic]:
    if (low, high) in (SIGNED, (-128, 127)):
        return np.int8
    if (low, high) == UNSIGNED:
        return np.uint8
    raise SlimbenchError(
        f"fake quantization to [{low}, {high}] has no QDQ form; use [-127, 127] or [0, 255]"
    )


def per_tensor(value: Any, scale: float, zero: int, low: int, high: int) -> Any:
    """fake_quantize_per_tensor_affine with plain numbers."""
    offset = op.Constant(value=numpy_helper.from_array(np.array(zero, _zero_type(low, high))))
    factor = op.Constant(value=numpy_helper.from_array(np.array(scale, np.float32)))
    return op.DequantizeLinear(op.QuantizeLinear(value, factor, offset), factor, offset)


def per_channel(value: Any, scale: Any, zero: Any, axis: int, low: int, high: int) -> Any:
    """fake_quantize_per_channel_affine; scale and zero point (channels,) are tensors."""
    kind = numpy_helper.from_array(np.zeros(0, _zero_type(low, high))).data_type
    offset = op.Cast(zero, to=kind)
    stored = op.QuantizeLinear(value, scale, offset, axis=axis)
    return op.DequantizeLinear(stored, scale, offset, axis=axis)


def _shapes(value: torch.Tensor, *_: Any) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.empty_like(value), torch.empty_like(value, dtype=torch.bool)


# Without these, torch.export cannot trace fake quantization behind a free batch size.
_META = torch.library.Library("aten", "IMPL", "Meta")  # type: ignore[no-untyped-call]
for _kind in ("tensor", "channel"):
    _META.impl(f"fake_quantize_per_{_kind}_affine_cachemask", _shapes)  # type: ignore[no-untyped-call]

TRANSLATIONS: dict[Callable[..., Any], Callable[..., Any]] = {
    torch.ops.aten.fake_quantize_per_tensor_affine.default: per_tensor,
    torch.ops.aten.fake_quantize_per_channel_affine.default: per_channel,
}
