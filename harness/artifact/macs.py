"""Multiply-accumulates of each ONNX operator; one that may cost and is not known is an error.

Counted: products of matrices, convolutions, attention and recurrent cells. Free by convention,
as in fvcore and in papers: activations, normalisation, pooling, element-wise arithmetic, biases,
quantisation and moving data. Zeros in weights do not lower the count, non-zero parameters show
them. Table of differences to other counters: site/measuring.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import onnx

from harness.artifact.graph import Graph, analyse_body, attribute, bodies, label
from harness.errors import SlimbenchError

Rule = Callable[[onnx.NodeProto, Graph], int]


def node_macs(node: onnx.NodeProto, graph: Graph) -> int:
    """Multiply-accumulates of one node at batch 1; 0 if it only depends on stored numbers.

    Raises SlimbenchError naming the node when its operator is not known.
    """
    rule = _RULES.get((_domain(node), node.op_type))
    if rule is None:
        if (_domain(node), node.op_type) not in _FREE:
            raise SlimbenchError(
                f"the counter does not know {label(node)}, which may cost multiplications; add a "
                "rule to harness/artifact/macs.py or export without it"
            )
        return 0
    if all(name in graph.constants for name in node.output if name):
        return 0
    return rule(node, graph)


def _domain(node: onnx.NodeProto) -> str:
    return "" if node.domain == "ai.onnx" else node.domain


def _convolution(weight: int) -> Rule:
    def rule(node: onnx.NodeProto, graph: Graph) -> int:
        kernel = graph.shape(node.input[weight], node)  # (out, in / groups, *window)
        return math.prod(graph.shape(node.output[0], node)) * math.prod(kernel[1:])

    return rule


def _transposed_convolution(node: onnx.NodeProto, graph: Graph) -> int:
    kernel = graph.shape(node.input[1], node)  # (in, out / groups, *window)
    return math.prod(graph.shape(node.input[0], node)) * math.prod(kernel[1:])


def _matmul(left: int) -> Rule:
    def rule(node: onnx.NodeProto, graph: Graph) -> int:
        inner = graph.shape(node.input[left], node)[-1]
        return math.prod(graph.shape(node.output[0], node)) * inner

    return rule


def _gemm(node: onnx.NodeProto, graph: Graph) -> int:
    left = graph.shape(node.input[0], node)
    inner = left[0] if attribute(node, "transA", 0) else left[1]
    return math.prod(graph.shape(node.output[0], node)) * inner


def _einsum(node: onnx.NodeProto, graph: Graph) -> int:
    terms = attribute(node, "equation").decode().replace(" ", "").split("->")[0].split(",")
    if len(terms) == 1:
        return 0
    if len(terms) > 2 or any("." in term for term in terms):
        raise SlimbenchError(
            f"{label(node)}: only Einsum of two operands without '...' is counted, not "
            f"'{','.join(terms)}'; export it as MatMul"
        )
    sizes: dict[str, int] = {}
    for term, name in zip(terms, node.input, strict=True):
        sizes |= dict(zip(term, graph.shape(name, node), strict=True))
    return math.prod(sizes.values())


def _recurrent(gates: int) -> Rule:
    def rule(node: onnx.NodeProto, graph: Graph) -> int:
        steps, batch, size = graph.shape(node.input[0], node)  # layout=1 swaps the first two
        hidden = int(attribute(node, "hidden_size"))
        directions = 2 if attribute(node, "direction", b"forward") == b"bidirectional" else 1
        return steps * batch * directions * gates * hidden * (size + hidden)

    return rule


def _packed_attention(node: onnx.NodeProto, graph: Graph) -> int:
    """Projection by (hidden, 3 x size) weights, then scores and weighted values."""
    batch, length, hidden = graph.shape(node.input[0], node)
    columns = graph.shape(node.input[1], node)[1]
    return batch * length * (hidden * columns + 2 * length * columns // 3)


def _attention(node: onnx.NodeProto, graph: Graph) -> int:
    """Scores and weighted values of (batch, [heads,] length, size) queries, keys and values."""
    query, key, value = (graph.shape(name, node) for name in node.input[:3])
    if len(query) == 4:
        batch, heads, length, size = query
        return batch * heads * length * key[2] * (size + value[3])
    queries = int(attribute(node, "q_num_heads", attribute(node, "num_heads", 1)))
    heads = int(attribute(node, "kv_num_heads", queries))
    return query[0] * query[1] * key[1] * (query[2] + value[2] * queries // heads)


def _branches(node: onnx.NodeProto, graph: Graph) -> int:
    """A body that multiplies cannot be counted: how often it runs is not in the graph."""
    for body in bodies(node):
        for inner in body.node:
            if (_domain(inner), inner.op_type) not in _FREE:
                raise SlimbenchError(
                    f"{label(node)} holds {label(inner)}, which runs an unknown number of times; "
                    "export without control flow"
                )
    return 0


def _dearest_branch(node: onnx.NodeProto, graph: Graph) -> int:
    """The worst case of an If: the branch that multiplies more."""
    inner = [analyse_body(body, graph) for body in bodies(node)]
    return max(sum(node_macs(each, one) for each in one.nodes) for one in inner)


def _trees(node: onnx.NodeProto, graph: Graph) -> int:
    """One comparison counts as one multiply-accumulate, and so does one leaf that is added.

    Each tree is taken at its longest path.
    """
    ids = zip(attribute(node, "nodes_treeids"), attribute(node, "nodes_nodeids"), strict=True)
    children = zip(
        attribute(node, "nodes_modes"),
        attribute(node, "nodes_truenodeids"),
        attribute(node, "nodes_falsenodeids"),
        strict=True,
    )
    below = {
        (tree, place): () if mode == b"LEAF" else ((tree, true), (tree, false))
        for (tree, place), (mode, true, false) in zip(ids, children, strict=True)
    }
    longest, level = 0, [(tree, place) for tree, place in below if place == 0]
    depths = {tree: 1 for tree, _ in level}
    while level:
        longest += 1
        if longest > len(below):
            raise SlimbenchError(f"{label(node)} holds a tree that leads back to itself")
        depths |= {tree: longest for tree, _ in level}
        level = [child for place in level for child in below[place]]
    rows = graph.shape(node.input[0], node)[0]
    return rows * sum(depths.values())


MICROSOFT = "com.microsoft"
_RULES: dict[tuple[str, str], Rule] = {
    ("", "Conv"): _convolution(1),
    ("", "ConvInteger"): _convolution(1),
    ("", "QLinearConv"): _convolution(3),
    ("", "DeformConv"): _convolution(1),
    ("", "ConvTranspose"): _transposed_convolution,
    ("", "MatMul"): _matmul(0),
    ("", "MatMulInteger"): _matmul(0),
    ("", "QLinearMatMul"): _matmul(0),
    ("", "Gemm"): _gemm,
    ("", "Einsum"): _einsum,
    ("", "RNN"): _recurrent(1),
    ("", "GRU"): _recurrent(3),
    ("", "LSTM"): _recurrent(4),
    ("", "Attention"): _attention,
    ("", "If"): _dearest_branch,
    ("", "Loop"): _branches,
    ("", "Scan"): _branches,
    ("ai.onnx.ml", "TreeEnsembleRegressor"): _trees,
    (MICROSOFT, "FusedConv"): _convolution(1),
    (MICROSOFT, "FusedMatMul"): _matmul(0),
    (MICROSOFT, "TransposeMatMul"): _matmul(0),
    (MICROSOFT, "FusedGemm"): _gemm,
    (MICROSOFT, "QGemm"): _gemm,
    (MICROSOFT, "DynamicQuantizeMatMul"): _matmul(0),
    (MICROSOFT, "MatMulIntegerToFloat"): _matmul(0),
    (MICROSOFT, "MatMulNBits"): _matmul(0),
    (MICROSOFT, "DynamicQuantizeLSTM"): _recurrent(4),
    (MICROSOFT, "Attention"): _packed_attention,
    (MICROSOFT, "QAttention"): _packed_attention,
    (MICROSOFT, "MultiHeadAttention"): _attention,
}

_ELEMENTWISE = """
Abs Acos Acosh Add And Asin Asinh Atan Atanh BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor
Cast CastLike Ceil Celu Clip Cos Cosh Div Elu Equal Erf Exp Floor Gelu Greater GreaterOrEqual
HardSigmoid HardSwish Identity IsInf IsNaN LeakyRelu Less LessOrEqual Log Max Mean Min Mish Mod Mul
Neg Not Or PRelu Pow Reciprocal Relu Round Selu Shrink Sigmoid Sign Sin Sinh Softplus Softsign Sqrt
Sub Sum Swish Tan Tanh ThresholdedRelu Where Xor Dropout RotaryEmbedding
"""
_REDUCING = """
ArgMax ArgMin AveragePool BatchNormalization CumSum GlobalAveragePool GlobalLpPool GlobalMaxPool
GroupNormalization Hardmax InstanceNormalization LRN LayerNormalization LogSoftmax LpNormalization
LpPool MaxPool MeanVarianceNormalization NonMaxSuppression RMSNormalization ReduceL1 ReduceL2
ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare
Softmax TopK Unique
"""
_MOVING = """
CenterCropPad Col2Im Compress Concat Constant ConstantOfShape DepthToSpace Expand EyeLike Flatten
Gather GatherElements GatherND GridSample MaxRoiPool MaxUnpool NonZero OneHot Pad Range
ReverseSequence Reshape Resize RoiAlign Scatter ScatterElements ScatterND Shape Size Slice
SpaceToDepth Split Squeeze Tile Transpose Trilu Unsqueeze Upsample
DequantizeLinear DynamicQuantizeLinear QuantizeLinear
Bernoulli Multinomial RandomNormal RandomNormalLike RandomUniform RandomUniformLike
"""
_CONTRIBUTED = """
BiasGelu FastGelu Gelu LayerNormalization QLinearAdd QLinearAveragePool QLinearConcat
QLinearGlobalAveragePool QLinearLeakyRelu QLinearMul QLinearSigmoid QLinearSoftmax QuickGelu
SimplifiedLayerNormalization SkipLayerNormalization SkipSimplifiedLayerNormalization
QuantizeLinear DequantizeLinear
"""
_FREE = frozenset(
    [("", name) for name in f"{_ELEMENTWISE} {_REDUCING} {_MOVING}".split()]
    + [("", "SimplifiedLayerNormalization")]
    + [(MICROSOFT, name) for name in _CONTRIBUTED.split()]
)
