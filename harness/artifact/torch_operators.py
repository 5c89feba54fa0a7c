"""One torch function for each ONNX operator: `function(attributes, *inputs)`.

Source: the ONNX operator specification, opset 13 and later (axes and shapes come as inputs).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from harness.artifact.torch_attributes import Attributes, integers, together
from harness.artifact.torch_layout import LAYOUT
from harness.artifact.torch_quantized import QUANTIZED
from harness.artifact.torch_recurrent import RECURRENT

__all__ = ["OPERATORS", "Attributes"]

Function = Callable[..., Any]


def _elementwise(function: Function) -> Function:
    return lambda a, *tensors: function(*together(tensors))


def _pads(a: Attributes, x: Tensor, kernel: Sequence[int]) -> list[int]:
    """ONNX padding (begin..., end...) of the spatial dimensions, `auto_pad` resolved."""
    spatial = len(kernel)
    pads = list(a.get("pads", [0] * 2 * spatial))
    auto = a.get("auto_pad", b"NOTSET").decode()
    if auto.startswith("SAME"):
        strides = a.get("strides", [1] * spatial)
        sizes = [
            max((math.ceil(n / s) - 1) * s + k - n, 0)
            for n, s, k in zip(x.shape[2:], strides, kernel, strict=True)
        ]
        small = [size // 2 for size in sizes]
        large = [size - half for size, half in zip(sizes, small, strict=True)]
        pads = [*small, *large] if auto == "SAME_UPPER" else [*large, *small]
    return pads


def _padded(x: Tensor, pads: Sequence[int], value: float = 0.0) -> tuple[Tensor, list[int]]:
    """Symmetric padding is left to the operator; the rest is added here."""
    half = len(pads) // 2
    if list(pads[:half]) == list(pads[half:]):
        return x, list(pads[:half])
    order = [pads[i + side * half] for i in reversed(range(half)) for side in (0, 1)]
    return functional.pad(x, order, value=value), [0] * half


def convolution(a: Attributes, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Conv of one to three spatial dimensions."""
    spatial = weight.dim() - 2
    x, pads = _padded(x, _pads(a, x, weight.shape[2:]))
    function: Function = (functional.conv1d, functional.conv2d, functional.conv3d)[spatial - 1]
    strides, dilations = a.get("strides", [1] * spatial), a.get("dilations", [1] * spatial)
    result: Tensor = function(x, weight, bias, strides, pads, dilations, a.get("group", 1))
    return result


def _transposed(a: Attributes, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    spatial = weight.dim() - 2
    names = ("conv_transpose1d", "conv_transpose2d", "conv_transpose3d")
    function = getattr(functional, names[spatial - 1])
    pads = list(a.get("pads", [0] * 2 * spatial))[:spatial]
    extra, ones = a.get("output_padding", [0] * spatial), [1] * spatial
    strides, dilations = a.get("strides", ones), a.get("dilations", ones)
    result: Tensor = function(x, weight, bias, strides, pads, extra, a.get("group", 1), dilations)
    return result


def _gemm(a: Attributes, left: Tensor, right: Tensor, bias: Tensor | None = None) -> Tensor:
    left = left.T if a.get("transA", 0) else left
    right = right.T if a.get("transB", 0) else right
    result = a.get("alpha", 1.0) * (left @ right) if a.get("alpha", 1.0) != 1 else left @ right
    return result if bias is None else result + a.get("beta", 1.0) * bias


def _pool(name: str) -> Function:
    def pool(a: Attributes, x: Tensor) -> Tensor:
        kernel = a.get("kernel_shape")
        spatial = len(kernel)
        lowest = -math.inf if name == "max_pool" else 0.0
        x, pads = _padded(x, _pads(a, x, kernel), lowest)
        function = getattr(functional, f"{name}{spatial}d")
        options: dict[str, Any] = {"ceil_mode": bool(a.get("ceil_mode", 0))}
        if name == "max_pool":
            options["dilation"] = a.get("dilations", [1] * spatial)
        else:
            options["count_include_pad"] = bool(a.get("count_include_pad", 0))
        result: Tensor = function(x, kernel, a.get("strides", [1] * spatial), pads, **options)
        return result

    return pool


def _batch_norm(
    a: Attributes, x: Tensor, scale: Tensor, bias: Tensor, mean: Tensor, variance: Tensor
) -> Tensor:
    return functional.batch_norm(x, mean, variance, scale, bias, False, 0.0, a.get("epsilon", 1e-5))


def _layer_norm(a: Attributes, x: Tensor, scale: Tensor, bias: Tensor | None = None) -> Tensor:
    axis = a.get("axis", -1) % x.dim()
    shape = x.shape[axis:]
    bias = bias.expand(shape) if bias is not None else None
    return functional.layer_norm(x, shape, scale.expand(shape), bias, a.get("epsilon", 1e-5))


def _group_norm(a: Attributes, x: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
    return functional.group_norm(x, a.get("num_groups"), scale, bias, a.get("epsilon", 1e-5))


def _instance_norm(a: Attributes, x: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
    return functional.instance_norm(x, weight=scale, bias=bias, eps=a.get("epsilon", 1e-5))


def _reduce(function: Callable[[Tensor, list[int], bool], Tensor]) -> Function:
    def reduce(a: Attributes, x: Tensor, axes: Tensor | None = None) -> Tensor:
        listed = integers(axes) if axes is not None else list(a.get("axes", []))
        if not listed:
            if a.get("noop_with_empty_axes", 0):
                return x
            listed = list(range(x.dim()))
        return function(x, listed, bool(a.get("keepdims", 1)))

    return reduce


def _arg(function: Function) -> Function:
    return lambda a, x: function(x, dim=a.get("axis", 0), keepdim=bool(a.get("keepdims", 1)))


def _topk(a: Attributes, x: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
    found = torch.topk(x, integers(k)[0], a.get("axis", -1), bool(a.get("largest", 1)))
    return found.values, found.indices


def _softmax(a: Attributes, x: Tensor) -> Tensor:
    return torch.softmax(x, a.get("axis", -1))


def _gelu(a: Attributes, x: Tensor) -> Tensor:
    return functional.gelu(x, approximate=a.get("approximate", b"none").decode())


def _clip(
    a: Attributes, x: Tensor, low: Tensor | None = None, high: Tensor | None = None
) -> Tensor:
    if low is not None:
        x = torch.maximum(*together((x, low)))
    return x if high is None else torch.minimum(*together((x, high)))


def _hard_sigmoid(a: Attributes, x: Tensor) -> Tensor:
    slope, shift = float(a.get("alpha", 0.2)), float(a.get("beta", 0.5))
    return (slope * x + shift).clamp(0, 1)


def _power(a: Attributes, x: Tensor, exponent: Tensor) -> Tensor:
    x, exponent = together((x, exponent))
    result: Tensor = torch.pow(x, exponent).to(x.dtype)
    return result


def _divide(a: Attributes, x: Tensor, y: Tensor) -> Tensor:
    x, y = together((x, y))
    return x / y if x.is_floating_point() else torch.div(x, y, rounding_mode="trunc")


def _modulo(a: Attributes, x: Tensor, y: Tensor) -> Tensor:
    function: Function = torch.fmod if a.get("fmod", 0) else torch.remainder
    result: Tensor = function(*together((x, y)))
    return result


def _attention(
    a: Attributes, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None
) -> Tensor:
    split = query.dim() == 3
    heads = a.get("q_num_heads", 1)
    if split:
        query, key, value = (
            each.reshape(*each.shape[:2], heads, -1).transpose(1, 2) for each in (query, key, value)
        )
    found = functional.scaled_dot_product_attention(
        query, key, value, mask, is_causal=bool(a.get("is_causal", 0)), scale=a.get("scale", None)
    )
    return found.transpose(1, 2).flatten(2) if split else found


def _product(x: Tensor, axes: list[int], keep: bool) -> Tensor:
    for axis in sorted((axis % x.dim() for axis in axes), reverse=True):
        x = x.prod(axis, keepdim=keep)
    return x


_UNARY: dict[str, Function] = {
    "Abs": torch.abs, "Acos": torch.acos, "Asin": torch.asin, "Atan": torch.atan,
    "Ceil": torch.ceil, "Cos": torch.cos, "Erf": torch.erf, "Exp": torch.exp,
    "Floor": torch.floor, "HardSwish": functional.hardswish, "IsNaN": torch.isnan,
    "Log": torch.log, "Mish": functional.mish, "Neg": torch.neg, "Not": torch.logical_not,
    "Reciprocal": torch.reciprocal, "Relu": torch.relu, "Round": torch.round,
    "Sigmoid": torch.sigmoid, "Sign": torch.sign, "Sin": torch.sin, "Softplus": functional.softplus,
    "Softsign": functional.softsign, "Sqrt": torch.sqrt, "Tan": torch.tan, "Tanh": torch.tanh,
    "Identity": lambda x: x,
}  # fmt: skip
_BINARY: dict[str, Function] = {
    "Add": torch.add, "And": torch.logical_and, "Equal": torch.eq, "Greater": torch.gt,
    "GreaterOrEqual": torch.ge, "Less": torch.lt, "LessOrEqual": torch.le, "MatMul": torch.matmul,
    "Mul": torch.mul, "Or": torch.logical_or, "PRelu": lambda x, s: torch.where(x < 0, x * s, x),
    "Sub": torch.sub, "Where": torch.where, "Xor": torch.logical_xor,
}  # fmt: skip
_REDUCTIONS: dict[str, Callable[[Tensor, list[int], bool], Tensor]] = {
    "ReduceMean": torch.mean, "ReduceSum": torch.sum, "ReduceMax": torch.amax,
    "ReduceMin": torch.amin, "ReduceLogSumExp": torch.logsumexp,
    "ReduceProd": _product,
    "ReduceL1": lambda x, axes, keep: x.abs().sum(axes, keep),
    "ReduceL2": lambda x, axes, keep: x.square().sum(axes, keep).sqrt(),
    "ReduceSumSquare": lambda x, axes, keep: x.square().sum(axes, keep),
}  # fmt: skip


def _several(function: Function) -> Function:
    """Max, Min, Sum and Mean of any number of tensors."""

    def fold(a: Attributes, *tensors: Tensor) -> Tensor:
        first, *rest = together(tensors)
        for each in rest:
            first = function(first, each)
        return first

    return fold


OPERATORS: dict[tuple[str, str], Function] = {
    **{("", name): _elementwise(function) for name, function in (_UNARY | _BINARY).items()},
    **{("", name): _reduce(function) for name, function in _REDUCTIONS.items()},
    **LAYOUT,
    **QUANTIZED,
    **RECURRENT,
    ("", "ArgMax"): _arg(torch.argmax),
    ("", "ArgMin"): _arg(torch.argmin),
    ("", "Attention"): _attention,
    ("", "AveragePool"): _pool("avg_pool"),
    ("", "BatchNormalization"): _batch_norm,
    ("", "Clip"): _clip,
    ("", "Conv"): convolution,
    ("", "ConvTranspose"): _transposed,
    ("", "Div"): _divide,
    ("", "Dropout"): lambda a, x, *rest: x,
    ("", "Einsum"): lambda a, *each: torch.einsum(a.get("equation").decode(), *together(each)),
    ("", "Elu"): lambda a, x: functional.elu(x, a.get("alpha", 1.0)),
    ("", "Gelu"): _gelu,
    ("", "Gemm"): _gemm,
    ("", "GlobalAveragePool"): lambda a, x: x.mean(tuple(range(2, x.dim())), keepdim=True),
    ("", "GlobalMaxPool"): lambda a, x: x.amax(tuple(range(2, x.dim())), keepdim=True),
    ("", "GroupNormalization"): _group_norm,
    ("", "HardSigmoid"): _hard_sigmoid,
    ("", "InstanceNormalization"): _instance_norm,
    ("", "LayerNormalization"): _layer_norm,
    ("", "LeakyRelu"): lambda a, x: functional.leaky_relu(x, a.get("alpha", 0.01)),
    ("", "LogSoftmax"): lambda a, x: torch.log_softmax(x, a.get("axis", -1)),
    ("", "Max"): _several(torch.maximum),
    ("", "MaxPool"): _pool("max_pool"),
    ("", "Min"): _several(torch.minimum),
    ("", "Mod"): _modulo,
    ("", "Pow"): _power,
    ("", "Softmax"): _softmax,
    ("", "Sum"): _several(torch.add),
    ("", "TopK"): _topk,
    ("com.microsoft", "Gelu"): _gelu,
}
