"""Standard operators that give `com.microsoft` ones their output shapes and types.

Source: ONNX Runtime, docs/ContribOperators.md, version 1.31. ONNX's shape inference knows
standard operators only, so each node is replaced by one that yields the same shape.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import onnx
from onnx import TensorProto, helper

DOMAIN = "com.microsoft"
Build = Callable[[onnx.NodeProto], list[onnx.NodeProto]]


def stand_in(node: onnx.NodeProto) -> list[onnx.NodeProto]:
    """Nodes of the standard domain with the same output shapes, or the node itself."""
    if node.domain != DOMAIN or node.op_type not in _STAND_INS:
        return [node]
    return _STAND_INS[node.op_type](node)


def _as(op: str, inputs: Sequence[int], keep: Iterable[str] = ()) -> Build:
    """The operator `op` on the inputs at the given positions, with attributes of names `keep`."""

    def build(node: onnx.NodeProto) -> list[onnx.NodeProto]:
        names = [node.input[index] for index in inputs if index < len(node.input)]
        copy = helper.make_node(op, names, [node.output[0]])
        copy.attribute.extend(item for item in node.attribute if item.name in set(keep))
        return [copy]

    return build


def _cast(build: Build, to: int) -> Build:
    """The stand-in's output cast to another element type."""

    def cast(node: onnx.NodeProto) -> list[onnx.NodeProto]:
        inner = build(node)
        name = f"{node.output[0]}/uncast"
        inner[-1].output[0] = name
        return [*inner, helper.make_node("Cast", [name], [node.output[0]], to=to)]

    return cast


def _concat(node: onnx.NodeProto) -> list[onnx.NodeProto]:
    copy = helper.make_node("Concat", list(node.input[2::3]), [node.output[0]])
    copy.attribute.extend(item for item in node.attribute if item.name == "axis")
    return [copy]


def _fused_matmul(node: onnx.NodeProto) -> list[onnx.NodeProto]:
    flags = {item.name: item.i for item in node.attribute}
    if any(flags.get(name) for name in ("transA", "transB", "transBatchA", "transBatchB")):
        return [node]
    return [helper.make_node("MatMul", list(node.input[:2]), [node.output[0]])]


def _nbits(node: onnx.NodeProto) -> list[onnx.NodeProto]:
    size = {item.name: item.i for item in node.attribute}
    output = node.output[0]
    zeros = helper.make_tensor(f"{output}/zeros", TensorProto.FLOAT, [1], [0.0])
    shape = helper.make_node("Constant", [], [f"{output}/shape"], value_ints=[size["K"], size["N"]])
    weight = helper.make_node(
        "ConstantOfShape", [f"{output}/shape"], [f"{output}/weight"], value=zeros
    )
    return [
        shape,
        weight,
        helper.make_node("MatMul", [node.input[0], f"{output}/weight"], [output]),
    ]


_CONV = ("dilations", "group", "kernel_shape", "pads", "strides", "auto_pad")
_POOL = ("ceil_mode", "count_include_pad", *_CONV)
_SAME = _as("Identity", [0])
_STAND_INS: dict[str, Build] = {
    "QLinearAdd": _as("Add", [0, 3]),
    "QLinearMul": _as("Mul", [0, 3]),
    "QLinearAveragePool": _as("AveragePool", [0], _POOL),
    "QLinearGlobalAveragePool": _as("GlobalAveragePool", [0]),
    "QLinearConcat": _concat,
    "QLinearSigmoid": _SAME,
    "QLinearLeakyRelu": _SAME,
    "QLinearSoftmax": _SAME,
    "QGemm": _as("Gemm", [0, 3], ("transA", "transB")),
    "FusedGemm": _as("Gemm", [0, 1], ("transA", "transB")),
    "FusedConv": _as("Conv", [0, 1], _CONV),
    "FusedMatMul": _fused_matmul,
    "TransposeMatMul": _fused_matmul,
    "DynamicQuantizeMatMul": _as("MatMul", [0, 1]),
    "MatMulIntegerToFloat": _cast(_as("MatMul", [0, 1]), TensorProto.FLOAT),
    "MatMulNBits": _nbits,
    "DynamicQuantizeLSTM": _as("LSTM", [0, 1, 2], ("direction", "hidden_size", "layout")),
    "Gelu": _SAME,
    "FastGelu": _SAME,
    "BiasGelu": _SAME,
    "QuickGelu": _SAME,
    "LayerNormalization": _SAME,
    "SkipLayerNormalization": _SAME,
    "SimplifiedLayerNormalization": _SAME,
    "SkipSimplifiedLayerNormalization": _SAME,
    "Attention": _SAME,
    "QAttention": _cast(_SAME, TensorProto.FLOAT),
    "MultiHeadAttention": _SAME,
    "QuantizeLinear": _cast(_SAME, TensorProto.UINT8),
    "DequantizeLinear": _cast(_SAME, TensorProto.FLOAT),
}
SHAPED = frozenset(_STAND_INS)
