"""Which multiplications of a graph a runtime may do in 8-bit whole numbers."""

from __future__ import annotations

import onnx
from onnx import TensorProto

from harness.artifact.graph import Graph
from harness.artifact.macs import node_macs

EIGHT_BITS = frozenset([TensorProto.INT8, TensorProto.UINT8])
WHOLE = frozenset(  # operators that take 8-bit operands themselves
    [
        *("ConvInteger", "MatMulInteger", "QLinearConv", "QLinearMatMul", "QGemm", "QAttention"),
        *("DynamicQuantizeMatMul", "MatMulIntegerToFloat", "DynamicQuantizeLSTM"),
    ]
)
PAIRED = frozenset(["Conv", "ConvTranspose", "Gemm", "MatMul"])
MOVING = frozenset(["Flatten", "Reshape", "Squeeze", "Transpose", "Unsqueeze"])


def int8_macs(graph: Graph) -> int:
    """Multiply-accumulates at batch 1 of operators both of whose operands are 8-bit numbers.

    A float operator counts where each operand comes straight from a DequantizeLinear of 8 bits, as
    runtimes fuse them; one float operand, such as a weight left out of quantization, and it does
    not.
    """
    makers = {name: node for node in graph.nodes for name in node.output}
    return sum(node_macs(node, graph) for node in graph.nodes if _is_whole(node, makers, graph))


def _is_whole(node: onnx.NodeProto, makers: dict[str, onnx.NodeProto], graph: Graph) -> bool:
    if node.op_type in WHOLE:
        return True
    if node.op_type == "MatMulNBits":  # weights of few bits; at this level 8-bit activations too
        return any((one.name, one.i) == ("accuracy_level", 4) for one in node.attribute)
    return node.op_type in PAIRED and all(
        _is_restored(name, makers, graph) for name in node.input[:2]
    )


def _is_restored(name: str, makers: dict[str, onnx.NodeProto], graph: Graph) -> bool:
    """Whether a tensor is an 8-bit one, dequantized and at most moved."""
    maker = makers.get(name)
    while maker is not None and maker.op_type in MOVING:
        maker = makers.get(maker.input[0])
    if maker is None or maker.op_type != "DequantizeLinear":
        return False
    return graph.types.get(maker.input[0]) in EIGHT_BITS
