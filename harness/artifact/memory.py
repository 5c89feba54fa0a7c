"""Peak memory of activations: how many bytes are alive at once when nodes run in file order.

A tensor is alive from the node that writes it until the last node that reads it. Reshapes are
views. Tensors that only feed a QuantizeLinear, or come from a DequantizeLinear, are held in the
quantised type, as every INT8 engine does. Weights are not in it: they are `size_bytes`.
"""

from __future__ import annotations

import math
from collections import Counter

import onnx
from onnx import TensorProto

from harness.artifact.graph import Graph

_VIEWS = frozenset(["Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity", "Dropout"])
_QUANTISES = frozenset(["QuantizeLinear", "DequantizeLinear"])
_SUB_BYTE = {TensorProto.INT4: 0.5, TensorProto.UINT4: 0.5}


def tensor_bytes(name: str, graph: Graph) -> int:
    """Bytes of one tensor at batch 1; 0 when its shape is unknown or it is stored."""
    if name in graph.constants or name not in graph.shapes:
        return 0
    kind = graph.types.get(name) or TensorProto.FLOAT
    size = _SUB_BYTE.get(kind) or onnx.helper.tensor_dtype_to_np_dtype(kind).itemsize
    return math.ceil(math.prod(graph.shapes[name]) * size)


def peak_bytes(graph: Graph) -> int:
    """The largest sum of bytes of the activations alive at one node."""
    owner = _owners(graph)
    left = Counter(owner.get(name, name) for node in graph.nodes for name in node.input)
    left.update(owner.get(name, name) for name in graph.outputs)
    alive = {name: tensor_bytes(name, graph) for name in graph.inputs}
    peak = total = sum(alive.values())
    for node in graph.nodes:
        for name in node.output:
            if name and owner.get(name, name) == name and name not in alive:
                alive[name] = tensor_bytes(name, graph)
                total += alive[name]
        peak = max(peak, total)
        for name in {owner.get(name, name) for name in (*node.input, *node.output)}:
            left[name] -= sum(owner.get(each, each) == name for each in node.input)
            if left[name] <= 0:
                total -= alive.pop(name, 0)
    return peak


def _owners(graph: Graph) -> dict[str, str]:
    """Which tensor's memory a view lives in."""
    readers = Counter(name for node in graph.nodes for name in node.input)
    owner: dict[str, str] = {}
    for node in graph.nodes:
        if node.op_type in _VIEWS | _QUANTISES and node.input[0] not in graph.constants:
            source = owner.get(node.input[0], node.input[0])
            owner[node.output[0]] = source
    quantised: dict[str, str] = {}
    for node in graph.nodes:
        source = node.input[0] if node.input else ""
        alone = readers[source] == 1 and source not in graph.inputs
        if node.op_type == "QuantizeLinear" and alone and source not in owner:
            quantised[source] = node.output[0]
    return {name: quantised.get(root, root) for name, root in owner.items()} | quantised
